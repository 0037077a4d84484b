import type { Interval } from '../report/intervals.js';
import { macroF1Of } from '../report/metrics.js';
import { mean, percentile } from '../util/numbers.js';
import { Random } from '../util/random.js';
import { errorAt, fitLaw, type PowerLaw, rowsFor } from './law.js';

/** All trainings, judged on the same test rows. */
export interface Trained {
  readonly metric: 'macro_f1' | 'accuracy';
  /** How many there are. */
  readonly labels: number;
  /** [test rows], indices of labels. */
  readonly truth: Int32Array;
  /** By size, ascending. */
  readonly sizes: readonly {
    readonly rows: number;
    /** What each training of this size says of the test rows, as indices of labels. */
    readonly answers: readonly Int32Array[];
  }[];
}

/** A figure of the fit to what was measured, and its interval. */
export interface Estimated {
  readonly value: number;
  readonly interval: Interval;
}

/**
 * What the next point takes. reachable: so many more rows. far: more than `FAR` times what was measured, about which a
 * fit says nothing. levels-off: the law ends below it, also at the upper end of its interval. uncertain: one of both by
 * the law, but its interval has numbers of rows, too. flat: more rows have not made the metric better by more than
 * chance. no-law: the points do not lie on a power law.
 */
export type Verdict = 'reachable' | 'uncertain' | 'far' | 'levels-off' | 'flat' | 'no-law';

export interface Outlook {
  readonly verdict: Verdict;
  /** Of the first size to the last, how much better the metric became. */
  readonly gain: Estimated;
  /** Undefined of `flat` and `no-law`. */
  readonly law?: {
    readonly fit: PowerLaw;
    readonly intervals: Readonly<Record<keyof PowerLaw, Interval>>;
    /** Share of the variance of the sizes' means that it explains. */
    readonly r2: number;
    /** What the metric is near in the end. */
    readonly limit: Estimated;
    /** The metric after so many rows. */
    at(rows: number): Estimated;
  };
  /** The metric that is asked for: a point above the law at the largest size. */
  readonly target?: number;
  /**
   * Rows beside those of the largest size; of `reachable`, and of `uncertain` with Infinity as its value. A bound that
   * is null: no number of rows that is worth naming.
   */
  readonly more?: Estimated;
}

/** A point of the metric. */
export const POINT = 0.01;
/** A law is not trusted beyond so many times the largest size. */
export const FAR = 10;
/** A law that explains less of the variance of the sizes' means is none. */
export const LEAST_R2 = 0.8;
export const RESAMPLES = 1000;

/** The metric of each training: `[size][seed]`. */
export const metricsOf = (trained: Trained): number[][] => {
  const all = Int32Array.from(trained.truth.keys());
  return trained.sizes.map(({ answers }) => answers.map((own) => metricOn(trained, own, all)));
};

/** @param sample test rows, by number, which may repeat */
function metricOn({ metric, labels, truth }: Trained, answers: Int32Array, sample: Int32Array): number {
  const confusion = new Float64Array(labels * labels);
  let right = 0;
  for (const row of sample) {
    const [actual, said] = [truth[row] as number, answers[row] as number];
    const cell = actual * labels + said;
    confusion[cell] = (confusion[cell] as number) + 1;
    if (actual === said) right++;
  }
  return metric === 'macro_f1' ? macroF1Of(confusion, labels) : right / sample.length;
}

/**
 * Fits a power law to the means of the sizes, which are as many trainings each, and asks it for the next point. Intervals
 * are percentiles of resamples (95 %): of the test rows, the same for all trainings, and at each size of the trainings.
 */
export function outlookOf(trained: Trained, seed: number): Outlook {
  const rows = trained.sizes.map((size) => size.rows);
  const most = rows.at(-1) as number;
  const means = metricsOf(trained).map(mean);
  const fit = fitLaw({ rows, errors: means.map((value) => 1 - value) });
  const drawn = resample(trained, seed);
  const gained = (own: readonly number[]): number => (own.at(-1) as number) - (own[0] as number);
  const gain = estimated(
    gained(means),
    drawn.map((own) => gained(own)),
  );
  if (fit === undefined || (gain.interval.low as number) <= 0) return { verdict: 'flat', gain };
  const r2 = explained(fit, rows, means);
  if (r2 < LEAST_R2) return { verdict: 'no-law', gain };
  const fits = drawn.flatMap((own) => fitLaw({ rows, errors: own.map((value) => 1 - value) }, fit) ?? []);
  const of = (figure: (law: PowerLaw) => number): Estimated => estimated(figure(fit), fits.map(figure));
  const interval = (key: keyof PowerLaw): Interval => of((law) => law[key]).interval;
  const law = {
    fit,
    intervals: { a: interval('a'), b: interval('b'), c: interval('c') },
    r2,
    limit: of(({ a }) => 1 - a),
    at: (n: number) => of((own) => 1 - errorAt(own, n)),
  };
  const target = 1 - errorAt(fit, most) + POINT;
  // Each law is asked for a point more than it says itself of the largest size.
  const needed = (own: PowerLaw): number => rowsFor(own, errorAt(own, most) - POINT);
  const more = of((own) => {
    const all = needed(own);
    return all > FAR * most ? Number.POSITIVE_INFINITY : all - most;
  });
  if (more.value < Number.POSITIVE_INFINITY) return { verdict: 'reachable', gain, law, target, more };
  if (more.interval.low !== null) return { verdict: 'uncertain', gain, law, target, more };
  const ends = (law.limit.interval.high as number) < target;
  return { verdict: ends ? 'levels-off' : 'far', gain, law, target };
}

/** The sizes' means, again and again of other test rows and trainings. */
function resample(trained: Trained, seed: number): number[][] {
  const random = new Random(seed, 'learning-curve');
  const rows = trained.truth.length;
  const sample = new Int32Array(rows);
  return Array.from({ length: RESAMPLES }, () => {
    for (let i = 0; i < rows; i++) sample[i] = random.below(rows);
    return trained.sizes.map(({ answers }) =>
      mean(answers.map(() => metricOn(trained, answers[random.below(answers.length)] as Int32Array, sample))),
    );
  });
}

function explained(fit: PowerLaw, rows: readonly number[], means: readonly number[]): number {
  const middle = mean(means);
  const left = means.reduce((sum, value, i) => sum + (value - 1 + errorAt(fit, rows[i] as number)) ** 2, 0);
  return 1 - left / means.reduce((sum, value) => sum + (value - middle) ** 2, 0);
}

function estimated(value: number, resamples: readonly number[]): Estimated {
  const sorted = Float64Array.from(resamples).sort();
  const bound = (share: number): number | null => {
    const at = percentile(sorted, share);
    return Number.isFinite(at) ? at : null;
  };
  return { value, interval: { low: bound(0.025), high: bound(0.975) } };
}
