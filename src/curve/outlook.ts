import type { Interval } from '../report/intervals.js';
import type { RowStatistic } from '../report/row-answers.js';
import { mean, percentile } from '../util/numbers.js';
import { Random } from '../util/random.js';
import { errorAt, fitLaw, type PowerLaw, rowsFor } from './law.js';
import { type Metric, scaleOf, worthOf } from './metrics.js';

/** All trainings, judged on the same test rows. */
export interface Trained {
  readonly metric: Metric;
  /** How many test rows there are. */
  readonly rows: number;
  /** By size, ascending. */
  readonly sizes: readonly {
    readonly rows: number;
    /** Of each training of this size the metric of what it says of test rows. */
    readonly models: readonly RowStatistic[];
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
    /** What the metric is near in the end: at its best. */
    readonly limit: Estimated;
    /** The metric after so many rows. */
    at(rows: number): Estimated;
  };
  /** The metric that is asked for: a point better than the law at the largest size. */
  readonly target?: number;
  /**
   * Rows beside those of the largest size; of `reachable`, and of `uncertain` with Infinity as its value. A bound that
   * is null: no number of rows that is worth naming.
   */
  readonly more?: Estimated;
}

/** A law is not trusted beyond so many times the largest size. */
export const FAR = 10;
/** A law that explains less of the variance of the sizes' means is none. */
export const LEAST_R2 = 0.8;
export const RESAMPLES = 1000;

/** The metric of each training: `[size][seed]`. */
export const metricsOf = (trained: Trained): number[][] => {
  const all = Int32Array.from({ length: trained.rows }, (_, row) => row);
  return trained.sizes.map(({ models }) => models.map((model) => worthOf(trained.metric, model(all))));
};

/**
 * Fits a power law to the means of the sizes, which are as many trainings each, and asks it for the next point. Intervals
 * are percentiles of resamples (95 %): of the test rows, the same for all trainings, and at each size of the trainings.
 */
export function outlookOf(trained: Trained, seed: number): Outlook {
  const scale = scaleOf(trained.metric);
  const rows = trained.sizes.map((size) => size.rows);
  const most = rows.at(-1) as number;
  const errors = metricsOf(trained).map((values) => scale.errorOf(mean(values)));
  const fit = fitLaw({ rows, errors });
  const drawn = resample(trained, seed)
    .filter((own) => !own.some(Number.isNaN))
    .map((own) => own.map(scale.errorOf));
  const gained = (own: readonly number[]): number => (own[0] as number) - (own.at(-1) as number);
  const gain = estimated(gained(errors), drawn.map(gained));
  if (fit === undefined || (gain.interval.low as number) <= 0) return { verdict: 'flat', gain };
  const r2 = explained(fit, rows, errors);
  if (r2 < LEAST_R2) return { verdict: 'no-law', gain };
  const fits = drawn.flatMap((own) => fitLaw({ rows, errors: own }, fit) ?? []);
  const of = (figure: (law: PowerLaw) => number): Estimated => estimated(figure(fit), fits.map(figure));
  const interval = (key: keyof PowerLaw): Interval => of((law) => law[key]).interval;
  const law = {
    fit,
    intervals: { a: interval('a'), b: interval('b'), c: interval('c') },
    r2,
    limit: of(({ a }) => scale.metricOf(a)),
    at: (n: number) => of((own) => scale.metricOf(errorAt(own, n))),
  };
  // Each law is asked for a point more than it says itself of the largest size.
  const next = (own: PowerLaw): number => errorAt(own, most) - scale.pointOf(errorAt(own, most));
  const target = scale.metricOf(next(fit));
  const more = of((own) => {
    const all = rowsFor(own, next(own));
    return all > FAR * most ? Number.POSITIVE_INFINITY : all - most;
  });
  if (more.value < Number.POSITIVE_INFINITY) return { verdict: 'reachable', gain, law, target, more };
  if (more.interval.low !== null) return { verdict: 'uncertain', gain, law, target, more };
  const ends = (law.intervals.a.low as number) > next(fit);
  return { verdict: ends ? 'levels-off' : 'far', gain, law, target };
}

/** The sizes' means, again and again of other test rows and trainings. */
function resample(trained: Trained, seed: number): number[][] {
  const random = new Random(seed, 'learning-curve');
  const { metric, rows, sizes } = trained;
  const sample = new Int32Array(rows);
  return Array.from({ length: RESAMPLES }, () => {
    for (let i = 0; i < rows; i++) sample[i] = random.below(rows);
    return sizes.map(({ models }) =>
      mean(models.map(() => worthOf(metric, (models[random.below(models.length)] as RowStatistic)(sample)))),
    );
  });
}

function explained(fit: PowerLaw, rows: readonly number[], errors: readonly number[]): number {
  const middle = mean(errors);
  const left = errors.reduce((sum, error, i) => sum + (error - errorAt(fit, rows[i] as number)) ** 2, 0);
  return 1 - left / errors.reduce((sum, error) => sum + (error - middle) ** 2, 0);
}

function estimated(value: number, resamples: readonly number[]): Estimated {
  const sorted = Float64Array.from(resamples).sort();
  const bound = (share: number): number | null => {
    const at = percentile(sorted, share);
    return Number.isFinite(at) ? at : null;
  };
  return { value, interval: { low: bound(0.025), high: bound(0.975) } };
}
