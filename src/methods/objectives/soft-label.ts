import type { Tensor } from '../../backend/tf.js';
import type { SoftLabel } from '../../options/train.js';
import { divergence } from '../divergence.js';
import { weightedMean } from '../means.js';
import { NOTHING, type Objective } from '../objective.js';
import { temperatureAt, temperatureParameters, temperatureSchedules } from '../temperatures/index.js';

/**
 * T²·KL(softmax(t/T) ‖ softmax(s/T)) or another divergence, mean over rows (Hinton et al. 2015, arXiv:1503.02531). At
 * T = 1 the forward KL's gradient is that of TinyBERT's prediction loss, which the paper's code however also divides by
 * the number of labels.
 */
export const softLabel: Objective<SoftLabel> = {
  type: 'soft-label',
  over: () => 'rows',
  needs: () => ({ ...NOTHING, logits: true }),
  parameters: ({ temperature }) => temperatureParameters(temperature),
  schedules: ({ temperature }) => temperatureSchedules(temperature),
  loss({ temperature }, { student, teacher, rows, parameters, scheduled }) {
    const logits = { student: student.logits as Tensor, teacher: teacher.logits as Tensor };
    const t = temperatureAt(temperature, { ...logits, rows, parameters, scheduled });
    const target = tf.logSoftmax(tf.div(logits.teacher, t));
    const own = tf.logSoftmax(tf.div(logits.student, t));
    const divergence = tf.sum(tf.mul(tf.exp(target), tf.sub(target, own)), -1, true);
    return weightedMean(tf.mul(divergence, tf.mul(t, t)), tf.reshape(rows, [-1, 1]));
  },
};
