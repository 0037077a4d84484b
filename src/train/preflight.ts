import type { LogitsIndex } from '../data/logits.js';
import { methodsOf, objectiveOf, teacherOf } from '../methods/index.js';
import type { Fit, Needs } from '../methods/objective.js';
import { isSchedule } from '../methods/schedules/index.js';
import type { Head, TransformerConfig } from '../models/architecture.js';
import { ofTask } from '../models/heads.js';
import { valueShape } from '../models/values.js';
import type { Objective, Stage } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import type { Metric } from './validate.js';

/**
 * Teacher and student side by side.
 * @param labels of the data; the teacher's may stand in another order
 * @param tokenizer SHA-256 of the student's tokenizer.json; of no account where the teacher read texts and not tokens
 * @throws StepFailure if the logits were made for another task, with other labels, another tokenizer or another length
 */
export function fitOf(
  index: LogitsIndex,
  config: TransformerConfig,
  labels: readonly string[],
  tokenizer: string,
): Fit {
  const { task } = ofTask(config.head);
  if (index.labels.length > 0 && index.task !== task) {
    throw new StepFailure(
      'task',
      `the teacher's logits are those of a model for task "${index.task ?? 'classification'}", and the student learns task "${task ?? methodsOf(config.head).task}"`,
      'Train teacher and student for the same task.',
    );
  }
  if (index.labels.length > 0) checkLabels(index.labels, labels);
  // What compares vectors learns from scores alone: the teacher may have read the texts in another way.
  const aligned = config.head !== 'embedding';
  if (aligned && index.tokenizer !== null && index.tokenizer !== tokenizer) {
    throw new StepFailure(
      'tokenizer',
      "the teacher's logits were made with another tokenizer than the student's",
      'Give the student the tokenizer that the teacher was trained with.',
    );
  }
  if (aligned && index.maxLength !== null && index.maxLength !== config.maxLength) {
    throw new StepFailure(
      'max-length',
      `the teacher read ${index.maxLength} tokens of a text, the student reads ${config.maxLength}`,
      `Give the student max_length: ${index.maxLength}.`,
    );
  }
  return {
    layers: { student: config.layers, teacher: index.teacher.layers },
    studentHidden: config.hidden,
    teacherHidden: index.teacher.hidden,
    studentHeads: config.heads,
    teacherHeads: index.teacher.heads,
    teacherSimilarity: index.teacher.similarity,
    studentValues: valueShape(config),
    teacherValues: index.values,
  };
}

export function checkLabels(teacher: readonly string[], data: readonly string[]): void {
  const unknown = data.filter((label) => !teacher.includes(label));
  const extra = teacher.filter((label) => !data.includes(label));
  if (unknown.length + extra.length === 0) return;
  const quoted = (labels: readonly string[]): string => labels.map((label) => JSON.stringify(label)).join(', ');
  throw new StepFailure(
    'labels',
    `the labels of the input "teacher" are not those of the input "data": ${[
      ...(unknown.length > 0 ? [`the teacher does not know ${quoted(unknown)}`] : []),
      ...(extra.length > 0 ? [`the data does not have ${quoted(extra)}`] : []),
    ].join('; ')}`,
    'Train the student on rows of the corpus that the teacher was trained on, or that it was asked about.',
  );
}

/** What of a cache says whether an objective can learn from it. */
interface Said {
  readonly teacher: { readonly name: string };
  readonly labels: { readonly length: number };
  readonly tokenizer: string | null;
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
  readonly values?: { readonly layers: readonly number[] };
  readonly vectors?: number;
  readonly tokens:
    | { readonly keep: 'full' }
    | { readonly keep: 'top-k'; readonly k: number; readonly temperature: number }
    | { readonly keep: 'sampled'; readonly temperature: number }
    | null;
}

/** A teacher beside its student, and what its cache holds or the model that is asked. */
export interface Taught {
  readonly fit: Fit;
  readonly index?: Said | undefined;
  readonly live?: { readonly model: { readonly config: Pick<TransformerConfig, 'type' | 'head'> } } | undefined;
}

/**
 * Checks the objectives of all stages before anything is trained.
 * @param head what the model is trained with
 * @param teachers in the order of the input
 * @throws StepFailure if an objective makes no sense for the task, needs a teacher that is not there, does not fit the two models, or needs what the
 *   logits do not hold; or if nothing is learnt from one of several teachers
 */
