import { describe, expect, it } from 'vitest';
import { atTemperature, calibrate } from '../../../src/teachers/query/calibrate.js';
import { Random } from '../../../src/util/random.js';

describe('calibrate', () => {
  it('finds the temperature by which probabilities were sharpened', () => {
    const random = new Random(3, 'test');
    const logProbabilities: Float32Array[] = [];
    const truth: number[] = [];
    for (let i = 0; i < 4000; i++) {
      const honest = atTemperature(
        Float32Array.from({ length: 3 }, () => 2 * random.normal()),
        1,
      );
      const draw = random.uniform();
      const sums = honest.map((_, k) => honest.slice(0, k + 1).reduce((sum, x) => sum + Math.exp(x), 0));
      truth.push(sums.findIndex((sum) => draw < sum));
      logProbabilities.push(atTemperature(honest, 1 / 2.5));
    }
    const rows = truth.map((label, i) => ({ label: Math.max(0, label), row: logProbabilities[i] as Float32Array }));
    const found = calibrate({ logProbabilities: rows.map(({ row }) => row), truth: rows.map(({ label }) => label) });
    expect(found.temperature).toBeGreaterThan(2.3);
    expect(found.temperature).toBeLessThan(2.7);
    expect(found.nll.after).toBeLessThan(found.nll.before);
    expect(found.ece.after).toBeLessThan(0.03);
    expect(found.ece.before).toBeGreaterThan(0.1);
  });

  it('keeps log-probabilities ones', () => {
    const scaled = atTemperature(Float32Array.of(-0.1, -2.4), 3);
    expect(scaled.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 6);
  });
});
