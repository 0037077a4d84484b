import { describe, expect, it } from 'vitest';
import { isSchedule, scheduledAt } from '../../src/methods/schedules/index.js';
import { weightAt } from '../../src/methods/weights.js';

describe('schedules', () => {
  const between = { from: 4, to: 1, over: 1 };
  it.each([
    ['linear', { schedule: 'linear', ...between }, [4, 3.25, 2.5, 1.75, 1]],
    ['cosine', { schedule: 'cosine', ...between }, [4, 3.5606601, 2.5, 1.4393398, 1]],
    ['exponential', { schedule: 'exponential', ...between }, [4, 2.8284271, 2, Math.SQRT2, 1]],
    ['stairs', { schedule: 'stairs', steps: 4, ...between }, [4, 3, 2, 1, 1]],
  ] as const)('%s goes from one number to the other', (_, schedule, expected) => {
    expect(isSchedule(schedule)).toBe(true);
    for (const [i, value] of expected.entries()) expect(scheduledAt(schedule, i / 4)).toBeCloseTo(value, 6);
  });

  it('stay at their end', () => {
    const early = { schedule: 'linear', from: 0, to: 1, over: 0.5 } as const;
    expect([0, 0.25, 0.5, 0.75, 1].map((at) => scheduledAt(early, at))).toEqual([0, 0.5, 1, 1, 1]);
  });

  it('are weights too; a learnt one has the factor 1', () => {
    expect(weightAt(0.3, 0.5)).toBe(0.3);
    expect(weightAt({ schedule: 'linear', from: 0, to: 1, over: 1 }, 0.5)).toBe(0.5);
    expect(weightAt({ schedule: 'uncertainty' }, 0.5)).toBe(1);
    expect(isSchedule({ schedule: 'uncertainty' })).toBe(false);
  });
});
