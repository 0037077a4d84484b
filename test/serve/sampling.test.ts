import { describe, expect, it } from 'vitest';
import { largest, logSoftmax } from '../../src/serve/log-softmax.js';
import { sampler } from '../../src/serve/sampling.js';
import { Random } from '../../src/util/random.js';

const LOGITS = Float32Array.of(1, 3, -2, 2.5, 0);
const DRAWS = 20_000;

/** How often each token is drawn. */
function frequencies(temperature: number, topP: number): number[] {
  const draw = sampler(temperature, topP, new Random(1, 'test'));
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < DRAWS; i++) {
    const token = draw(LOGITS);
    counts[token] = (counts[token] as number) + 1;
  }
  return counts.map((count) => count / DRAWS);
}

describe('sampling', () => {
  it.each([0.5, 1, 2])('draws tokens as often as the temperature %d says', (temperature) => {
    const expected = logSoftmax(LOGITS.map((x) => x / temperature)).map(Math.exp);
    // Five standard deviations.
    frequencies(temperature, 1).forEach((found, i) => {
      const p = expected[i] as number;
      expect(Math.abs(found - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / DRAWS) + 1e-9);
    });
  });

  it('draws from the nucleus alone, in proportion', () => {
    // Of 3, 2.5, 1, …: 0.53, 0.32, 0.07, …
    const probabilities = logSoftmax(LOGITS).map(Math.exp);
    const [a, b] = [probabilities[1] as number, probabilities[3] as number];
    const found = frequencies(1, 0.6);
    expect(found[0]).toBe(0);
    expect(found[2]).toBe(0);
    expect(found[4]).toBe(0);
    expect(found[1]).toBeCloseTo(a / (a + b), 1);
    expect(frequencies(1, 0.5)[1]).toBe(1);
    expect(frequencies(1, 0)[1]).toBe(1);
  });

  it('takes the likeliest at temperature 0', () => {
    expect(sampler(0, 1, new Random(1, 'test'))(LOGITS)).toBe(1);
  });

  it('draws the same again from the same seed', () => {
    const draws = (seed: number): number[] => {
      const draw = sampler(1, 0.9, new Random(seed, 'choice 0'));
      return Array.from({ length: 50 }, () => draw(LOGITS));
    };
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
  });
});

describe('log-softmax', () => {
  it('is that of double precision, for large logits too', () => {
    const found = logSoftmax(Float32Array.of(1000, 999, -1000));
    const normalizer = Math.log(1 + Math.exp(-1));
    expect(found[0]).toBeCloseTo(-normalizer, 12);
    expect(found[1]).toBeCloseTo(-1 - normalizer, 12);
    expect(found[2]).toBeCloseTo(-2000 - normalizer, 9);
  });

  it('finds the k largest, the first of equal ones first', () => {
    const values = Float32Array.of(1, 5, 3, 5, 2, 4);
    expect(largest(values, 3)).toEqual([1, 3, 5]);
    expect(largest(values, 0)).toEqual([]);
    expect(largest(values, 9)).toEqual([1, 3, 5, 2, 4, 0]);
  });
});
