import { withoutGradient } from '../backend/gradient.js';
import type { HostTensors, TensorFunction, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import { ensembleOf } from '../methods/ensemble.js';
import { methodsOf } from '../methods/index.js';
import type { Counted, Fit, LossInput, TeacherSignal } from '../methods/objective.js';
import { weighted } from '../methods/weights.js';
import type { LastTokens, ModelOutput, ParameterSpec, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { NEXT } from '../models/continuations.js';
import { dropoutSites, encode, forward, tellsTokens, tokenLogits, tokenLosses } from '../models/forward.js';
import { zeroed } from '../models/layers.js';
import type { Stage as StageOptions } from '../options/train.js';
import { teacherFeeds } from './examples.js';
import { dropoutFeed, scheduledFeed, shareFeed, weightFeed } from './feeds.js';
import { type Live, liveSignal, voicesOf } from './live.js';
import { matchOf } from './match-feeds.js';
import { fedNext } from './next-feeds.js';
import {
  type Asked,
  namesOf,
  numbersAt,
  type ObjectivePart,
  partsOf,
  type Writing,
  wantedOf,
  writingOf,
} from './objective-parts.js';
import { fedPolicy } from './rollouts.js';

/** Values that dropout may zero, and how many of 256 it zeroes on average. */
export interface DropoutSite {
  readonly shape: readonly number[];
  readonly zeroed: number;
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
  readonly onPolicy: Writing | undefined;
  /** Whether some objective says anything about a row: it has a label, the teachers of these places know it. */
  readonly applies: (labelled: boolean, knows: (teacher: number) => boolean) => boolean;
  /** Each objective's loss: what it is called, and which of the models that are trained at once learns by it. */
  readonly losses: readonly { readonly name: string; readonly model: number }[];
}

/** What a model computes of a batch, as objectives see it. */
export type Said = Pick<LossInput, 'student' | 'continuation'>;

/** One model of a stage, alone or among several in one graph. Parameters go by its own names. */
export interface Member extends Omit<Stage, 'fn' | 'losses'> {
  /** What its objectives are called. */
  readonly names: readonly string[];
  compute(parameters: Tensors, batch: Tensors): Said;
  /** What its teachers say, cached or asked in the graph. */
  hear(parameters: Tensors, batch: Tensors): readonly TeacherSignal[];
  /** @param teachers by place: an objective does not know whether one is cached, asked, or learns beside it */
  learn(said: Said, teachers: readonly TeacherSignal[], parameters: Tensors, batch: Tensors): Learnt;
}

interface Learnt {
  /** The weighted sum. */
  readonly loss: Tensor;
  /** Each objective's own, before its weight. */
  readonly losses: readonly Tensor[];
}

/** Where one of several models stands in a graph. */
export interface Place {
  /** Objectives and dropout sites of those before it. */
  readonly objectives: number;
  readonly sites: number;
  /** Its last layer is read of all tokens, whatever its own objectives need. */
  readonly whole: boolean;
}

const ALONE: Place = { objectives: 0, sites: 0, whole: false };

/** No teacher, or none that an objective learns from. */
const SILENT: TeacherSignal = {
  logits: undefined,
  hiddenStates: new Map(),
  attentionScores: new Map(),
  values: new Map(),
  next: undefined,
};

/** A model's output with its logits as those of single questions. */
export const answered = (output: ModelOutput, questions: (logits: Tensor) => Tensor): ModelOutput => ({
  ...output,
  logits: questions(output.logits),
});

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
  const { names, compute, hear, learn, ...stage } = memberOf(
    config,
    partsOf(options.objectives, config.head, fits),
    fits.length,
    live,
  );
  const call = (parameters: Tensors, batch: Tensors): Tensors => {
    const said = compute(parameters, batch);
    const { loss, losses } = learn(said, hear(parameters, batch), parameters, batch);
    return { loss, ...Object.fromEntries(losses.map((own, i) => [`loss.${i}`, own])) };
  };
  return { ...stage, fn: { key, call }, losses: names.map((name) => ({ name, model: 0 })) };
}

/**
 * A model and what it learns.
 * @param teachers how many it has
 * @param live those that are asked, by place; the others are cached, or learn beside it
 */
export function memberOf(
  config: TransformerConfig,
  parts: readonly ObjectivePart[],
  teachers: number,
  live: readonly (Live | undefined)[] = [],
  at: Place = ALONE,
): Member {
  const wanted = wantedOf(parts, teachers);
  const asked = wanted.map((each, place) =>
    parts.some((part) => part.place === place) && live[place] ? { ...each, live: live[place] } : undefined,
  );
  const specs = Object.fromEntries(
    parts.flatMap(({ prefix, specs }) => Object.entries(specs).map(([name, spec]) => [prefix + name, spec])),
  );

  const causal = architectureOf(config).decoder !== undefined;
  const all = at.whole || config.head === 'token-classifier' || parts.some((p) => p.needs.lastHiddenState);
  const lastTokens: LastTokens = all ? 'all' : 'pooled';
  const { questions } = methodsOf(config.head);
  const dropout = (rows: number, length: number): DropoutSite[] =>
    dropoutSites(config, rows, length, lastTokens).map((shape) => ({ shape, zeroed: zeroed(config.dropout) }));

  const compares = config.head === 'embedding';
  const compute = (parameters: Tensors, batch: Tensors): Said => {
    const feed = (name: string): Tensor => batch[name] as Tensor;
    const [ids, mask] = ['ids', 'mask'].map(feed) as [Tensor, Tensor];
    const [size, length] = ids.shape as [number, number];
    const keep = dropout(size, length).map((_, site) => feed(dropoutFeed(at.sites + site)));
    const { types } = batch;
    const input = { ids, mask, types, dropout: keep, lastTokens };
    const tells = tellsTokens(config);
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
    return { student, continuation };
  };
  const hear = (parameters: Tensors, batch: Tensors): TeacherSignal[] => {
    const feed = (name: string): Tensor => batch[name] as Tensor;
    const [ids, mask] = ['ids', 'mask'].map(feed) as [Tensor, Tensor];
    const positions = batch[NEXT.positions];
    return wanted.map((each, place): TeacherSignal => {
      const own = asked[place];
      if (own) {
        const read = { ids, mask, types: batch.types, positions };
        const signals = voicesOf(own.live, place).map((voice) => {
          const said = liveSignal(voice, own.live.order, parameters, read, own);
          return { ...said, logits: said.logits && questions(said.logits) };
        });
        return signals.length === 1 ? (signals[0] as TeacherSignal) : withoutGradient(() => ensembleOf(signals));
      }
      const names = teacherFeeds(place);
      const logits = batch[names.logits];
      return {
        logits: logits && questions(logits),
        hiddenStates: new Map(each.hiddenStates.map((layer) => [layer, feed(names.hidden(layer))])),
        attentionScores: new Map(each.attention.map((layer) => [layer, feed(names.attention(layer))])),
        values: new Map((each.values ?? []).map((layer) => [layer, feed(names.values(layer))])),
        next: fedNext(place, batch),
        vectors: each.vectors ? { texts: feed(names.texts), candidates: feed(names.candidates) } : undefined,
      };
    });
  };
  const learn: Member['learn'] = ({ student, continuation }, said, parameters, batch) => {
    const feed = (name: string): Tensor => batch[name] as Tensor;
    const [ids, mask, rows] = ['ids', 'mask', 'rows'].map(feed) as [Tensor, Tensor, Tensor];
    const [size] = ids.shape as [number];
    const weightedParts = parts.map(({ entry, objective, place, fit, prefix, specs, schedules }, i) => {
      const own = Object.fromEntries(Object.keys(specs).map((name) => [name, parameters[prefix + name] as Tensor]));
      const heard = place === undefined ? undefined : batch[teacherFeeds(place).rows];
      const given: LossInput = {
        student,
        continuation,
        match: compares ? matchOf(student, batch) : undefined,
        policy: fedPolicy(batch),
        teacher: (place === undefined ? undefined : said[place]) ?? SILENT,
        mask: heard && !compares ? tf.mul(mask, tf.reshape(heard, [size, 1])) : mask,
        rows: heard ? questionsOf(rows, heard) : rows,
        labels: feed('labels'),
        known: batch.known,
        causal,
        parameters: own,
        scheduled: Object.fromEntries(
          Object.keys(schedules).map((name) => [name, feed(scheduledFeed(at.objectives + i, name))]),
        ),
      };
      const mean = objective.loss(entry, given, fit);
      const share = batch[shareFeed(at.objectives + i)];
      const loss = share ? tf.mul(mean, share) : mean;
      return { loss, part: weighted(entry.weight, loss, feed(weightFeed(at.objectives + i)), own) };
    });
    const loss = weightedParts.map(({ part }) => part).reduce((a, b) => tf.add(a, b));
    return { loss, losses: weightedParts.map(({ loss: own }) => own) };
  };
  return {
    names: namesOf(parts.map(({ entry }) => entry)),
    compute,
    hear,
    learn,
    specs,
    fixed: Object.assign(
      {},
      ...asked.flatMap((own, place) =>
        own ? voicesOf(own.live, place).map(({ model, prefix }) => prefixed(model.parameters, prefix)) : [],
      ),
    ),
    wanted: wanted.map((each, place) => (asked[place] ? NOTHING_CACHED : each)),
    dropout,
    over: parts.map(({ entry, objective, place }) => ({ counted: objective.over(causal, entry), teacher: place })),
    numbers: (progress, written = false) => numbersAt(parts, at.objectives, progress, written),
    onPolicy: writingOf(parts),
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
