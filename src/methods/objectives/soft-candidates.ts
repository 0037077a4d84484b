import { type Tensor, tf } from '../../backend/tf.js';
import type { SoftLabel } from '../../options/train.js';
import { ownCosines, SCORE_SCALE } from '../match.js';
import { weightedMean } from '../means.js';
import { type Match, NOTHING, type Objective } from '../objective.js';

const FAR = 1e9;

/**
 * T²·KL(softmax(t/T) ‖ softmax(s/T)) over a text's candidates, mean over rows: which of them belongs to it, by the
 * teacher's scores and by 20 times the student's cosines (ColBERTv2, Santhanam et al. 2021, arXiv:2112.01488, §3.2). A
 * text with one candidate says nothing.
 */
export const softCandidates: Objective<SoftLabel> = {
  type: 'soft-label',
  over: () => 'rows',
  needs: () => ({ ...NOTHING, logits: true, lastHiddenState: true }),
  parameters: () => ({}),
  loss({ temperature }, { match, teacher, rows }) {
    const { real } = match as Match;
    const away = tf.mul(tf.sub(1, real), FAR);
    const among = (scores: Tensor): Tensor => tf.logSoftmax(tf.sub(tf.div(scores, temperature), away));
    const target = among(teacher.logits as Tensor);
    const own = among(tf.mul(ownCosines(match as Match), SCORE_SCALE));
    const divergence = tf.sum(tf.mul(tf.mul(tf.exp(target), tf.sub(target, own)), real), -1);
    return tf.mul(weightedMean(divergence, rows), temperature ** 2);
  },
};
