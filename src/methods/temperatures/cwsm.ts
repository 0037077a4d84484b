import { detached } from '../../backend/gradient.js';
import { tf } from '../../backend/tf.js';
import type { Cwsm } from '../../options/train.js';
import { around } from './around.js';
import type { TemperatureRule } from './temperature.js';

/**
 * τ = base + β·(mean w − w) with w = 1 / (max softmax(s) + 0.001): lower where the student is unsure (confidence-weighted
 * soft-max of TextBrewer, Yang et al. 2020, arXiv:2002.12620). The mean is over real rows; τ stays above 0.
 */
export const cwsm: TemperatureRule<Cwsm> = {
  type: 'cwsm',
  parameters: () => ({}),
  schedules: () => ({}),
  at({ base, beta }, { student, rows }) {
    const certainty = tf.max(tf.softmax(detached(student)), -1, true);
    return around(base, beta, tf.div(1, tf.add(certainty, 1e-3)), rows);
  },
};
