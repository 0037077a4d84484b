import type { HostTensor, HostTensors, TensorFunction, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Wanted } from '../data/logits.js';
import { methodsOf, objectiveOf, teacherOf } from '../methods/index.js';
import type { Counted, Fit, LossInput, Needs, Objective, OnPolicy, TeacherSignal } from '../methods/objective.js';
import { scheduledAt } from '../methods/schedules/index.js';
import { weightAt, weighted, weightParameters } from '../methods/weights.js';
import type { LastTokens, ModelOutput, ParameterSpec, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { NEXT } from '../models/continuations.js';
import { dropoutSites, encode, forward, tellsTokens, tokenLogits, tokenLosses } from '../models/forward.js';
import { zeroed } from '../models/layers.js';
import type { Objective as ObjectiveOptions, Stage as StageOptions } from '../options/train.js';
import { type Counts, teacherFeeds } from './examples.js';
import { type Live, livePrefix, liveSignal } from './live.js';
import { matchOf } from './match-feeds.js';
import { fedNext } from './next-feeds.js';
import { fedPolicy } from './rollouts.js';

/** Values that dropout may zero, and how many of 256 it zeroes on average. */
export interface DropoutSite {
  readonly shape: readonly number[];
  readonly zeroed: number;
}

/** What is wanted of a teacher. */
export interface Asked extends Wanted {
  /** At which a cache of next tokens is read. */
  readonly temperature: number;
}

/** A stage made ready to run: what it computes, what it learns beside the model, and what it must be fed. */
export interface Stage {
  /** Returns `loss`, the weighted sum, and each objective's own loss as `loss.<i>`. */
  readonly fn: TensorFunction;
  /** Projections and the like, named `objective.<i>.<name>`. */
  readonly specs: Readonly<Record<string, ParameterSpec>>;
  /** Parameters that are read and not learnt: those of teachers that are asked. */
  readonly fixed: HostTensors;
  /** Of each teacher that is cached. */
  readonly wanted: readonly Asked[];
  /** What dropout may zero in a batch, in order of use. */
  readonly dropout: (rows: number, length: number) => readonly DropoutSite[];
  /** What each objective's loss is a mean over, and of which teacher's rows; undefined: of all. */
  readonly over: readonly { readonly counted: Counted; readonly teacher: number | undefined }[];
  /**
   * Numbers that change while it is trained, all fed: `progress` is 0 in the first update and 1 in the last. An objective
   * that learns nothing from such a batch, of the data or of the student's own texts, has weight 0.
   */
  readonly numbers: (progress: number, written?: boolean) => HostTensors;
  /** How the student writes what it learns from, and the place of the teacher that judges it. */
  readonly onPolicy: { readonly how: OnPolicy; readonly teacher: number } | undefined;
  /** Whether some objective says anything about a row: it has a label, the teachers of these places know it. */
  readonly applies: (labelled: boolean, knows: (teacher: number) => boolean) => boolean;
}

const shareFeed = (objective: number): string => `share.${objective}`;
const dropoutFeed = (site: number): string => `dropout.${site}`;
const weightFeed = (objective: number): string => `weight.${objective}`;
const scheduledFeed = (objective: number, name: string): string => `scheduled.${objective}.${name}`;
const scalar = (x: number): HostTensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(x) });

/**
 * By what each objective's mean over one of several batches is multiplied, so that their sum is the mean over all.
 * @param counts of the batches of one update: of each objective's rows
 */
export const shareFeeds = (counts: readonly (readonly number[])[], batch: number): HostTensors =>
  Object.fromEntries(
    (counts[batch] as readonly number[]).map((own, i) => {
      const all = counts.reduce((sum, each) => sum + (each[i] as number), 0);
      return [shareFeed(i), scalar(own / Math.max(1, all))];
    }),
  );

/** Masks under the names that a stage's function reads them by. */
export const dropoutFeeds = (masks: readonly HostTensor[]): HostTensors =>
  Object.fromEntries(masks.map((mask, site) => [dropoutFeed(site), mask]));

/** Weights that let one objective alone count, by its own weight of `numbers`. */
export const aloneFeeds = (numbers: HostTensors, objectives: number, alone: number): HostTensors =>
  Object.fromEntries(
    Array.from({ length: objectives }, (_, i) => [
      weightFeed(i),
      i === alone ? (numbers[weightFeed(i)] as HostTensor) : scalar(0),
    ]),
  );

/** No teacher, or none that an objective learns from. */
const SILENT: TeacherSignal = {
  logits: undefined,
  hiddenStates: new Map(),
  attentionScores: new Map(),
  values: new Map(),
  next: undefined,
};

