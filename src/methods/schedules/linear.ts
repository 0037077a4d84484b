import type { LinearSchedule } from '../../options/train.js';
import type { Schedule } from './schedule.js';

/** In a straight line. */
export const linear: Schedule<LinearSchedule> = {
  type: 'linear',
  at: ({ from, to }, done) => from + (to - from) * done,
};
