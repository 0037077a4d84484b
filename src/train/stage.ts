import type { HostTensor, HostTensors, TensorFunction, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Wanted } from '../data/logits.js';
import { methodsOf, objectiveOf, teacherOf } from '../methods/index.js';
import type { Counted, Fit, TeacherSignal } from '../methods/objective.js';
import type { ModelOutput, ParameterSpec, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { NEXT } from '../models/continuations.js';
import { dropoutSites, encode, forward, tokenLosses } from '../models/forward.js';
import type { Stage as StageOptions } from '../options/train.js';
import { type Counts, teacherFeeds } from './examples.js';
import { matchOf } from './match-feeds.js';

/** A stage made ready to run: what it computes, what it learns beside the model, and what it must be fed. */
export interface Stage {
  /** Returns `loss`, the weighted sum, and each objective's own loss as `loss.<i>`. */
  readonly fn: TensorFunction;
  /** Projections and the like, named `objective.<i>.<name>`. */
  readonly specs: Readonly<Record<string, ParameterSpec>>;
  /** Of each teacher. */
  readonly wanted: readonly Wanted[];
  /** Shapes of the values that dropout may zero in a batch. */
  readonly dropoutSites: (rows: number, length: number) => readonly (readonly number[])[];
  /** What each objective's loss is a mean over. */
  readonly over: readonly Counted[];
  /** No objective says anything about a row without a label. */
  readonly labelledOnly: boolean;
}

const shareFeed = (objective: number): string => `share.${objective}`;
const dropoutFeed = (site: number): string => `dropout.${site}`;

/**
 * By what each objective's mean over one of several batches is multiplied, so that their sum is the mean over all.
 * @param counts of the batches of one update
 */
export const shareFeeds = (over: readonly Counted[], counts: readonly Counts[], batch: number): HostTensors =>
  Object.fromEntries(
    over.map((counted, i) => {
      const all = counts.reduce((sum, each) => sum + each[counted], 0);
      const data = Float32Array.of((counts[batch] as Counts)[counted] / Math.max(1, all));
      return [shareFeed(i), { dtype: 'float32', shape: [], data }];
    }),
  );

/** Masks under the names that a stage's function reads them by. */
export const dropoutFeeds = (masks: readonly HostTensor[]): HostTensors =>
  Object.fromEntries(masks.map((mask, site) => [dropoutFeed(site), mask]));

/** No teacher, or none that an objective learns from. */
const SILENT: TeacherSignal = { logits: undefined, hiddenStates: new Map(), attentionScores: new Map() };

const ascending = (layers: readonly number[]): number[] => [...new Set(layers)].sort((a, b) => a - b);

/** A model's output with its logits as those of single questions. */
const answered = (output: ModelOutput, questions: (logits: Tensor) => Tensor): ModelOutput => ({
  ...output,
  logits: questions(output.logits),
});

/**
 * @param key names the stage; two stages of one model must not share it
 * @param fits each teacher and the student side by side
 * @throws StepFailure if an objective does not fit the two models
 */
export function buildStage(config: TransformerConfig, options: StageOptions, fits: readonly Fit[], key: string): Stage {
  const parts = options.objectives.map((entry, i) => {
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
      specs: objective.parameters(entry, fit),
    };
  });
  const wanted = fits.map((_, place): Wanted => {
    const own = parts.filter((p) => p.place === place);
    return {
      logits: own.some((p) => p.needs.logits),
      hiddenStates: ascending(own.flatMap((p) => p.needs.hiddenStates)),
      attention: ascending(own.flatMap((p) => p.needs.attention)),
    };
  });
  const specs = Object.fromEntries(
    parts.flatMap(({ prefix, specs }) => Object.entries(specs).map(([name, spec]) => [prefix + name, spec])),
  );

  const causal = architectureOf(config).decoder !== undefined;
  const all = config.head === 'token-classifier' || parts.some((p) => p.needs.lastHiddenState);
  const lastTokens = all ? 'all' : 'pooled';
  const { questions } = methodsOf(config.head);
  const sites = (rows: number, length: number) => dropoutSites(config, rows, length, lastTokens);

  const call = (parameters: Tensors, batch: Tensors): Tensors => {
    const feed = (name: string): Tensor => batch[name] as Tensor;
    const [rows, length] = feed('ids').shape as [number, number];
    const dropout = sites(rows, length).map((_, site) => feed(dropoutFeed(site)));
    const input = { ids: feed('ids'), mask: feed('mask'), types: batch.types, dropout, lastTokens } as const;
    const writes = config.head === 'language-model';
    const compares = config.head === 'embedding';
    const student =
      writes || compares ? encode(config, parameters, input) : answered(forward(config, parameters, input), questions);
    const continuation = writes
      ? {
          losses: tokenLosses(
            config,
            parameters,
            student.hiddenStates.at(-1) as Tensor,
            feed(NEXT.positions),
            feed(NEXT.targets),
          ),
          weights: feed(NEXT.weights),
        }
      : undefined;
    const teachers = wanted.map(({ hiddenStates, attention }, place): TeacherSignal => {
      const names = teacherFeeds(place);
      return {
        logits: batch[names.logits] && questions(batch[names.logits] as Tensor),
        hiddenStates: new Map(hiddenStates.map((layer) => [layer, feed(names.hidden(layer))])),
        attentionScores: new Map(attention.map((layer) => [layer, feed(names.attention(layer))])),
      };
    });
    const losses = parts.map(({ entry, objective, place, fit, prefix, specs }, i) => {
      const own = Object.fromEntries(Object.keys(specs).map((name) => [name, parameters[prefix + name] as Tensor]));
      const given = {
        student,
        continuation,
        match: compares ? matchOf(student, batch) : undefined,
        teacher: (place === undefined ? undefined : teachers[place]) ?? SILENT,
        mask: feed('mask'),
        rows: feed('rows'),
        labels: feed('labels'),
        causal,
        parameters: own,
      };
      const mean = objective.loss(entry, given, fit);
      const share = batch[shareFeed(i)];
      return share ? tf.mul(mean, share) : mean;
    });
    const weighted = losses.map((loss, i) => tf.mul(loss, (parts[i] as (typeof parts)[number]).entry.weight));
    const loss = weighted.reduce((a, b) => tf.add(a, b));
    return { loss, ...Object.fromEntries(losses.map((l, i) => [`loss.${i}`, l])) };
  };
  return {
    fn: { key, call },
    specs,
    wanted,
    dropoutSites: sites,
    over: parts.map((p) => p.objective.over(causal)),
    labelledOnly: parts.every((p) => p.needs.labels),
  };
}
