import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Match } from '../methods/objective.js';
import type { Encoded } from '../models/architecture.js';
import { meanPooled } from '../models/embedding.js';

/** Names under which is fed which candidates belong to which text of a batch. */
export const MATCH = {
  real: 'match.real',
  negatives: 'match.negatives',
  targets: 'match.targets',
  compared: 'match.compared',
} as const;

/** A batch's texts and candidates, of which the texts come first. */
export function matchOf(encoded: Encoded, batch: Tensors): Match {
  const feed = (name: string): Tensor => batch[name] as Tensor;
  const vectors = unit(meanPooled(encoded.hiddenStates.at(-1) as Tensor, feed('mask')));
  const [rows] = feed('rows').shape as [number];
  return {
    texts: tf.slice(vectors, [0, 0], [rows, -1]),
    candidates: tf.slice(vectors, [rows, 0], [-1, -1]),
    real: feed(MATCH.real),
    negatives: feed(MATCH.negatives),
    targets: feed(MATCH.targets),
    compared: feed(MATCH.compared),
  };
}

/** Vectors of length 1; one of zeros, of what only fills up, stays, and has a gradient. */
const unit = (vectors: Tensor): Tensor => tf.div(vectors, tf.sqrt(tf.add(tf.sum(tf.square(vectors), -1, true), 1e-12)));
