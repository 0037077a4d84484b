import { type Tensor, tf } from '../../backend/tf.js';
import { weightedMean } from '../means.js';

/** A temperature divides: it does not come nearer to 0 than this, however far a row is from the mean. */
const LOWEST = 0.1;

/**
 * base + β·(mean w − w), the mean over real rows.
 * @param weight [rows, 1] @param rows 1 for a real one: [rows] @returns [rows, 1]
 */
export function around(base: number, beta: number, weight: Tensor, rows: Tensor): Tensor {
  const mean = weightedMean(weight, tf.reshape(rows, [-1, 1]));
  return tf.maximum(tf.add(base, tf.mul(tf.sub(mean, weight), beta)), LOWEST);
}
