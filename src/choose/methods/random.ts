import type { Random as Options } from '../../options/choose-data.js';
import { Random } from '../../util/random.js';
import { shuffled } from '../draw.js';
import { defineMethod } from '../method.js';

export const random = defineMethod<Options>({
  type: 'random',
  logits: 'none',
  choose: async ({ pool, rows, seed }) => shuffled(pool.before, pool.count, new Random(seed, 'chosen')).slice(0, rows),
});
