import { type Tensor, tf } from '../backend/tf.js';
import { weightedMean } from './means.js';

export type TokenDistance = 'mse' | 'cosine';

/** Keeps a vector of zeros from dividing by zero, as PyTorch's `CosineEmbeddingLoss` does. */
const EPSILON = 1e-12;

/**
 * How far one vector of each token is from another, mean over real tokens: the mean squared error over the width, or
 * 1 − cos.
 *
 * @param own, target [batch, length, width]
 * @param mask [batch, length]
 */
export function tokenDistance(distance: TokenDistance, own: Tensor, target: Tensor, mask: Tensor): Tensor {
  const each = distance === 'mse' ? tf.mean(tf.square(tf.sub(own, target)), -1) : tf.sub(1, cosine(own, target));
  return weightedMean(each, mask);
}

/** a·b / √((|a|² + ε)·(|b|² + ε)) over the last axis. */
function cosine(a: Tensor, b: Tensor): Tensor {
  const [ab, aa, bb] = [tf.mul(a, b), tf.square(a), tf.square(b)].map((t) => tf.sum(t, -1)) as [Tensor, Tensor, Tensor];
  return tf.mul(ab, tf.rsqrt(tf.mul(tf.add(aa, EPSILON), tf.add(bb, EPSILON))));
}
