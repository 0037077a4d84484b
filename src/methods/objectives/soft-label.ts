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
  loss(options, { student, teacher, rows, parameters, scheduled }) {
    const logits = { student: student.logits as Tensor, teacher: teacher.logits as Tensor };
    const temperature = temperatureAt(options.temperature, { ...logits, rows, parameters, scheduled });
    return weightedMean(divergence(options.divergence, logits.teacher, logits.student, temperature), rows);
  },
};
