import { type Tensor, tf } from '../backend/tf.js';
import type { ParameterSpec } from '../models/architecture.js';
import type { Uncertainty, Weight } from '../options/train.js';
import { isSchedule, scheduledAt } from './schedules/index.js';

/** The parameter of a learnt weight. */
const LOG_VARIANCE = 'log_variance';

const isLearnt = (weight: Weight): weight is Uncertainty => typeof weight === 'object' && !isSchedule(weight);

/** What a weight learns beside the student. */
export const weightParameters = (weight: Weight): Readonly<Record<string, ParameterSpec>> =>
  isLearnt(weight) ? { [LOG_VARIANCE]: { shape: [1], initial: 'zeros', decay: false } } : {};

/** Its factor at some point of a stage; 1 of a learnt one, whose factor is in the graph. */
export function weightAt(weight: Weight, progress: number): number {
  if (typeof weight === 'number') return weight;
  return isSchedule(weight) ? scheduledAt(weight, progress) : 1;
}

/**
 * An objective's part of the loss: factor·loss, or with a learnt weight factor·(exp(−s)·loss + s/2), where s = log σ²
 * (Kendall et al. 2018, arXiv:1705.07115, eq. 7 and 10, in the form without the regression's ½).
 *
 * @param factor a scalar @param parameters of the objective
 */
export function weighted(
  weight: Weight,
  loss: Tensor,
  factor: Tensor,
  parameters: Readonly<Record<string, Tensor>>,
): Tensor {
  if (!isLearnt(weight)) return tf.mul(loss, factor);
  const s = tf.reshape(parameters[LOG_VARIANCE] as Tensor, []);
  return tf.mul(tf.add(tf.mul(tf.exp(tf.neg(s)), loss), tf.mul(s, 0.5)), factor);
}
