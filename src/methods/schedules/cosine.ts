import type { CosineSchedule } from '../../options/train.js';
import type { Schedule } from './schedule.js';

/** Along half a cosine: slowly at both ends (Loshchilov & Hutter 2016, arXiv:1608.03983, without restarts). */
export const cosine: Schedule<CosineSchedule> = {
  type: 'cosine',
  at: ({ from, to }, done) => to + ((from - to) * (1 + Math.cos(Math.PI * done))) / 2,
};
