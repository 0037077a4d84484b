import { describe, expect, it } from 'vitest';
import { float16Bits, float32Of } from '../../src/util/float16.js';

describe('float16', () => {
  it('gives every number back', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((b) => (b & 0x7fff) <= 0x7c00); // no NaN
    expect(float16Bits(float32Of(bits))).toEqual(bits);
  });

  it('rounds to nearest, ties to even', () => {
    const ulp = 2 ** -10;
    const numbers = [
      1 + ulp / 2,
      1 + (3 * ulp) / 2,
      1 + 0.51 * ulp,
      65504,
      65520,
      -1e9,
      2 ** -24,
      2 ** -26,
      Number.NaN,
    ];
    expect([...float32Of(float16Bits(Float32Array.from(numbers)))]).toEqual([
      1,
      1 + 2 * ulp,
      1 + ulp,
      65504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      2 ** -24,
      0,
      Number.NaN,
    ]);
  });

  it('reads a view of a larger buffer', () => {
    expect(float32Of(Uint16Array.of(0, 0x3c00, 0xc000).subarray(1))).toEqual(Float32Array.of(1, -2));
  });
});
