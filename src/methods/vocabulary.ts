import { type Tensor, tf } from '../backend/tf.js';

/** Logits [n, vocabulary] of two models without the columns that only one has: they fill up its vocabulary, and no text has them. */
export function sameVocabulary(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const [rows, width] = a.shape as [number, number];
  const common = Math.min(width, b.shape.at(-1) as number);
  const cut = (x: Tensor): Tensor => (x.shape.at(-1) === common ? x : tf.slice(x, [0, 0], [rows, common]));
  return [cut(a), cut(b)];
}
