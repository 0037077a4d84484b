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
 * Paired percentile bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 13.3) over test rows: all
 * statistics see the same resamples, so figures of two models on one row are never torn apart.
 *
 * @param statistics of a resample, given as row numbers drawn with replacement; Infinity counts as larger than any
 * number, NaN says that this resample has no value
 * @returns one interval a statistic; undefined where half of the resamples or more have no value
 */
export function bootstrap(
  rows: number,
  statistics: readonly ((sample: Int32Array) => number)[],
  seed: number,
  resamples = RESAMPLES,
): (Interval | undefined)[] {
  const random = new Random(seed, 'bootstrap');
  const sample = new Int32Array(rows);
  const values = statistics.map(() => new Float64Array(resamples));
  for (let r = 0; r < resamples; r++) {
    for (let i = 0; i < rows; i++) sample[i] = random.below(rows);
    statistics.forEach((statistic, s) => {
      (values[s] as Float64Array)[r] = statistic(sample);
    });
  }
  return values.map((all) => {
    const known = all.filter((value) => !Number.isNaN(value)).sort();
    if (known.length * 2 <= resamples) return undefined;
    return { low: finite(percentile(known, 0.025)), high: finite(percentile(known, 0.975)) };
  });
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
