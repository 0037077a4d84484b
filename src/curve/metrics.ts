import type { LearningCurveOptions } from '../options/learning-curve.js';
import type { TrainOptions } from '../options/train.js';

export type Metric = NonNullable<LearningCurveOptions['metric']>;

/** Tasks with a curve. */
export type CurveTask = Exclude<TrainOptions['task'], 'masked-language-model' | 'generation'>;

/** Whose next point may be asked for. The exam of the task says which it is without a word: what `evaluate` goes by. */
export const METRICS: Readonly<Record<CurveTask, readonly Metric[]>> = {
  classification: ['macro_f1', 'accuracy'],
  'pair-classification': ['macro_f1', 'accuracy'],
  matching: ['mrr'],
  tagging: ['entity_f1', 'accuracy'],
  'multi-label': ['micro_f1', 'macro_f1'],
  regression: ['pearson', 'spearman', 'mae', 'rmse'],
};

/** A point of a metric that ends at 1, and of one that has a unit the share of itself that counts as one. */
export const POINT = 0.01;

/** The error that a power law is fitted to. It is not below 0, and less is better. */
export interface Scale {
  /** The metric is 1 at best, and the error what it lacks. */
  readonly bounded: boolean;
  /** Each is the other's inverse. */
  errorOf(metric: number): number;
  metricOf(error: number): number;
  /** How much less makes a point. */
  pointOf(error: number): number;
}

/** Shares and correlations: 1 − metric falls as a power of the rows (Hestness et al. 2017), and a point is 0.01. */
const BOUNDED: Scale = {
  bounded: true,
  errorOf: (metric) => 1 - metric,
  metricOf: (error) => 1 - error,
  pointOf: () => POINT,
};

/**
 * Mean errors are errors themselves, with the noise of the scores as the end that no rows change. They have the scores'
 * unit, in which 0.01 may be nothing or all there is: a point is a hundredth of the error.
 */
const ERROR: Scale = {
  bounded: false,
  errorOf: (metric) => metric,
  metricOf: (error) => error,
  pointOf: (error) => POINT * error,
};

/**
 * One answer to all rows goes with nothing: a correlation has no value then, and such a model is worth none. Of rows among
 * which no pair is sought there is no rank, and no value of that.
 */
export const worthOf = (metric: Metric, value: number): number =>
  Number.isNaN(value) && (metric === 'pearson' || metric === 'spearman') ? 0 : value;

export const scaleOf = (metric: Metric): Scale => (metric === 'mae' || metric === 'rmse' ? ERROR : BOUNDED);
