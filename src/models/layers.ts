import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';

/** x [n, in] · Wᵀ + b → [n, out], with W [out, in] as PyTorch stores it. */
export function linear(parameters: Tensors, name: string, x: Tensor): Tensor {
  const weight = parameters[`${name}.weight`] as Tensor;
  const bias = parameters[`${name}.bias`] as Tensor;
  return tf.add(tf.matMul(x, weight, false, true), bias);
}

/** What is kept by a dropout of `rate` is multiplied by this, by the true rate (see `zeroed`), so that means are kept. */
export const dropoutScale = (rate: number): number => 256 / (256 - zeroed(rate));

/** Out of 256 values so many are zeroed on average: rates are multiples of 1/256. */
export const zeroed = (rate: number): number => Math.min(255, Math.round(rate * 256));

/**
 * Zeroes values and scales the rest. Which ones comes from outside: the generator's counter is part of a checkpoint, and
 * the graph stays free of state.
 *
 * @param keep 1 where a value is kept, 0 where it is zeroed, of x's shape; undefined when not training
 */
export function dropout(x: Tensor, keep: Tensor | undefined, rate: number): Tensor {
  return keep ? tf.mul(x, tf.mul(tf.cast(keep, 'float32'), dropoutScale(rate))) : x;
}
