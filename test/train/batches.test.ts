import { describe, expect, it } from 'vitest';
import { planEpoch } from '../../src/train/batches.js';
import { Random } from '../../src/util/random.js';

const random = new Random(1, 'lengths');
const lengths = Array.from({ length: 1003 }, () => 1 + random.below(200));
const BUCKETS = [32, 64, 96, 128];
const plan = (seed = 1, stream = '0 0') => planEpoch(lengths, 8, BUCKETS, seed, stream);

describe('planEpoch', () => {
  it('has every row once', () => {
    const rows = plan().flatMap((batch) => batch.rows);
    expect([...rows].sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    expect(plan()).toHaveLength(Math.ceil(1003 / 8));
    expect(plan().every(({ rows: own }) => own.length > 0 && own.length <= 8)).toBe(true);
  });

  it('is a function of its arguments alone, and another for each epoch and seed', () => {
    expect(plan()).toEqual(plan());
    expect(plan(1, '0 1')).not.toEqual(plan());
    expect(plan(2)).not.toEqual(plan());
  });

  it('pads each batch to the bucket of its longest row', () => {
    for (const { rows, length } of plan()) {
      const longest = Math.max(...rows.map((row) => lengths[row] as number));
      expect(length).toBe(Math.min(128, Math.ceil(longest / 32) * 32));
    }
  });

  it('puts rows of like length together, and leaves the order of batches random', () => {
    const planned = plan();
    const padded = planned.reduce((sum, { rows, length }) => sum + rows.length * length, 0);
    const needed = lengths.reduce((sum, n) => sum + Math.min(128, Math.ceil(n / 32) * 32), 0);
    expect(padded).toBeLessThan(1.05 * needed);
    const order = planned.map(({ length }) => length);
    const falls = order.filter((length, i) => length < (order[i - 1] ?? 0)).length;
    expect(falls).toBeGreaterThan(order.length / 5); // in ascending order there would be one a window
  });

  it('has nothing to plan without rows', () => {
    expect(planEpoch([], 8, BUCKETS, 1, '')).toEqual([]);
  });
});
