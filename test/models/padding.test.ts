import { describe, expect, it } from 'vitest';
import { batchRows, bucketLength, bucketLengths, padTokens } from '../../src/models/padding.js';

describe('padding', () => {
  it('rounds lengths up to a multiple of 4, no further than the longest', () => {
    expect([0, 1, 32, 33, 100, 128].map((n) => bucketLength(n, 128))).toEqual([4, 4, 32, 36, 100, 128]);
    expect([5, 41, 50].map((n) => bucketLength(n, 50))).toEqual([8, 44, 50]);
    expect(bucketLength(3, 3)).toBe(3);
    expect(bucketLengths(10)).toEqual([4, 8, 10]);
    expect(bucketLengths(8)).toEqual([4, 8]);
  });

  it('rounds the rows of a batch up to a multiple of 8, no further than those of the others', () => {
    expect([1, 8, 9, 30, 32].map((n) => batchRows(n, 32))).toEqual([8, 8, 16, 32, 32]);
    expect([1, 3].map((n) => batchRows(n, 4))).toEqual([4, 4]);
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
