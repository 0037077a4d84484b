import { type Tensor, tf } from '../../backend/tf.js';
import type { InBatchSimilarity } from '../../options/train.js';
import { kl } from '../divergence.js';
import { weightedMean } from '../means.js';
import { type Match, NOTHING, type Objective, type PairVectors } from '../objective.js';

const FAR = 1e9;

/**
 * KL(teacher ‖ student) of which candidate of the whole batch a text is like, and of which text a candidate is like: the
 * softmax of cosine / temperature over the rows of the batch's matrix, and over its columns; the mean of both (affinity
 * mimicking, TinyCLIP, Wu et al. 2023, arXiv:2309.12314, eq. 2, whose cross-entropy is this and a constant). A row is
 * sentence-transformers' DistillKLDivLoss with all candidates, but for its factor temperature². Mean over texts, and over
 * their candidates.
 */
export const inBatchSimilarity: Objective<InBatchSimilarity> = {
  type: 'in-batch-similarity',
  over: () => 'rows',
  needs: () => ({ ...NOTHING, lastHiddenState: true, vectors: true }),
  parameters: () => ({}),
  loss({ temperature }, { match, teacher, rows }) {
    const { real } = match as Match;
    const [batch] = real.shape as [number];
    const known = tf.reshape(tf.mul(real, tf.reshape(rows, [batch, 1])), [-1]);
    const scores = (of: PairVectors): Tensor =>
      tf.div(tf.matMul(of.texts as tf.Tensor2D, of.candidates as tf.Tensor2D, false, true), temperature);
    const [theirs, own] = [scores(teacher.vectors as PairVectors), scores(match as Match)];
    // What only fills up is as unlikely to both.
    const among = (cosines: Tensor, counts: Tensor): Tensor =>
      tf.logSoftmax(tf.sub(cosines, tf.mul(tf.sub(1, tf.reshape(counts, [1, -1])), FAR)));
    const forward = kl(among(theirs, known), among(own, known));
    const backward = kl(among(tf.transpose(theirs), rows), among(tf.transpose(own), rows));
    return tf.div(tf.add(weightedMean(forward, rows), weightedMean(backward, known)), 2);
  },
};