const ascending = (layers: readonly number[]): number[] => [...new Set(layers)].sort((a, b) => a - b);

/** A model's output with its logits as those of single questions. */
const answered = (output: ModelOutput, questions: (logits: Tensor) => Tensor): ModelOutput => ({
  ...output,
  logits: questions(output.logits),
});

interface ObjectivePart {
  readonly entry: ObjectiveOptions;
  readonly objective: Objective<ObjectiveOptions>;
  readonly place: number | undefined;
  readonly fit: Fit | undefined;
  readonly prefix: string;
  readonly needs: Needs;
  readonly specs: Readonly<Record<string, ParameterSpec>>;
  readonly schedules: NonNullable<ReturnType<NonNullable<Objective<ObjectiveOptions>['schedules']>>>;
}

/**
 * @param key names the stage; two stages of one model must not share it
 * @param fits each teacher and the student side by side
 * @param live teachers that are asked, by place; the others are cached
 * @throws StepFailure if an objective does not fit the two models
 */
export function buildStage(
  config: TransformerConfig,
  options: StageOptions,
  fits: readonly Fit[],
  key: string,
  live: readonly (Live | undefined)[] = [],
): Stage {
  const parts = options.objectives.map((entry, i): ObjectivePart => {
    const objective = objectiveOf(entry, config.head);
    const place = teacherOf(entry);
    const fit = place === undefined ? undefined : fits[place];
    return {
      entry,
      objective,
      place,
      fit,
      prefix: `objective.${i}.`,
      needs: objective.needs(entry, fit),
      specs: { ...objective.parameters(entry, fit), ...weightParameters(entry.weight) },
      schedules: objective.schedules?.(entry) ?? {},
    };
  });
  const wanted = fits.map((_, place): Asked => {
    const own = parts.filter((p) => p.place === place);
    const temperatures = own.flatMap(({ entry }) => (entry.type === 'soft-label' ? [entry.temperature] : []));
    return {
      logits: own.some((p) => p.needs.logits),
      hiddenStates: ascending(own.flatMap((p) => p.needs.hiddenStates)),
      attention: ascending(own.flatMap((p) => p.needs.attention)),
      values: ascending(own.flatMap((p) => p.needs.values)),
      temperature: temperatures.find((each) => typeof each === 'number') ?? 1,
    };
  });
  const asked = wanted.map((each, place) =>
    parts.some((part) => part.place === place) && live[place] ? { ...each, live: live[place] } : undefined,
  );
  const specs = Object.fromEntries(
    parts.flatMap(({ prefix, specs }) => Object.entries(specs).map(([name, spec]) => [prefix + name, spec])),
  );

  const causal = architectureOf(config).decoder !== undefined;
  const all = config.head === 'token-classifier' || parts.some((p) => p.needs.lastHiddenState);
  const lastTokens: LastTokens = all ? 'all' : 'pooled';
  const { questions } = methodsOf(config.head);
  const dropout = (rows: number, length: number): DropoutSite[] =>
    dropoutSites(config, rows, length, lastTokens).map((shape) => ({ shape, zeroed: zeroed(config.dropout) }));

  const call = (parameters: Tensors, batch: Tensors): Tensors => {
    const feed = (name: string): Tensor => batch[name] as Tensor;
    const [ids, mask, rows] = ['ids', 'mask', 'rows'].map(feed) as [Tensor, Tensor, Tensor];
    const [size, length] = ids.shape as [number, number];
    const { types } = batch;
    const keep = dropout(size, length).map((_, site) => feed(dropoutFeed(site)));
    const input = { ids, mask, types, dropout: keep, lastTokens };
    const tells = tellsTokens(config);
    const compares = config.head === 'embedding';
    const student =
      tells || compares ? encode(config, parameters, input) : answered(forward(config, parameters, input), questions);
    const positions = batch[NEXT.positions];
    const last = student.hiddenStates.at(-1) as Tensor;
    const continuation =
      tells && positions
        ? {
            losses: tokenLosses(config, parameters, last, positions, feed(NEXT.targets)),
            weights: feed(NEXT.weights),
            logits: () => tokenLogits(config, parameters, last, positions),
          }
        : undefined;
    const teachers = wanted.map((each, place): TeacherSignal => {
      const own = asked[place];
      if (own) {
        const said = liveSignal(own.live, livePrefix(place), parameters, { ids, mask, types, positions }, own);
        return { ...said, logits: said.logits && questions(said.logits) };
      }
      const names = teacherFeeds(place);
      const logits = batch[names.logits];
      return {
        logits: logits && questions(logits),
        hiddenStates: new Map(each.hiddenStates.map((layer) => [layer, feed(names.hidden(layer))])),
        attentionScores: new Map(each.attention.map((layer) => [layer, feed(names.attention(layer))])),
        values: new Map((each.values ?? []).map((layer) => [layer, feed(names.values(layer))])),
        next: fedNext(place, batch),
      };
    });
    const weightedParts = parts.map(({ entry, objective, place, fit, prefix, specs, schedules }, i) => {
      const own = Object.fromEntries(Object.keys(specs).map((name) => [name, parameters[prefix + name] as Tensor]));
      const heard = place === undefined ? undefined : batch[teacherFeeds(place).rows];
      const given: LossInput = {
        student,
        continuation,
        match: compares ? matchOf(student, batch) : undefined,
        policy: fedPolicy(batch),
        teacher: (place === undefined ? undefined : teachers[place]) ?? SILENT,
        mask: heard && !compares ? tf.mul(mask, tf.reshape(heard, [size, 1])) : mask,
        rows: heard ? questionsOf(rows, heard) : rows,
        labels: feed('labels'),
        known: batch.known,
        causal,
        parameters: own,
        scheduled: Object.fromEntries(Object.keys(schedules).map((name) => [name, feed(scheduledFeed(i, name))])),
      };
      const mean = objective.loss(entry, given, fit);
      const share = batch[shareFeed(i)];
      const loss = share ? tf.mul(mean, share) : mean;
      return { loss, part: weighted(entry.weight, loss, feed(weightFeed(i)), own) };
    });
    const loss = weightedParts.map(({ part }) => part).reduce((a, b) => tf.add(a, b));
    return { loss, ...Object.fromEntries(weightedParts.map(({ loss: own }, i) => [`loss.${i}`, own])) };
  };
  return {
    fn: { key, call },
    specs,
    fixed: Object.assign(
      {},
      ...asked.map((own, place) => (own ? prefixed(own.live.model.parameters, livePrefix(place)) : {})),
    ),
    wanted: wanted.map((each, place) => (asked[place] ? NOTHING_CACHED : each)),
    dropout,
    over: parts.map(({ entry, objective, place }) => ({ counted: objective.over(causal, entry), teacher: place })),
    numbers: (progress, written = false) => numbersAt(parts, progress, written),
    onPolicy: onPolicyOf(parts),
    applies: (labelled, knows) =>
      parts.some(({ needs, place }) => (!needs.labels || labelled) && (place === undefined || knows(place))),
  };
}

