import { type Tensor, tf } from '../backend/tf.js';

/** Σ w·x / Σ w, and 0 where no weight is left. x and w are of one shape. */
export function weightedMean(x: Tensor, weight: Tensor): Tensor {
  return tf.div(tf.sum(tf.mul(x, weight)), tf.maximum(tf.sum(weight), 1));
}

/** The mean of some scalars. */
export const meanOf = (scalars: readonly Tensor[]): Tensor =>
  tf.div(
    scalars.reduce((a, b) => tf.add(a, b)),
    scalars.length,
  );
