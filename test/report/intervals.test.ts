import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { against, retentionOf } from '../../src/report/compare.js';
import { bootstrap, bootstrapP, mcnemar, percentileInterval, resampled, wilson } from '../../src/report/intervals.js';
import { percentile } from '../../src/util/numbers.js';
import { Random } from '../../src/util/random.js';

const golden = JSON.parse(readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8')) as {
  wilson: { successes: number; rows: number; low: number; high: number }[];
  mcnemar: { first: number; second: number; p: number }[];
  percentile: { values: number[]; share: number; value: number }[];
};

describe('against scipy and numpy', () => {
  test.each(golden.wilson)('Wilson interval of $successes of $rows', ({ successes, rows, low, high }) => {
    const found = wilson(successes, rows);
    expect(found.low).toBeCloseTo(low, 10);
    expect(found.high).toBeCloseTo(high, 10);
  });

  test.each(golden.mcnemar)('McNemar of $first and $second', ({ first, second, p }) => {
    const found = mcnemar(first, second);
    expect(Math.abs(found - p)).toBeLessThanOrEqual(1e-9 * p);
  });

  test('percentiles', () => {
    for (const { values, share, value } of golden.percentile) {
      expect(percentile(Float64Array.from(values), share)).toBeCloseTo(value, 12);
    }
  });
});

describe('bootstrap', () => {
  test('covers a share about as Wilson does', () => {
    const right = Array.from({ length: 400 }, (_, i) => (i % 10 === 0 ? 0 : 1));
    const [found] = bootstrap(400, [(sample) => sample.reduce((sum, i) => sum + (right[i] as number), 0) / 400], 3);
    const { low, high } = wilson(360, 400);
    expect(found?.low).toBeCloseTo(low, 1.8);
    expect(found?.high).toBeCloseTo(high, 1.8);
    expect((found?.high as number) - (found?.low as number)).toBeGreaterThan(0.05);
  });

  test('the same seed gives the same interval, another seed another', () => {
    const mean = (sample: Int32Array) => sample.reduce((sum, i) => sum + Math.sqrt(i), 0);
    expect(bootstrap(50, [mean], 1)).toEqual(bootstrap(50, [mean], 1));
    expect(bootstrap(50, [mean], 2)).not.toEqual(bootstrap(50, [mean], 1));
  });

  test('an infinite bound is null, and resamples without a value are left out', () => {
    const random = new Random(5, 'test');
    const [infinite, none, some] = bootstrap(
      5,
      [
        () => (random.uniform() < 0.2 ? Number.POSITIVE_INFINITY : 2),
        () => (random.uniform() < 0.6 ? Number.NaN : 1),
        () => (random.uniform() < 0.3 ? Number.NaN : 1),
      ],
      1,
    );
    expect(infinite).toEqual({ low: 2, high: null });
    expect(none).toBeUndefined();
    expect(some).toEqual({ low: 1, high: 1 });
  });
});

describe('bootstrap p', () => {
  test('counts the resamples on the other side of 0 twice, and one more, those without a value left out', () => {
    expect(bootstrapP(Float64Array.of(1, 2, 3, -1, 2, 3, 4, 5, 6))).toBeCloseTo((2 * 2) / 10, 12);
    expect(bootstrapP(Float64Array.of(-1, -2, 0, Number.NaN))).toBe(1);
    expect(bootstrapP(Float64Array.of(-1, -2, -3, Number.NaN))).toBe(0.5);
    expect(bootstrapP(Float64Array.of(1, Number.NaN))).toBeUndefined();
    expect(bootstrapP(new Float64Array(99))).toBe(1);
  });

  test('is below 0.05 where the interval does not hold 0, and about that of a t test', () => {
    const random = new Random(4, 'differences');
    const noise = Float64Array.from({ length: 200 }, () => random.normal());
    const mean = noise.reduce((sum, x) => sum + x, 0) / 200;
    const deviation = Math.sqrt(noise.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 199 / 200);
    // Two-sided normal p of 1, 1.6, 2.4 and 3 standard errors.
    for (const [errors, p] of [
      [1, 0.317],
      [1.6, 0.11],
      [-2.4, 0.016],
      [3, 0.003],
    ] as const) {
      const shifted = noise.map((x) => x - mean + errors * deviation);
      const statistic = (sample: Int32Array) => sample.reduce((sum, row) => sum + (shifted[row] as number), 0) / 200;
      const [values] = resampled(200, [statistic], 5) as [Float64Array];
      const found = bootstrapP(values) as number;
      expect(Math.abs(found - p)).toBeLessThan(0.005 + 0.1 * p);
      const { low, high } = percentileInterval(values) as { low: number; high: number };
      expect(found < 0.05).toBe(low > 0 || high < 0);
    }
  });
});

