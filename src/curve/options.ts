import type { LearningCurveOptions } from '../options/learning-curve.js';
import type { TrainOptions } from '../options/train.js';

/** The `train` step that is repeated at each size. */
export const trainingOf = (options: LearningCurveOptions): TrainOptions => ({ ...options, task: 'classification' });
