import { type Tensor, tf } from '../../backend/tf.js';
import type { SoftLabel } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { weightedMean } from '../means.js';
import { NOTHING, type Objective } from '../objective.js';

/** Mean squared error against the teacher's score, over the rows; a score has no temperature. */
export const softScore: Objective<SoftLabel> = {
  type: 'soft-label',
  over: () => 'rows',
  needs({ temperature, divergence }) {
    if (temperature !== 1 || divergence.type !== 'forward') {
      throw new StepFailure(
        'not-used',
        "a score has no temperature and no divergence: the teacher's is learnt by squared error",
        'Leave them out of the soft-label objective.',
      );
    }
    return { ...NOTHING, logits: true };
  },
  parameters: () => ({}),
  loss(_, { student, teacher, rows }) {
    const squares = tf.sum(tf.square(tf.sub(student.logits as Tensor, teacher.logits as Tensor)), -1);
    return weightedMean(squares, rows);
  },
};
