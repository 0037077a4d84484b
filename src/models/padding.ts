import type { HostTensors } from '../backend/runner.js';

/** Lengths and numbers of texts are rounded up to a multiple of this: each shape that is new is recorded once. */
const STEP = 8;
const up = (n: number): number => Math.ceil(Math.max(n, 1) / STEP) * STEP;

/** The padded length for texts of at most `longest` tokens. */
export const bucketLength = (longest: number, maxLength: number): number => Math.min(maxLength, up(longest));

/** All padded lengths, ascending. */
export const bucketLengths = (maxLength: number): number[] =>
  Array.from({ length: up(maxLength) / STEP }, (_, i) => bucketLength(STEP * (i + 1), maxLength));

/** The rows of a batch that has fewer texts than the others. */
export const batchRows = (texts: number, batch: number): number => Math.min(batch, up(texts));

/**
 * Token ids of a batch, padded with `padId`, and their mask.
 *
 * @param texts token ids of each text; fewer than `batch` leaves whole rows of padding
 * @returns `ids` int32 [batch, length] and `mask` float32 [batch, length]
 */
export function padTokens(texts: readonly Int32Array[], batch: number, length: number, padId: number): HostTensors {
  const ids = new Int32Array(batch * length).fill(padId);
  const mask = new Float32Array(batch * length);
  texts.forEach((text, row) => {
    ids.set(text, row * length);
    mask.fill(1, row * length, row * length + text.length);
  });
  return {
    ids: { dtype: 'int32', shape: [batch, length], data: ids },
    mask: { dtype: 'float32', shape: [batch, length], data: mask },
  };
}