describe('comparisons', () => {
  const truth = Int32Array.from({ length: 300 }, (_, i) => i % 3);
  /** Wrong on every row whose number is a multiple of `every`. */
  const wrongOn = (every: number) => truth.map((label, i) => (i % every === 0 ? (label + 1) % 3 : label));

  test('a model against itself: ratio 1 without any width, no rows that only one gets wrong', () => {
    const same = against({ truth, predicted: wrongOn(10), labels: 3 }, wrongOn(10), 1);
    expect(same).toEqual({
      errorRatio: { value: 1, interval: { low: 1, high: 1 } },
      onlyModelWrong: 0,
      onlyBaselineWrong: 0,
      mcnemarP: 1,
    });
    const { macroF1, accuracy } = retentionOf({ truth, predicted: wrongOn(10), labels: 3 }, wrongOn(10), 1);
    expect([macroF1, accuracy]).toEqual(Array(2).fill({ value: 1, interval: { low: 1, high: 1 } }));
  });

  test('half of the errors, on the same rows: the pairing keeps the interval narrow', () => {
    const { errorRatio, onlyModelWrong, onlyBaselineWrong, mcnemarP } = against(
      { truth, predicted: wrongOn(10), labels: 3 },
      wrongOn(5),
      1,
    );
    expect(errorRatio.value).toBe(0.5);
    expect(errorRatio.interval?.low).toBeGreaterThan(0.35);
    expect(errorRatio.interval?.high).toBeLessThan(0.65);
    expect([onlyModelWrong, onlyBaselineWrong]).toEqual([0, 30]);
    expect(mcnemarP).toBeCloseTo(2 ** -29, 14);
  });

  test('a baseline without errors gives no ratio', () => {
    expect(against({ truth, predicted: wrongOn(10), labels: 3 }, truth, 1).errorRatio).toEqual({
      value: null,
      interval: null,
    });
    expect(against({ truth, predicted: truth, labels: 3 }, truth, 1).errorRatio).toEqual({
      value: null,
      interval: null,
    });
  });

  test('a baseline with one error leaves the ratio without an upper bound', () => {
    const one = truth.map((label, i) => (i === 7 ? (label + 1) % 3 : label));
    const { errorRatio } = against({ truth, predicted: wrongOn(10), labels: 3 }, one, 1);
    expect(errorRatio.value).toBe(30);
    expect(errorRatio.interval?.high).toBeNull();
    expect(errorRatio.interval?.low).toBeGreaterThan(5);
  });

  test('retention of a worse student is below 1, in accuracy exactly the ratio', () => {
    const { macroF1, accuracy } = retentionOf({ truth, predicted: wrongOn(5), labels: 3 }, wrongOn(10), 1);
    expect(accuracy.value).toBeCloseTo(0.8 / 0.9, 12);
    expect(macroF1.value).toBeLessThan(0.92);
    expect(macroF1.interval?.low).toBeLessThan(macroF1.value as number);
    expect(macroF1.interval?.high).toBeLessThan(1);
  });

  test('a teacher that is always wrong retains nothing to compare with', () => {
    const { accuracy } = retentionOf({ truth, predicted: wrongOn(5), labels: 3 }, wrongOn(1), 1);
    expect(accuracy).toEqual({ value: null, interval: null });
  });
});
