/** Lengths are multiples of this. */
const STEP = 8;

/**
 * The few lengths that texts are padded to, so that few shapes are compiled (each takes seconds and memory): those with
 * which the least padding is computed.
 *
 * @param lengths tokens of each text
 * @param most lengths to choose
 * @returns ascending; the last one holds every text
 */
export function chooseBuckets(lengths: ArrayLike<number>, maxLength: number, most: number): number[] {
  const top = Math.min(maxLength, STEP * Math.ceil(largest(lengths) / STEP));
  const candidates = [...Array.from({ length: Math.ceil(top / STEP) - 1 }, (_, i) => STEP * (i + 1)), top];
  const texts = candidates.map(() => 0);
  for (let i = 0; i < lengths.length; i++) {
    const n = lengths[i] as number;
    const at = Math.ceil(n / STEP) - 1;
    if (n > 0 && n <= top) texts[at] = (texts[at] as number) + 1;
  }
  const below = [0];
  for (const n of texts) below.push((below.at(-1) as number) + n);
  // least[k][i]: fewest tokens for the texts up to candidate i with k + 1 lengths of which i is the last.
  const last = candidates.length - 1;
  let least = candidates.map((length, i) => length * (below[i + 1] as number));
  const chosen: number[][] = [candidates.map(() => -1)];
  for (let k = 1; k < Math.min(most, candidates.length); k++) {
    const before: number[] = [];
    const next = candidates.map((length, i) => {
      let [best, from] = [least[i] as number, chosen[k - 1]?.[i] as number];
      for (let j = 0; j < i; j++) {
        const cost = (least[j] as number) + length * ((below[i + 1] as number) - (below[j + 1] as number));
        if (cost < best) [best, from] = [cost, j];
      }
      before.push(from);
      return best;
    });
    chosen.push(before);
    least = next;
  }
  const buckets: number[] = [];
  for (let [i, k] = [last, chosen.length - 1]; i >= 0; k = Math.max(0, k - 1)) {
    buckets.unshift(candidates[i] as number);
    i = chosen[k]?.[i] as number;
  }
  return buckets;
}

/**
 * Of `chooseBuckets` with `most` lengths or fewer: as many as fit into a budget, one at least. Every length is a graph of
 * its own, which keeps the memory of its largest run.
 *
 * @param bytes what a graph of a length takes
 * @param budget bytes for all of them
 */
export function bucketsWithin(
  lengths: ArrayLike<number>,
  maxLength: number,
  most: number,
  bytes: (length: number) => number,
  budget: number,
): number[] {
  for (let count = most; ; count--) {
    const buckets = chooseBuckets(lengths, maxLength, count);
    if (count === 1 || buckets.reduce((sum, length) => sum + bytes(length), 0) <= budget) return buckets;
  }
}

/** The smallest that holds so many tokens. */
export const bucketOf = (buckets: readonly number[], tokens: number): number =>
  buckets.find((length) => length >= tokens) ?? (buckets.at(-1) as number);

/** At least 1. */
export function largest(lengths: ArrayLike<number>): number {
  let most = 1;
  for (let i = 0; i < lengths.length; i++) most = Math.max(most, lengths[i] as number);
  return most;
}
