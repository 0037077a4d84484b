import type { HostTensors } from '../backend/runner.js';

/**
 * Lengths are rounded up to a multiple of this. A new shape costs a recording, a tenth of a training step or so: with
 * every length a shape of its own they would be many, and with multiples of 8 short texts are a seventh padding.
 */
const LENGTH_STEP = 4;
/** So are the rows of a batch that is not full. Fewer than 8 are computed by other operators: another graph to compile. */
const ROW_STEP = 8;
const up = (n: number, step: number): number => Math.ceil(Math.max(n, 1) / step) * step;

/** The padded length for texts of at most `longest` tokens. */
export const bucketLength = (longest: number, maxLength: number): number =>
  Math.min(maxLength, up(longest, LENGTH_STEP));

/** All padded lengths, ascending. */
export const bucketLengths = (maxLength: number): number[] =>
  Array.from({ length: up(maxLength, LENGTH_STEP) / LENGTH_STEP }, (_, i) =>
    bucketLength(LENGTH_STEP * (i + 1), maxLength),
  );

/** The rows of a batch that has fewer texts than the others. */
export const batchRows = (texts: number, batch: number): number => Math.min(batch, up(texts, ROW_STEP));

/**
 * Token ids of a batch, padded with `padId`, and their mask.
 *
 * @param texts token ids of each text; fewer than `batch` leaves whole rows of padding
 * @param seconds of pairs, how many tokens of each come before those of the second text
 * @returns `ids` int32 [batch, length] and `mask` float32 [batch, length]; of pairs also `types` int32 [batch, length],
 *   1 for a token of the second text
 */
export function padTokens(
  texts: readonly Int32Array[],
  batch: number,
  length: number,
  padId: number,
  seconds?: readonly (number | undefined)[],
): HostTensors {
  const ids = new Int32Array(batch * length).fill(padId);
  const mask = new Float32Array(batch * length);
  const types = seconds && new Int32Array(batch * length);
  texts.forEach((text, row) => {
    ids.set(text, row * length);
    mask.fill(1, row * length, row * length + text.length);
    types?.fill(1, row * length + (seconds?.[row] ?? text.length), row * length + text.length);
  });
  return {
    ids: { dtype: 'int32', shape: [batch, length], data: ids },
    mask: { dtype: 'float32', shape: [batch, length], data: mask },
    ...(types && { types: { dtype: 'int32', shape: [batch, length], data: types } }),
  };
}
