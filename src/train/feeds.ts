import type { HostTensor, HostTensors } from '../backend/runner.js';
import type { Counts } from './examples.js';
import type { Stage } from './stage.js';

/** Names under which numbers and masks are fed. Objectives and sites are counted through all models that learn at once. */
export const shareFeed = (objective: number): string => `share.${objective}`;
export const dropoutFeed = (site: number): string => `dropout.${site}`;
export const weightFeed = (objective: number): string => `weight.${objective}`;
export const scheduledFeed = (objective: number, name: string): string => `scheduled.${objective}.${name}`;
export const scalar = (x: number): HostTensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(x) });

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

/** How many things each objective's loss is a mean over, in one batch. */
export const countsOf = (over: Stage['over'], counts: (teacher: number | undefined) => Counts): readonly number[] =>
  over.map(({ counted, teacher }) => counts(teacher)[counted]);
