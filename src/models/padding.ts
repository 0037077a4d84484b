import type { HostTensors } from '../backend/runner.js';

/** Lengths are rounded up to a multiple of this, so that few shapes are compiled. */
const BUCKET = 32;

/** The padded length for texts of at most `longest` tokens. */
export const bucketLength = (longest: number, maxLength: number): number =>
  Math.min(maxLength, Math.ceil(Math.max(longest, 1) / BUCKET) * BUCKET);

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
