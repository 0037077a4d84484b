import { describe, expect, it } from 'vitest';
import { atTemperature, calibrate, Thinned } from '../../../src/teachers/query/calibrate.js';
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

  it('makes no teacher certain that has all of a few rows right', () => {
    const logProbabilities = Array.from({ length: 60 }, () => Float32Array.of(Math.log(0.8), Math.log(0.2)));
    const found = calibrate({ logProbabilities, truth: Array<number>(60).fill(0) });
    expect(Math.exp(atTemperature(logProbabilities[0] as Float32Array, found.temperature)[0] as number)).toBeCloseTo(
      61 / 62,
      4,
    );
    expect(found.nll.after).toBeLessThan(found.nll.before);
  });

  it('takes of many rows some, evenly spread', () => {
    const few = new Thinned<number>(10);
    for (let i = 0; i < 10; i++) few.add(i);
    expect(few.items).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const many = new Thinned<number>(10);
    for (let i = 0; i < 1000; i++) many.add(i);
    expect(many.items).toEqual([0, 128, 256, 384, 512, 640, 768, 896]);
  });

  it('keeps log-probabilities ones', () => {
    const scaled = atTemperature(Float32Array.of(-0.1, -2.4), 3);
    expect(scaled.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 6);
  });
});
