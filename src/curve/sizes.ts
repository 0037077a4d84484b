import type { Row } from '../data/dataset.js';
import { proportionalOrder } from '../data/split.js';
import { StepFailure } from '../util/failure.js';

/** All rows, and half as many, so often. */
const HALVINGS = 5;
/** Fewer rows than this are no size. */
const FEWEST = 8;

/**
 * The sizes to train at, ascending.
 * @throws StepFailure if there are not so many rows
 */
export function sizesOf(wanted: readonly number[] | undefined, rows: number): number[] {
  if (wanted !== undefined) {
    const beyond = wanted.findIndex((size) => size > rows);
    if (beyond < 0) return [...wanted].sort((a, b) => a - b);
    const message = `there are ${rows} rows to learn from, and this asks for ${wanted[beyond]}`;
    throw new StepFailure('too-few-rows', message, `Name sizes up to ${rows}, or give more data.`, `/sizes/${beyond}`);
  }
  const sizes = Array.from({ length: HALVINGS + 1 }, (_, i) => Math.round(rows / 2 ** (HALVINGS - i)));
  if ((sizes[0] as number) >= FEWEST) return sizes;
  throw new StepFailure(
    'too-few-rows',
    `${rows} rows to learn from are too few to be halved ${HALVINGS} times`,
    `Give ${FEWEST * 2 ** HALVINGS} at least, or name "sizes".`,
  );
}

/** So many of the rows, labels in the proportions of the whole; with one seed fewer are among more. */
export const rowsAt = (rows: readonly Row[], size: number, seed: number): Row[] =>
  proportionalOrder(rows, seed, 'learning-curve').slice(0, size);
