import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';

/** x [n, in] · Wᵀ + b → [n, out], with W [out, in] as PyTorch stores it. */
export function linear(parameters: Tensors, name: string, x: Tensor): Tensor {
  const weight = parameters[`${name}.weight`] as Tensor;
  const bias = parameters[`${name}.bias`] as Tensor;
  return tf.add(tf.matMul(x, weight, false, true), bias);
}

/**
 * Zeroes each value with probability round(256·rate)/256 and scales the rest so that the mean is kept (by the true
 * rate, so the rounding biases nothing). The random bytes come from outside: their generator's counter is part of a
 * checkpoint, and the graph stays free of state.
 *
 * @param bytes uniform in 0 … 255, of x's shape; undefined when not training
 */
export function dropout(x: Tensor, bytes: Tensor | undefined, rate: number): Tensor {
  const zeroed = Math.round(rate * 256);
  if (!bytes || zeroed === 0) return x;
  const kept = tf.cast(tf.greaterEqual(bytes, tf.scalar(zeroed, 'int32')), 'float32');
  return tf.mul(x, tf.mul(kept, 256 / (256 - zeroed)));
}