/** Of the questions that rows ask, as many each, those of rows that a teacher knows: [n]. */
function questionsOf(questions: Tensor, heard: Tensor): Tensor {
  const [size] = heard.shape as [number];
  const each = tf.mul(tf.reshape(questions, [size, -1]), tf.reshape(heard, [size, 1]));
  return tf.reshape(each, questions.shape as [number]);
}

const NOTHING_CACHED: Asked = { logits: false, hiddenStates: [], attention: [], temperature: 1 };

const prefixed = (parameters: HostTensors, prefix: string): HostTensors =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [prefix + name, tensor]));

/** Each objective's weight, and what else of it follows a schedule. */
function numbersAt(parts: readonly ObjectivePart[], progress: number, written: boolean): HostTensors {
  const numbers: Record<string, HostTensor> = {};
  for (const [i, { entry, objective, schedules }] of parts.entries()) {
    const own = objective.onPolicy?.(entry);
    const counts = written ? own !== undefined : own === undefined || own.alsoData;
    numbers[weightFeed(i)] = scalar(counts ? weightAt(entry.weight, progress) : 0);
    for (const [name, schedule] of Object.entries(schedules)) {
      numbers[scheduledFeed(i, name)] = scalar(scheduledAt(schedule, progress));
    }
  }
  return numbers;
}

function onPolicyOf(parts: readonly ObjectivePart[]): Stage['onPolicy'] {
  const [first] = parts.flatMap(({ entry, objective, place }) => {
    const how = objective.onPolicy?.(entry);
    return how && place !== undefined ? [{ how, teacher: place }] : [];
  });
  return first;
}

/** How many things each objective's loss is a mean over, in one batch. */
export const countsOf = (over: Stage['over'], counts: (teacher: number | undefined) => Counts): readonly number[] =>
  over.map(({ counted, teacher }) => counts(teacher)[counted]);
