import type { StairsSchedule } from '../../options/train.js';
import type { Schedule } from './schedule.js';

/** In equal steps, the first at `from` and the last at `to`, as Annealing-KD lowers its temperature (arXiv:2104.07163). */
export const stairs: Schedule<StairsSchedule> = {
  type: 'stairs',
  at({ from, to, steps }, done) {
    const step = Math.min(steps - 1, Math.floor(done * steps));
    return from + ((to - from) * step) / (steps - 1);
  },
};
