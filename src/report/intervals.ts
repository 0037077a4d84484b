import { percentile } from '../util/numbers.js';
import { Random } from '../util/random.js';

/** A 95 % interval. A bound is null where there is no finite one. */
export interface Interval {
  readonly low: number | null;
  readonly high: number | null;
}

export const RESAMPLES = 2000;
const Z95 = 1.959963984540054;

/**
 * Paired percentile bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 13.3) over test rows.
 *
 * @returns one interval a statistic of `resampled`; undefined where half of the resamples or more have no value
 */
export const bootstrap = (...given: Parameters<typeof resampled>): (Interval | undefined)[] =>
  resampled(...given).map(percentileInterval);

/**
 * Statistics of rows drawn with replacement: all see the same resamples, so figures of two models on one row are never
 * torn apart.
 *
 * @param statistics of a resample, given as row numbers; Infinity counts as larger than any number, NaN says that this
 * resample has no value
 * @returns of each statistic [resamples]
 */
export function resampled(
  rows: number,
  statistics: readonly ((sample: Int32Array) => number)[],
  seed: number,
  resamples = RESAMPLES,
): Float64Array[] {
  const random = new Random(seed, 'bootstrap');
  const sample = new Int32Array(rows);
  const values = statistics.map(() => new Float64Array(resamples));
  for (let r = 0; r < resamples; r++) {
    for (let i = 0; i < rows; i++) sample[i] = random.below(rows);
    statistics.forEach((statistic, s) => {
      (values[s] as Float64Array)[r] = statistic(sample);
    });
  }
  return values;
}

/** Of a statistic's values; undefined where half of them or more are NaN. */
export function percentileInterval(values: Float64Array): Interval | undefined {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  if (known.length * 2 <= values.length) return undefined;
  return { low: finite(percentile(known, 0.025)), high: finite(percentile(known, 0.975)) };
}

/**
 * How likely is a difference so far from 0, if there is none? Two-sided, by the share of resampled differences on the
 * other side of 0 (Efron & Tibshirani, 15.4): below 0.05 where the percentile interval does not hold 0. One resample is
 * added to those counted (Davison & Hinkley, Bootstrap Methods and their Application, 4.2), so that it is never 0.
 *
 * @returns undefined where there is no interval
 */
export function bootstrapP(differences: Float64Array): number | undefined {
  const known = differences.filter((value) => !Number.isNaN(value));
  if (known.length * 2 <= differences.length) return undefined;
  const fewer = Math.min(known.filter((value) => value <= 0).length, known.filter((value) => value >= 0).length);
  return Math.min(1, (2 * (1 + fewer)) / (1 + known.length));
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Wilson's score interval of a share (E. B. Wilson, 1927): it keeps a width even at 0 and 1. */
export function wilson(successes: number, rows: number): { readonly low: number; readonly high: number } {
  const share = successes / rows;
  const scale = 1 + Z95 ** 2 / rows;
  const centre = (share + Z95 ** 2 / (2 * rows)) / scale;
  const half = (Z95 / scale) * Math.sqrt((share * (1 - share)) / rows + Z95 ** 2 / (4 * rows ** 2));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * McNemar's exact test, two-sided: how likely is so uneven a split, if both models erred alike?
 *
 * @param onlyFirst rows that the first model alone gets wrong; @param onlySecond those of the second
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  // Binomial terms as logarithms: 2^-n underflows from n = 1075 on.
  let term = -n * Math.LN2;
  let tail = Math.exp(term);
  for (let i = 1; i <= fewer; i++) {
    term += Math.log((n - i + 1) / i);
    tail += Math.exp(term);
  }
  return Math.min(1, 2 * tail);
}
