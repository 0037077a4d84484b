import { type Tensor, tf } from '../../backend/tf.js';
import type { SoftLabel } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { NOTHING, type Objective } from '../objective.js';

/**
 * T²·KL(softmax(t/T) ‖ softmax(s/T)), mean over rows, of a tagger over words (Hinton et al. 2015, arXiv:1503.02531; T² keeps its gradient's
 * size when T changes). At T = 1 its gradient is that of TinyBERT's prediction loss, which the paper's code however
 * also divides by the number of labels.
 */
export const softLabel: Objective<SoftLabel> = {
  type: 'soft-label',
  over: () => 'rows',
  needs: () => ({ ...NOTHING, logits: true }),
  parameters: () => ({}),
  loss({ temperature }, { student, teacher, rows }) {
    const target = tf.logSoftmax(tf.div(teacher.logits as Tensor, temperature));
    const own = tf.logSoftmax(tf.div(student.logits as Tensor, temperature));
    const divergence = tf.sum(tf.mul(tf.exp(target), tf.sub(target, own)), -1);
    return tf.mul(weightedMean(divergence, rows), temperature ** 2);
  },
};