export function checkObjectives(stages: readonly Stage[], head: Head, teachers: readonly Taught[]): void {
  const taught = new Set<number>();
  for (const entry of stages.flatMap((stage) => stage.objectives)) {
    objectiveOf(entry, head);
    const place = teacherOf(entry);
    if (place === undefined) continue;
    if (teachers.length === 0) {
      throw new StepFailure(
        'no-teacher',
        `objective "${entry.type}" learns from a teacher, and the input "teacher" is not given`,
        'Give the output of a cache-logits step, or a model, as "teacher", or leave the objective out.',
      );
    }
    const teacher = teachers[place];
    if (teacher === undefined) {
      throw new StepFailure(
        'no-teacher',
        `objective "${entry.type}" learns from teacher ${place + 1}, and the input "teacher" has ${teachers.length}`,
        'They are counted from 1.',
      );
    }
    taught.add(place);
    checkObjective(entry, head, teacher, teachers.length);
  }
  const idle = teachers.findIndex((_, place) => !taught.has(place));
  if (teachers.length < 2 || idle < 0) return;
  throw new StepFailure(
    'not-used',
    `the input "teacher" has ${teachers.length} teachers, and no objective learns from number ${idle + 1}`,
    `Add an objective with teacher: ${idle + 1}, or make one teacher of all with an ensemble-teachers step.`,
  );
}

/**
 * Checks an objective that learns from a teacher.
 * @param teachers how many there are
 * @throws StepFailure if it does not fit the two models, or needs what the teacher has not
 */
export function checkObjective(entry: Objective, head: Head, { fit, index, live }: Taught, teachers: number): void {
  const whose = teachers === 1 ? "the teacher's" : `teacher ${(teacherOf(entry) as number) + 1}'s`;
  const what = `objective "${entry.type}" needs ${whose}`;
  const objective = objectiveOf(entry, head);
  if (objective.onPolicy && !live) {
    throw new StepFailure(
      'no-teacher',
      `objective "${entry.type}" asks its teacher about what the student will write, which no cache holds`,
      'Give the model itself as "teacher".',
    );
  }
  if (live) checkAsked(what, objective.needs(entry, fit), head, live.model.config);
  else checkSaid(what, entry, head, fit, index as Said);
}

/** Whether a teacher that is asked has what an objective needs: all layers it has. */
function checkAsked(what: string, needs: Needs, head: Head, teacher: Pick<TransformerConfig, 'type' | 'head'>): void {
  if (needs.vectors) {
    throw new StepFailure(
      'not-cached',
      `${what} vectors of the texts, and of a model that is asked they are not known`,
      'Let a cache-logits step with vectors: true ask it.',
    );
  }
  if (!needs.logits || teacher.head === head) return;
  throw new StepFailure(
    'task',
    `${what} logits, but the teacher, a ${teacher.type}, ${teacher.head === 'none' ? 'has no head' : `is for task "${methodsOf(teacher.head).task}"`}`,
    'Take a teacher of the same task, or learn from its layers.',
  );
}

function checkSaid(what: string, entry: Objective, head: Head, fit: Fit, index: Said): void {
  if (head === 'masked-language-model') {
    throw new StepFailure(
      'not-cached',
      `${what} answers about texts in which tokens are hidden, others in every pass, and the cache is of whole texts`,
      'Give the model itself as "teacher".',
    );
  }
  const needs =
    index.tokenizer === null ? needsOfTexts(entry, head, fit, index) : objectiveOf(entry, head).needs(entry, fit);
  if (needs.logits && head === 'language-model') checkNext(what, entry, index);
  else if (needs.logits && index.labels.length === 0) {
    throw new StepFailure(
      'not-cached',
      `${what} class logits, but the teacher, a ${index.teacher.name}, tells no labels apart`,
      'Train the teacher as a classifier first, or leave the objective out.',
    );
  }
  if (head === 'language-model' && needs.hiddenStates.length + needs.attention.length + needs.values.length > 0) {
    throw new StepFailure(
      'not-cached',
      `${what} layers, and of a language model's texts the cache is read for next tokens only`,
      'Give the model itself as "teacher".',
    );
  }
  if (needs.vectors && !index.vectors) {
    throw new StepFailure(
      'not-cached',
      `${what} vectors of the texts, and the cache keeps none`,
      'Give the cache-logits step vectors: true; its teacher has to be one that compares vectors.',
    );
  }
  checkLayers(`${what} hidden states`, 'hidden_states', needs.hiddenStates, index.hiddenStates);
  checkLayers(`${what} attention scores`, 'attention', needs.attention, index.attention);
  checkLayers(`${what} values`, 'values', needs.values, index.values?.layers ?? []);
}

