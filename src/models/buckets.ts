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
export function chooseBuckets(lengths: readonly number[], maxLength: number, most: number): number[] {
  const top = Math.min(maxLength, STEP * Math.ceil(Math.max(1, ...lengths) / STEP));
  const candidates = [...Array.from({ length: Math.ceil(top / STEP) - 1 }, (_, i) => STEP * (i + 1)), top];
  const texts = candidates.map((_, i) => {
    const least = candidates[i - 1] ?? 0;
    return lengths.filter((n) => n > least && n <= (candidates[i] as number)).length;
  });
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

/** The smallest that holds so many tokens. */
export const bucketOf = (buckets: readonly number[], tokens: number): number =>
  buckets.find((length) => length >= tokens) ?? (buckets.at(-1) as number);
