import { batchRows } from '../models/padding.js';
import { Random } from '../util/random.js';

/** Some rows to learn from at once, and the length they are padded to. */
export interface Batch {
  readonly rows: readonly number[];
  readonly length: number;
}

/** Batches of texts of like length are made within windows of this many, so that their order stays random. */
const WINDOW = 50;

/**
 * One epoch's batches: every row once, shuffled, then grouped by length within windows. A function of its arguments
 * alone, so a resumed run makes the same ones again.
 *
 * @param lengths tokens of each row
 * @param buckets lengths to pad to, ascending
 * @param stream names the epoch, e.g. `stage 0 epoch 3`
 */
export function planEpoch(
  lengths: readonly number[],
  batchSize: number,
  buckets: readonly number[],
  seed: number,
  stream: string,
): Batch[] {
  const random = new Random(seed, `batches ${stream}`);
  const order = random.shuffle(lengths.map((_, i) => i));
  const batches: Batch[] = [];
  for (let start = 0; start < order.length; start += WINDOW * batchSize) {
    const window = order.slice(start, start + WINDOW * batchSize);
    window.sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
    for (let i = 0; i < window.length; i += batchSize) {
      const rows = window.slice(i, i + batchSize);
      batches.push({ rows, length: bucketOf(buckets, Math.max(...rows.map((r) => lengths[r] as number))) });
    }
  }
  return random.shuffle(batches);
}

/**
 * The shapes between which all batches of an epoch are: the longest row in a full batch, and the shortest one in the
 * last. One alone if no two batches can differ.
 *
 * @returns `row` is one that is so long, `size` the rows that the batch is padded to
 */
export function extremeBatches(
  lengths: readonly number[],
  batchSize: number,
  buckets: readonly number[],
): { readonly row: number; readonly length: number; readonly size: number }[] {
  const [first] = lengths as [number];
  const at = (length: number, texts: number) => ({
    row: lengths.indexOf(length),
    length: bucketOf(buckets, length),
    size: batchRows(texts, batchSize),
  });
  const longest = at(
    lengths.reduce((a, b) => Math.max(a, b), first),
    Math.min(lengths.length, batchSize),
  );
  const shortest = at(
    lengths.reduce((a, b) => Math.min(a, b), first),
    lengths.length % batchSize || batchSize,
  );
  const differ = longest.length !== shortest.length || longest.size !== shortest.size;
  return differ && lengths.length > batchSize ? [longest, shortest] : [longest];
}

/** The smallest that holds so many tokens. */
const bucketOf = (buckets: readonly number[], tokens: number): number =>
  buckets.find((length) => length >= tokens) ?? (buckets.at(-1) as number);
