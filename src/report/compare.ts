import { bootstrap, type Interval, mcnemar, wilson } from './intervals.js';
import { confusionOf, macroF1Of } from './metrics.js';

/** Labels, as indices, that models gave to the same test rows. */
export interface Answers {
  readonly truth: Int32Array;
  readonly predicted: Int32Array;
  /** Number of labels there are. */
  readonly labels: number;
}

/** A figure of one model over that of another; null where the other's is zero. */
export interface Ratio {
  readonly value: number | null;
  /** Null where the resamples give none. */
  readonly interval: Interval | null;
}

export interface Retention {
  readonly macroF1: Ratio;
  readonly accuracy: Ratio;
}

/**
 * Statistics of all rows with their intervals, all of the same resamples; one that is undefined stays so.
 * @param statistics of rows, given by number, which may repeat
 */
export function bootstrapped(
  rows: number,
  statistics: readonly (((sample: Int32Array) => number) | undefined)[],
  seed: number,
): (Ratio | undefined)[] {
  const all = Int32Array.from({ length: rows }, (_, row) => row);
  const wanted = statistics.filter((statistic) => statistic !== undefined);
  const intervals = bootstrap(rows, wanted, seed);
  return statistics.map((statistic) => statistic && ratio(statistic(all), intervals[wanted.indexOf(statistic)]));
}

/** How much of the teacher's quality a student keeps: student / teacher, on the same rows. */
export function retentionOf(student: Answers, teacher: Int32Array, seed: number): Retention {
  const { truth, predicted, labels } = student;
  const all = Int32Array.from(truth.keys());
  const macroF1 = (answers: Int32Array, sample: Int32Array) =>
    macroF1Of(confusionOf(pick(truth, sample), pick(answers, sample), labels), labels);
  const statistics = [
    (sample: Int32Array) => macroF1(predicted, sample) / macroF1(teacher, sample),
    (sample: Int32Array) =>
      (sample.length - errorsOf(truth, predicted, sample)) / (sample.length - errorsOf(truth, teacher, sample)),
  ] as const;
  const [f1, accuracy] = bootstrap(truth.length, statistics, seed);
  return { macroF1: ratio(statistics[0](all), f1), accuracy: ratio(statistics[1](all), accuracy) };
}

/** A share of the rows. */
export interface Share {
  readonly value: number;
  /** Wilson, 95 %. */
  readonly interval: { readonly low: number; readonly high: number };
}

/** How many rows get the same answer from two models. @param without rows that are left out, by number */
export function agreementOf(one: Int32Array, other: Int32Array, without?: ReadonlySet<number>): Share {
  const rows = Array.from(one.keys()).filter((row) => !without?.has(row));
  const same = rows.filter((row) => one[row] === other[row]).length;
  return { value: same / rows.length, interval: wilson(same, rows.length) };
}

export interface Against {
  /**
   * Errors of the model / errors of the baseline. A resample in which the baseline alone makes no error counts as
   * infinitely bad; one in which neither does says nothing and is left out.
   */
  readonly errorRatio: Ratio;
  /** Rows that only this model gets wrong, and only the baseline. */
  readonly onlyModelWrong: number;
  readonly onlyBaselineWrong: number;
  /** McNemar's exact test of those two numbers, two-sided. */
  readonly mcnemarP: number;
}

/** Compares a model with the baseline, row by row. */
export function against(model: Answers, baseline: Int32Array, seed: number): Against {
  const { truth, predicted } = model;
  const statistic = (sample: Int32Array) => errorsOf(truth, predicted, sample) / errorsOf(truth, baseline, sample);
  const [interval] = bootstrap(truth.length, [statistic], seed);
  let onlyModelWrong = 0;
  let onlyBaselineWrong = 0;
  truth.forEach((label, row) => {
    if (predicted[row] !== label && baseline[row] === label) onlyModelWrong++;
    if (predicted[row] === label && baseline[row] !== label) onlyBaselineWrong++;
  });
  return {
    errorRatio: ratio(statistic(Int32Array.from(truth.keys())), interval),
    onlyModelWrong,
    onlyBaselineWrong,
    mcnemarP: mcnemar(onlyModelWrong, onlyBaselineWrong),
  };
}

/** Where the figure itself has no finite value, an interval around it would only mislead. */
export const ratio = (value: number, interval: Interval | undefined): Ratio =>
  Number.isFinite(value) ? { value, interval: interval ?? null } : { value: null, interval: null };

function errorsOf(truth: Int32Array, predicted: Int32Array, sample: Int32Array): number {
  let errors = 0;
  for (const row of sample) if (truth[row] !== predicted[row]) errors++;
  return errors;
}

const pick = (values: Int32Array, rows: Int32Array): Int32Array => rows.map((row) => values[row] as number);
