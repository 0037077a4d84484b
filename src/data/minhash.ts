import { Random } from '../util/random.js';

/** Hash functions of a signature. */
export const PERMUTATIONS = 128;

/**
 * MinHash (Broder 1997): signatures of sets, equal at each place with probability J, the sets' Jaccard similarity.
 * The permutations are x → a·x + b mod 2³² with odd a, drawn from the seed.
 */
export class MinHash {
  private readonly a = new Uint32Array(PERMUTATIONS);
  private readonly b = new Uint32Array(PERMUTATIONS);

  constructor(seed: number) {
    const random = new Random(seed, 'minhash');
    for (let i = 0; i < PERMUTATIONS; i++) {
      this.a[i] = random.uint32() | 1;
      this.b[i] = random.uint32();
    }
  }

  /** @param set hashes of its elements; @returns [PERMUTATIONS] */
  signature(set: Uint32Array): Uint32Array {
    const signature = new Uint32Array(PERMUTATIONS);
    for (let i = 0; i < PERMUTATIONS; i++) {
      const a = this.a[i] as number;
      const b = this.b[i] as number;
      let least = 0xffffffff;
      for (let k = 0; k < set.length; k++) {
        const h = (Math.imul(a, set[k] as number) + b) >>> 0;
        if (h < least) least = h;
      }
      signature[i] = least;
    }
    return signature;
  }
}

/** Largest chance that a pair just at the threshold is missed. */
const MISS = 1e-6;

/**
 * Rows a band, for locality-sensitive hashing (Indyk and Motwani 1998): a pair of similarity t shares none of 128 / r
 * bands with probability (1 − tʳ)^(128 / r). The largest r, so the fewest needless comparisons, that misses at most
 * one pair in a million at the threshold.
 */
export function rowsPerBand(threshold: number): number {
  for (const rows of [16, 8, 4, 2]) {
    if ((1 - threshold ** rows) ** (PERMUTATIONS / rows) <= MISS) return rows;
  }
  return 1;
}

/** Finds sets that are likely similar to a given one, among those added. */
export class SimilarityIndex {
  private readonly buckets: Map<string, number[]>[];

  constructor(private readonly rows: number) {
    this.buckets = Array.from({ length: PERMUTATIONS / rows }, () => new Map());
  }

  /** Adds a set under a number. */
  add(id: number, signature: Uint32Array): void {
    this.buckets.forEach((bucket, band) => {
      const key = this.key(signature, band);
      const ids = bucket.get(key);
      if (ids === undefined) bucket.set(key, [id]);
      else ids.push(id);
    });
  }

  /** The numbers of all sets that share a band with this one. */
  candidates(signature: Uint32Array): Set<number> {
    const found = new Set<number>();
    this.buckets.forEach((bucket, band) => {
      for (const id of bucket.get(this.key(signature, band)) ?? []) found.add(id);
    });
    return found;
  }

  private key(signature: Uint32Array, band: number): string {
    return String.fromCharCode(...new Uint16Array(signature.buffer, band * this.rows * 4, this.rows * 2));
  }
}
