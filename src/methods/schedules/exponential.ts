import type { ExponentialSchedule } from '../../options/train.js';
import type { Schedule } from './schedule.js';

/** By the same factor in each update. */
export const exponential: Schedule<ExponentialSchedule> = {
  type: 'exponential',
  at: ({ from, to }, done) => from * (to / from) ** done,
};
