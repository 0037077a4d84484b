import { detached } from '../../backend/gradient.js';
import { type Tensor, tf } from '../../backend/tf.js';
import type { Flsw } from '../../options/train.js';
import { around } from './around.js';
import type { TemperatureRule } from './temperature.js';

const EPSILON = 1e-4;

/** Each row's logits at length 1. */
function direction(logits: Tensor): Tensor {
  const own = detached(logits);
  return tf.div(own, tf.add(tf.norm(own, 2, -1, true), EPSILON));
}

/**
 * τ = base + β·(mean w − w) with w = (1 − cos(s, t))^γ: lower where the two models' logits point in different directions
 * (focal-loss-style weights of TextBrewer, Yang et al. 2020, arXiv:2002.12620; its code adds 1e-4 to each norm, and so do
 * we). The mean is over real rows; τ stays above 0.
 */
export const flsw: TemperatureRule<Flsw> = {
  type: 'flsw',
  parameters: () => ({}),
  schedules: () => ({}),
  at({ base, beta, gamma }, { student, teacher, rows }) {
    const cosine = tf.sum(tf.mul(direction(student), direction(teacher)), -1, true);
    // The cosine may pass 1 by a rounding, and a power of a negative number is none.
    const weight = tf.pow(tf.maximum(tf.sub(1, cosine), 0), gamma);
    return around(base, beta, weight, rows);
  },
};
