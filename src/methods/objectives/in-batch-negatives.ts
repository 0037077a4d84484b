import { type Tensor, tf } from '../../backend/tf.js';
import type { InBatchNegatives } from '../../options/train.js';
import { hasTarget } from '../match.js';
import { weightedMean } from '../means.js';
import { type Match, NOTHING, type Objective } from '../objective.js';

const FAR = 1e9;

/**
 * Cross-entropy of finding a text's own pair among the candidates of all texts of the batch, by cosine / temperature:
 * InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) with in-batch and hard negatives (Karpukhin et al. 2020,
 * arXiv:2004.04906); sentence-transformers' MultipleNegativesRankingLoss with scale 1 / temperature. Mean over the texts
 * that have such a pair. Others that are known to belong to a text are no negatives of it.
 */
export const inBatchNegatives: Objective<InBatchNegatives> = {
  type: 'in-batch-negatives',
  over: () => 'labels',
  needs: () => ({ ...NOTHING, labels: true, lastHiddenState: true }),
  parameters: () => ({}),
  loss({ temperature }, { match }) {
    const { texts, candidates, targets, compared } = match as Match;
    const scores = tf.div(tf.matMul(texts as tf.Tensor2D, candidates as tf.Tensor2D, false, true), temperature);
    const among = tf.sub(scores, tf.mul(tf.sub(1, compared), FAR));
    const entropy: Tensor = tf.neg(tf.sum(tf.mul(tf.logSoftmax(among), targets), -1));
    return weightedMean(entropy, hasTarget(match as Match));
  },
};
