import { type Tensor, tf } from './tf.js';

/** Computes something through which no gradient passes, and of which nothing is kept for one. */
export function withoutGradient<T>(compute: () => T): T {
  const { state } = tf.engine();
  const depth = state.gradientDepth;
  state.gradientDepth = 0;
  try {
    return compute();
  } finally {
    state.gradientDepth = depth;
  }
}

/** The same tensor, through which no gradient passes. */
export const detached = (x: Tensor): Tensor => withoutGradient(() => tf.clone(x));

/**
 * The same tensor, whose gradient has its sign turned and is multiplied by `strength`, a scalar (Ganin & Lempitsky 2015,
 * arXiv:1409.7495).
 */
export function reverseGradient(x: Tensor, strength: Tensor | number): Tensor {
  const op = tf.customGrad((own) => ({
    value: tf.clone(own as Tensor),
    gradFunc: (dy: Tensor) => [tf.neg(tf.mul(dy, strength))],
  }));
  return op(x);
}
