import { type Tensor, tf } from '../../backend/tf.js';
import type { CosineMse } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { ownCosines, rowMeans } from '../match.js';
import { weightedMean } from '../means.js';
import { type Fit, type Match, NOTHING, type Objective } from '../objective.js';

/**
 * (cosine of the student − cosine of the teacher)² of a text and each of its candidates: the teacher is a bi-encoder too
 * (Reimers & Gurevych 2020, arXiv:2004.09813, compare the vectors themselves, which must then be as wide). Mean over a
 * text's candidates, then over rows.
 */
export const cosineMse: Objective<CosineMse> = {
  type: 'cosine-mse',
  over: () => 'rows',
  needs(_, fit) {
    if ((fit as Fit).teacherSimilarity === undefined) {
      throw new StepFailure(
        'not-cached',
        'objective "cosine-mse" learns from the cosines of a teacher, and this one compares no vectors',
        'Learn from it by margin-mse or soft-label, or take a teacher that was trained with task: matching.',
      );
    }
    return { ...NOTHING, logits: true, lastHiddenState: true };
  },
  parameters: () => ({}),
  loss(_, { match, teacher, rows }, fit) {
    const { scale, bias } = (fit as Fit).teacherSimilarity as { scale: number; bias: number };
    const target = tf.div(tf.sub(teacher.logits as Tensor, bias), scale);
    const errors = tf.square(tf.sub(ownCosines(match as Match), target));
    return weightedMean(rowMeans(errors, (match as Match).real), rows);
  },
};