/** Whether a cache has what an objective needs of the next tokens. */
function checkNext(what: string, entry: Objective, { tokens, teacher }: Said): void {
  if (tokens === null) {
    throw new StepFailure(
      'not-cached',
      `${what} next tokens, but the teacher, a ${teacher.name}, is no language model`,
      'Take a language model as the teacher, or leave the objective out.',
    );
  }
  if (tokens.keep === 'full' || entry.type !== 'soft-label') return;
  const { temperature, divergence } = entry;
  const whole = 'Give the cache-logits step tokens: { keep: full }, or the model itself as "teacher".';
  if (divergence.type === 'mse' || (tokens.keep === 'sampled' && divergence.type !== 'forward')) {
    throw new StepFailure(
      'not-cached',
      `${what} whole logits for the divergence ${divergence.type}, but the cache holds ${tokens.keep === 'top-k' ? `the ${tokens.k} most likely tokens` : 'tokens that were drawn'}`,
      whole,
    );
  }
  if (typeof temperature === 'number') return;
  const moves = isSchedule(temperature) ? 'that changes' : 'of that kind';
  throw new StepFailure(
    'not-cached',
    `${what} whole logits for a temperature ${moves}, but the cache holds next tokens at temperature ${tokens.temperature} only`,
    whole,
  );
}

/**
 * What an objective needs of a teacher that reads texts and not tokens.
 * @throws StepFailure if that is more than class logits
 */
function needsOfTexts(entry: Objective, head: Head, fit: Fit, { teacher }: Said): Needs {
  const none = new StepFailure(
    'not-cached',
    `objective "${entry.type}" learns from a teacher's layers, and of this one (${teacher.name}) only class logits are known`,
    'Learn from it by soft-label.',
  );
  let needs: Needs;
  try {
    needs = objectiveOf(entry, head).needs(entry, fit);
  } catch (error) {
    // It has no layers and no heads: that they do not fit is another way to say so.
    throw error instanceof StepFailure ? none : error;
  }
  if (needs.hiddenStates.length + needs.attention.length + needs.values.length > 0) throw none;
  return needs;
}

/**
 * Checks what stages say of the model and of how it is judged.
 * @param judged the step has the input "validation"
 * @param metrics that a stage may be judged by
 * @throws StepFailure if a stage freezes a layer that is not there, or is to be judged by nothing, or by another metric
 */
export function checkStages(
  stages: readonly Stage[],
  { layers, head }: TransformerConfig,
  judged: boolean,
  metrics: readonly Metric[],
): void {
  for (const [i, { freeze, validate }] of stages.entries()) {
    const strange = freeze.find((part) => typeof part === 'number' && part > layers);
    if (strange !== undefined) {
      throw new StepFailure(
        'layers',
        `stage ${i + 1} freezes layer ${strange}, but the model has layers 1 to ${layers}`,
      );
    }
    if (validate?.metric && !metrics.includes(validate.metric)) {
      const { task } = methodsOf(head);
      throw new StepFailure(
        'task',
        `stage ${i + 1} is judged by ${validate.metric}, which makes no sense for task "${task}"`,
        `It may be judged by ${metrics.join(', ')}.`,
      );
    }
    if (validate && !judged) {
      throw new StepFailure(
        'no-validation',
        `stage ${i + 1} has "validate", and the input "validation" is not given`,
        'Give the validation split of a sample-data step as "validation", or leave "validate" out.',
      );
    }
  }
  if (judged && !stages.some(({ validate }) => validate)) {
    throw new StepFailure(
      'not-used',
      'the input "validation" is given, and no stage has "validate"',
      'Add validate: {}.',
    );
  }
}

function checkLayers(what: string, option: string, needed: readonly number[], kept: readonly number[]): void {
  const lacking = [...new Set(needed)].filter((layer) => !kept.includes(layer));
  if (lacking.length === 0) return;
  const layers = (list: readonly number[]): string => `layer${list.length === 1 ? '' : 's'} ${list.join(', ')}`;
  throw new StepFailure(
    'not-cached',
    `${what} of ${layers(lacking)}, but the logits hold ${kept.length === 0 ? 'none' : layers(kept)}`,
    `Add ${lacking.join(', ')} to ${option} of the cache-logits step.`,
  );
}
