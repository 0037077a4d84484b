import { type Tensor, tf } from '../../backend/tf.js';
import type { HardLabel } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { NOTHING, type Objective } from '../objective.js';

/** Cross-entropy with the real label, mean over the rows that have one; of a tagger, over the words that have a tag. */
export const hardLabel: Objective<HardLabel> = {
  type: 'hard-label',
  over: () => 'labels',
  needs: () => ({ ...NOTHING, labels: true }),
  parameters: () => ({}),
  loss(_, { student, labels }) {
    const entropy = tf.neg(tf.sum(tf.mul(tf.logSoftmax(student.logits as Tensor), labels), -1));
    return weightedMean(entropy, tf.sum(labels, -1));
  },
};
