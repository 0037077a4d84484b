/** How well numbers were predicted, as scipy and scikit-learn have it. */

import { mean } from '../util/numbers.js';

export interface ScoreQuality {
  /** Pearson's correlation; NaN where one side does not vary. */
  readonly pearson: number;
  /** Spearman's: Pearson's of the ranks, equal numbers sharing the mean of theirs. */
  readonly spearman: number;
  readonly mae: number;
  readonly rmse: number;
}

export const scoreQuality = (truth: Float64Array, predicted: Float64Array): ScoreQuality => ({
  pearson: pearson(truth, predicted),
  spearman: spearman(truth, predicted),
  mae: maeOf(truth, predicted),
  rmse: rmseOf(truth, predicted),
});

export const maeOf = (truth: Float64Array, predicted: Float64Array): number =>
  mean(truth.map((y, i) => Math.abs(y - (predicted[i] as number))));

export const rmseOf = (truth: Float64Array, predicted: Float64Array): number =>
  Math.sqrt(mean(truth.map((y, i) => (y - (predicted[i] as number)) ** 2)));

/** NaN where one side does not vary. */
export const spearman = (x: Float64Array, y: Float64Array): number => pearson(ranks(x), ranks(y));

/** NaN where one side does not vary. */
export function pearson(x: Float64Array, y: Float64Array): number {
  if (x.every((value) => value === x[0]) || y.every((value) => value === y[0])) return Number.NaN;
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [(x[i] as number) - mx, (y[i] as number) - my];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** From 1; equal numbers share the mean of theirs. */
function ranks(values: Float64Array): Float64Array {
  const order = Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const found = new Float64Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let i = start; i < end; i++) found[order[i] as number] = (start + end + 1) / 2;
  }
  return found;
}
