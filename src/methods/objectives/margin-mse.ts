import { type Tensor, tf } from '../../backend/tf.js';
import type { MarginMse } from '../../options/train.js';
import { hasTarget, ownCosines, rowMeans, SCORE_SCALE } from '../match.js';
import { weightedMean } from '../means.js';
import { type Match, NOTHING, type Objective } from '../objective.js';

/**
 * (margin of the student − margin of the teacher)², a margin being the score of a text's own pair less that of a
 * candidate that does not belong to it (Hofstätter et al. 2020, arXiv:2010.02666, eq. 6). The student's score is 20 times
 * the cosine, where the paper has a dot product. Mean over a text's margins, then over all rows.
 */
export const marginMse: Objective<MarginMse> = {
  type: 'margin-mse',
  over: () => 'rows',
  needs: () => ({ ...NOTHING, logits: true, lastHiddenState: true }),
  parameters: () => ({}),
  loss(_, { match, teacher, rows }) {
    const { negatives } = match as Match;
    const margins = (scores: Tensor): Tensor => tf.sub(tf.slice(scores, [0, 0], [-1, 1]), scores);
    const own = margins(tf.mul(ownCosines(match as Match), SCORE_SCALE));
    const errors = tf.square(tf.sub(own, margins(teacher.logits as Tensor)));
    return weightedMean(tf.mul(rowMeans(errors, negatives), hasTarget(match as Match)), rows);
  },
};
