import type { LogitsCache } from '../data/logits.js';
import { StepFailure } from '../util/failure.js';
import type { Task } from './method.js';

/** Log-probabilities of logits. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < logits.length; k++) most = Math.max(most, logits[k] as number);
  let sum = 0;
  for (let k = 0; k < logits.length; k++) sum += Math.exp((logits[k] as number) - most);
  const log = most + Math.log(sum);
  return Float64Array.from({ length: logits.length }, (_, k) => (logits[k] as number) - log);
}

/**
 * Of each row that may be chosen a score, by what models say of it; the rows in the order of falling scores. Of equal ones
 * the first comes first.
 *
 * @param score of the log-probabilities that each model gives the labels, in the order of the first model's
 */
export async function byOpinions(
  { pool, rows, caches, progress }: Task,
  score: (opinions: readonly Float64Array[]) => number,
): Promise<number[]> {
  const orders = ordersOf(caches);
  const scores = new Float64Array(pool.count);
  await pool.each(async ({ id }, row) => {
    if (row < pool.before) return;
    const opinions = caches.map((cache, i) => {
      const own = logSoftmax(cache.classLogits(id));
      return Float64Array.from(orders[i] as readonly number[], (place) => own[place] as number);
    });
    scores[row] = score(opinions);
    if (row % 100 === 0) await progress(row, pool.count, 'reading logits');
  });
  const order = Array.from({ length: pool.count - pool.before }, (_, i) => pool.before + i);
  return order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b).slice(0, rows);
}

/** Of each label of the first cache its place among each cache's. */
function ordersOf(caches: readonly LogitsCache[]): number[][] {
  const labels = caches[0]?.index.labels ?? [];
  if (labels.length < 2) {
    const hint = 'Take the logits of a classifier.';
    throw new StepFailure('no-labels', 'the logits are of no labels that a model could be unsure of', hint);
  }
  return caches.map(({ index }) => {
    const order = labels.map((label) => index.labels.indexOf(label));
    if (index.labels.length === labels.length && !order.includes(-1)) return order;
    throw new StepFailure(
      'labels-differ',
      `the models of the input "logits" have other labels: ${labels.join(', ')} against ${index.labels.join(', ')}`,
      'Compare models of one corpus.',
    );
  });
}
