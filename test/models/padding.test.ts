import { describe, expect, it } from 'vitest';
import { bucketLength, padTokens } from '../../src/models/padding.js';

describe('padding', () => {
  it('rounds lengths up to a multiple of 32, no further than the longest', () => {
    expect([0, 1, 32, 33, 100, 128].map((n) => bucketLength(n, 128))).toEqual([32, 32, 32, 64, 128, 128]);
    expect([5, 40, 48].map((n) => bucketLength(n, 48))).toEqual([32, 48, 48]);
    expect(bucketLength(3, 8)).toBe(8);
  });

  it('pads rows and adds rows', () => {
    const { ids, mask } = padTokens([Int32Array.of(5, 6, 7), Int32Array.of(8)], 3, 4, 9);
    expect(ids).toEqual({ dtype: 'int32', shape: [3, 4], data: Int32Array.of(5, 6, 7, 9, 8, 9, 9, 9, 9, 9, 9, 9) });
    expect(mask).toEqual({
      dtype: 'float32',
      shape: [3, 4],
      data: Float32Array.of(1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    });
  });
});
