import { describe, expect, it } from 'vitest';
import { planPasses } from '../../src/serve/passes.js';

describe('passes', () => {
  it('are one for up to 32 texts, of few shapes', () => {
    expect(planPasses([20], 512, false)).toEqual([{ texts: [0], rows: 1, length: 32 }]);
    expect(planPasses([100], 512, false)).toEqual([{ texts: [0], rows: 1, length: 128 }]);
    expect(planPasses([5, 9, 3], 512, false)).toEqual([{ texts: [1, 0, 2], rows: 8, length: 128 }]);
    expect(planPasses([5, 200], 512, false)).toEqual([{ texts: [1, 0], rows: 8, length: 512 }]);
    const [pass, ...others] = planPasses(Array(32).fill(512), 512, false);
    expect(others).toEqual([]);
    expect(pass).toMatchObject({ rows: 32, length: 512 });
  });

  it('hold every text once, and each fits', () => {
    for (const maxLength of [40, 512, 8192]) {
      const lengths = Array.from({ length: 45 }, (_, i) => (i * 7919) % (maxLength + 1));
      const passes = planPasses(lengths, maxLength, false);
      expect(passes.flatMap(({ texts }) => texts).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      for (const { texts, rows, length } of passes) {
        expect(texts.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...texts.map((text) => lengths[text] as number))).toBeLessThanOrEqual(length);
        expect(length).toBeLessThanOrEqual(maxLength);
        if (rows > 1) expect(rows * length).toBeLessThanOrEqual(32 * 512);
      }
    }
  });

  it('need no more shapes than a runner keeps', () => {
    const shapes = new Set<string>();
    for (let count = 1; count <= 32; count++) {
      for (let longest = 0; longest <= 512; longest++) {
        for (const { rows, length } of planPasses(Array(count).fill(longest), 512, false))
          shapes.add(`${rows} ${length}`);
      }
    }
    expect(shapes.size).toBeLessThanOrEqual(10);
  });
});
