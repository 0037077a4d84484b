import { type Tensor, tf } from '../../backend/tf.js';
import type { HardLabel } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { NOTHING, type Objective } from '../objective.js';

/** Mean squared error against the real score, over the rows that have one. */
export const hardScore: Objective<HardLabel> = {
  type: 'hard-label',
  over: () => 'labels',
  needs: () => ({ ...NOTHING, labels: true }),
  parameters: () => ({}),
  loss(_, { student, labels, known }) {
    const squares = tf.sum(tf.square(tf.sub(student.logits as Tensor, labels)), -1);
    return weightedMean(squares, known as Tensor);
  },
};
