import { denseRows } from './linear-probe.js';
import { fitSoftmax } from './logistic/fit.js';
import type { Similarity } from './sentence-encoder.js';

/** Keeps the scale finite where cosines tell the pairs apart without an error. */
const PENALTY = 0.01;

/**
 * How a cosine becomes the logit of belonging together: a logistic regression (Platt 1999). Undefined where the pairs are
 * all of one kind, or those that belong together are not the more alike.
 *
 * @param cosines of pairs
 * @param belong whether each belongs together
 */
export async function calibrate(cosines: Float32Array, belong: readonly boolean[]): Promise<Similarity | undefined> {
  const together = belong.filter(Boolean).length;
  if (together === 0 || together === belong.length) return undefined;
  const targets = Float32Array.from(belong.flatMap((yes) => (yes ? [0, 1] : [1, 0])));
  const weights = new Float32Array(belong.length).fill(1);
  const problem = { rows: denseRows(cosines, 1), features: 1, labels: 2, targets, weights, l2: PENALTY };
  const { weight, bias } = await fitSoftmax(problem);
  const [scale] = weight as unknown as [number];
  return scale > 0 ? { scale, bias: bias[0] as number } : undefined;
}
