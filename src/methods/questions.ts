import { type Tensor, tf } from '../backend/tf.js';

/**
 * A head's logits as answers to single questions, one a row: [n, classes]. So an objective that compares answers knows
 * no task: a text, a word of it, or one of its labels is a question alike.
 */

/** One question a text: [batch, labels]. */
export const asItIs = (logits: Tensor): Tensor => logits;

/** One question a token: [batch, length, labels] → [batch · length, labels]. */
export const eachToken = (logits: Tensor): Tensor => tf.reshape(logits, [-1, logits.shape.at(-1) as number]);

/**
 * One question a label, of two classes: not there, there. [batch, labels] → [batch · labels, 2], the logits 0 and z: their
 * softmax is the sigmoid of z, their cross-entropy the binary one, and their divergence that of two Bernoulli
 * distributions, at any temperature.
 */
export function eachLabel(logits: Tensor): Tensor {
  const there = tf.reshape(logits, [-1, 1]);
  return tf.concat([tf.zerosLike(there), there], 1);
}
