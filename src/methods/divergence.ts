import { type Tensor, tf } from '../backend/tf.js';
import type { Divergence } from '../options/train.js';

/** Divides logits before the softmax: a number, a scalar, or a tensor whose last axis is 1, such as one of each row [batch, 1]. */
export type Temperature = Tensor | number;

/**
 * How far a student's predictions are from a teacher's, over the last axis of logits [..., n]. All but `mse` are of
 * softmax(logits / T) and multiplied by T², which keeps the gradient's size when T changes (Hinton et al. 2015,
 * arXiv:1503.02531); gradients reach the temperature too.
 *
 * @returns [...]
 */
export function divergence(
  options: Divergence,
  teacher: Tensor,
  student: Tensor,
  temperature: Temperature = 1,
): Tensor {
  if (options.type === 'mse') return tf.mean(tf.square(tf.sub(student, teacher)), -1);
  const [t, s] = [teacher, student].map((logits) => tf.logSoftmax(tf.div(logits, temperature))) as [Tensor, Tensor];
  const of = ofLogProbabilities(options, t, s);
  if (typeof temperature === 'number') return tf.mul(of, temperature ** 2);
  const square = tf.square(temperature);
  return tf.mul(of, square.rank === 0 ? square : tf.squeeze(square, [-1]));
}

/** A divergence of two distributions, given as the logs of their probabilities [..., n]; returns [...]. */
export function ofLogProbabilities(
  options: Exclude<Divergence, { type: 'mse' }>,
  teacher: Tensor,
  student: Tensor,
): Tensor {
  switch (options.type) {
    case 'forward':
      return kl(teacher, student);
    case 'reverse':
      return kl(student, teacher);
    case 'jensen-shannon':
      return jensenShannon(options.beta, options.rescale, teacher, student);
  }
}

/** KL(p ‖ q) = Σ p·(log p − log q), of logs. */
export const kl = (p: Tensor, q: Tensor): Tensor => tf.sum(tf.mul(tf.exp(p), tf.sub(p, q)), -1);

/**
 * The generalised Jensen–Shannon divergence β·KL(p ‖ M) + (1 − β)·KL(q ‖ M), M = β·p + (1 − β)·q, and at its ends, where
 * that is 0, the forward and the reverse KL (GKD, Agarwal et al. 2024, arXiv:2306.13649, eq. 1). Near an end it shrinks
 * like β·(1 − β); divided by it, it becomes that KL.
 */
function jensenShannon(beta: number, rescale: boolean, p: Tensor, q: Tensor): Tensor {
  if (beta === 0) return kl(p, q);
  if (beta === 1) return kl(q, p);
  const [first, second] = [tf.add(p, Math.log(beta)), tf.add(q, Math.log(1 - beta))];
  // log(eᵃ + eᵇ) = a + softplus(b − a)
  const mixture = tf.add(first, tf.softplus(tf.sub(second, first)));
  const sum = tf.add(tf.mul(kl(p, mixture), beta), tf.mul(kl(q, mixture), 1 - beta));
  return rescale ? tf.div(sum, beta * (1 - beta)) : sum;
}
