import type { KCentre } from '../../options/choose-data.js';
import { kCentre as greedy } from '../k-centre.js';
import { defineMethod } from '../method.js';

export const kCentre = defineMethod<KCentre>({
  type: 'k-centre',
  logits: 'none',
  choose: async ({ pool, rows, vectors, progress }) =>
    greedy(await vectors(), rows, pool.before, (done) => progress(done, rows, 'choosing')),
});
