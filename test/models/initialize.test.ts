import { describe, expect, it } from 'vitest';
import type { ParameterSpec } from '../../src/models/architecture.js';
import { initialize } from '../../src/models/initialize.js';

const normal: ParameterSpec = { shape: [200, 100], initial: 'normal', decay: true };

describe('initialize', () => {
  const specs = {
    a: normal,
    b: normal,
    zeros: { shape: [3], initial: 'zeros', decay: false },
    ones: { shape: [2], initial: 'ones', decay: false },
  } as const;
  const drawn = initialize(specs, 5);
  const numbers = (name: keyof typeof specs): Float32Array => (drawn[name] as { data: Float32Array }).data;

  it('draws weights from N(0, 0.02²) and fills the others', () => {
    const a = numbers('a');
    const mean = a.reduce((s, x) => s + x, 0) / a.length;
    const deviation = Math.sqrt(a.reduce((s, x) => s + (x - mean) ** 2, 0) / a.length);
    expect(Math.abs(mean)).toBeLessThan((4 * 0.02) / Math.sqrt(a.length));
    expect(deviation / 0.02).toBeCloseTo(1, 1.5);
    const within = a.filter((x) => Math.abs(x) < 0.02).length / a.length;
    expect(within).toBeCloseTo(0.683, 1.7);
    expect(numbers('zeros')).toEqual(new Float32Array(3));
    expect(numbers('ones')).toEqual(Float32Array.of(1, 1));
  });

  it('is a function of seed and name alone', () => {
    expect(initialize({ b: normal }, 5).b).toEqual(drawn.b);
    expect(initialize({ b: normal }, 6).b).not.toEqual(drawn.b);
    expect(numbers('a')).not.toEqual(numbers('b'));
  });

  it('gives two parameters no number in common', () => {
    const [a, b] = [new Set(numbers('a')), numbers('b')];
    // 20 000 draws each of some 2²⁴ float32 values: a few dozen meet by chance.
    expect(b.filter((x) => a.has(x)).length).toBeLessThan(200);
  });
});
