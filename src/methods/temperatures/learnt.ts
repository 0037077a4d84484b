import { reverseGradient } from '../../backend/gradient.js';
import { type Tensor, tf } from '../../backend/tf.js';
import type { LearntTemperature } from '../../options/train.js';
import { isSchedule } from '../schedules/index.js';
import type { TemperatureRule } from './temperature.js';

/**
 * lowest + (highest − lowest)·σ(θ), where θ, 0 at first, is learnt against the student: its gradient is turned round and
 * multiplied by a strength that rises from 0 to 1 (global CTKD, Li et al. 2023, arXiv:2211.16231, with its range of 1 to
 * 21; there the strength has risen after 10 epochs, here by default at the end of the stage).
 */
export const learnt: TemperatureRule<LearntTemperature> = {
  type: 'learnt',
  parameters: () => ({ temperature: { shape: [1], initial: 'zeros', decay: false } }),
  schedules: ({ strength }) => (isSchedule(strength) ? { 'temperature.strength': strength } : {}),
  at({ lowest, highest, strength }, { parameters, scheduled }) {
    const turned = reverseGradient(
      parameters.temperature as Tensor,
      scheduled['temperature.strength'] ?? (strength as number),
    );
    return tf.add(tf.mul(tf.sigmoid(turned), highest - lowest), lowest);
  },
};
