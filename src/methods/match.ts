import { type Tensor, tf } from '../backend/tf.js';
import type { Match } from './objective.js';

/** By what a cosine is multiplied to be a score, as sentence-transformers' losses have it. */
export const SCORE_SCALE = 20;

/** The cosine of each text and each of its own candidates: [batch, candidates]. */
export function ownCosines({ texts, candidates }: Match): Tensor {
  const [batch, hidden] = texts.shape as [number, number];
  const own = tf.reshape(candidates, [batch, -1, hidden]);
  return tf.sum(tf.mul(own, tf.reshape(texts, [batch, 1, hidden])), -1);
}

/** Mean of x over the places that count in each row, 0 where none does: [batch, n] → [batch]. */
export const rowMeans = (x: Tensor, counts: Tensor): Tensor =>
  tf.div(tf.sum(tf.mul(x, counts), -1), tf.maximum(tf.sum(counts, -1), 1));

/** 1 where a text has a candidate that is known to belong to it: [batch]. */
export const hasTarget = ({ targets }: Match): Tensor => tf.sum(targets, -1);
