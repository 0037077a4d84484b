import type { EnsembleTeachersOptions } from '../../options/ensemble-teachers.js';
import { entropy, type Opinion } from './combine.js';

export type WeightOptions = EnsembleTeachersOptions['weights'];

/** Weights of the teachers that have an opinion of a row, sum 1. @param present which teachers these are */
export type Weigh = (opinions: readonly Opinion[], present: readonly number[]) => number[];

/**
 * @param scores of the teachers on labelled rows, for weights by score: each score's distance to chance
 */
export function weighing(options: WeightOptions, scores: readonly number[] | undefined): Weigh {
  if (Array.isArray(options)) return (_, present) => normalised(present.map((i) => options[i] as number));
  switch (options) {
    case 'uniform':
      return (_, present) => normalised(present.map(() => 1));
    case 'accuracy':
    case 'macro_f1':
      return (_, present) => normalised(present.map((i) => scores?.[i] as number));
    case 'entropy':
      return (opinions) => normalised(opinions.map(certainty));
    case 'max_probability':
      return (opinions) => normalised(opinions.map(({ logProbabilities }) => Math.exp(Math.max(...logProbabilities))));
  }
}

/** 1 − entropy over its largest: 0 for a teacher that knows nothing of a row. */
function certainty({ logProbabilities }: Opinion): number {
  return Math.max(0, 1 - entropy(logProbabilities) / Math.log(logProbabilities.length));
}

/** Divided by their sum; equal if all are 0. */
function normalised(weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  return sum > 0 ? weights.map((w) => w / sum) : weights.map(() => 1 / weights.length);
}
