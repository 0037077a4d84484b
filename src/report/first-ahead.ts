import { bootstrap, type Interval } from './intervals.js';

/** A figure and its 95 % interval. */
export interface Figure {
  readonly value: number;
  readonly interval: Interval | null;
}

/** Of the models' figures one each, of some rows, which may repeat. */
type Statistic = (sample: Int32Array) => number;

/**
 * Each model's figure over all test rows, and the first student's minus it; all intervals are of the same resamples.
 *
 * @param first the first student, a place in `statistics`; −1 if there is none
 */
export function againstFirst(
  rows: number,
  statistics: readonly Statistic[],
  first: number,
  seed: number,
): { readonly figure: Figure; readonly ahead: Figure | null }[] {
  const reference = statistics[first];
  const ahead = statistics.map((own) => (sample: Int32Array) => (reference ? reference(sample) - own(sample) : NaN));
  const all = [...statistics, ...ahead];
  const intervals = bootstrap(rows, all, seed);
  const everyRow = Int32Array.from({ length: rows }, (_, i) => i);
  const figure = (i: number): Figure => ({
    value: (all[i] as Statistic)(everyRow),
    interval: intervals[i] ?? null,
  });
  return statistics.map((_, i) => ({
    figure: figure(i),
    ahead: reference && i !== first ? figure(statistics.length + i) : null,
  }));
}

/** A ratio of sums over rows, such as a loss over tokens. */
export const ratioOf =
  (rows: readonly { readonly over: number; readonly under: number }[]): Statistic =>
  (sample) => {
    let [over, under] = [0, 0];
    for (const row of sample) {
      over += rows[row]?.over ?? 0;
      under += rows[row]?.under ?? 0;
    }
    return over / under;
  };
