import type { Row } from '../data/dataset.js';
import { LogitsCache } from '../data/logits.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { InputArtifact } from '../engine/step.js';
import type { Fit } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { loadTransformer } from '../models/checkpoint.js';
import { hasLabels } from '../models/heads.js';
import { StepFailure } from '../util/failure.js';
import { fitBetween } from './fit.js';
import type { Live } from './live.js';
import { checkLabels, fitOf } from './preflight.js';

/** A teacher: what it said of each row, or the model itself. An objective does not know which. */
export interface Teacher {
  /** It and the student side by side. */
  readonly fit: Fit;
  readonly said: LogitsCache | undefined;
  readonly live: Live | undefined;
}

/** What a teacher has to fit. */
export interface Pupil {
  readonly config: TransformerConfig;
  readonly labels: readonly string[];
  /** SHA-256 of its tokenizer.json. */
  readonly tokenizer: string;
}

/**
 * The teachers of the input, in its order: artifacts of kind `logits` or `model`.
 * @throws StepFailure if one does not fit the student, or is no transformer
 */
export async function openTeachers(
  inputs: readonly InputArtifact[],
  pupil: Pupil,
  signal: AbortSignal,
): Promise<Teacher[]> {
  const teachers: Teacher[] = [];
  try {
    for (const { kind, path } of inputs) {
      teachers.push(kind === 'model' ? await asked(path, pupil) : await cached(path, pupil, signal));
    }
  } catch (error) {
    closeTeachers(teachers);
    throw error;
  }
  return teachers;
}

export function closeTeachers(teachers: readonly Teacher[]): void {
  for (const { said } of teachers) said?.close();
}

/**
 * A sentence for each teacher that knows only some of the rows of a stage.
 * @param taught places of the teachers that the stage's objectives learn from
 */
export function unknownRows(teachers: readonly Teacher[], taught: ReadonlySet<number>, rows: readonly Row[]): string[] {
  return teachers.flatMap(({ said }, place): string[] => {
    if (!said || !taught.has(place)) return [];
    const unknown = rows.filter(({ id }) => !said.has(id));
    if (unknown.length === 0) return [];
    const who = teachers.length === 1 ? 'the teacher' : `teacher ${place + 1}`;
    return [
      `${who} was not asked about ${unknown.length} of ${rows.length} rows (${unknown[0]?.id}, …): of them labels are learnt, where they have one`,
    ];
  });
}

/** Of the next tokens' probability, what those that a cache names hold at least, for it to say much. */
const COVERED = 0.9;

/** A sentence for each cache of next tokens whose most likely ones hold little of what the teacher holds likely. */
export function thinCaches(teachers: readonly Teacher[], taught: ReadonlySet<number>): string[] {
  return teachers.flatMap(({ said }, place): string[] => {
    const { tokens, covered } = said?.index ?? {};
    if (!taught.has(place) || tokens?.keep !== 'top-k' || !covered || covered.mean >= COVERED) return [];
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    return [
      `the ${tokens.k} most likely tokens that are cached hold ${percent(covered.mean)} of the teacher's probability (${percent(covered.least)} at least): of the rest only the sum is learnt. Raise k of the cache-logits step`,
    ];
  });
}

async function cached(folder: string, { config, labels, tokenizer }: Pupil, signal: AbortSignal): Promise<Teacher> {
  const said = await LogitsCache.open(folder, signal);
  try {
    return { fit: fitOf(said.index, config, labels, tokenizer), said, live: undefined };
  } catch (error) {
    said.close();
    throw error;
  }
}

async function asked(folder: string, { config, labels, tokenizer }: Pupil): Promise<Teacher> {
  const model = await loadTransformer(folder);
  if ((await loadTokenizer(folder)).hash !== tokenizer) {
    throw new StepFailure(
      'tokenizer',
      'the model that is given as "teacher" has another tokenizer than the student, so it cannot be asked the same tokens',
      'Give the student the tokenizer that the teacher was trained with, or cache-logits of the teacher.',
    );
  }
  const { config: own } = model;
  if (own.positions < config.maxLength) {
    throw new StepFailure(
      'max-length',
      `the teacher has positions for ${own.positions} tokens, and the student reads ${config.maxLength}`,
      `Give the student max_length: ${own.positions} or less.`,
    );
  }
  if (own.pairs !== config.pairs || config.head === 'embedding') {
    throw new StepFailure(
      'task',
      'the model that is given as "teacher" reads texts in another way than the student, so it cannot be asked the same tokens',
      'Let a cache-logits step ask it.',
    );
  }
  if (own.head === config.head && hasLabels(own.head)) checkLabels(model.labels, labels);
  return {
    fit: fitBetween(config, own),
    said: undefined,
    live: { model, order: labels.map((label) => model.labels.indexOf(label)) },
  };
}
