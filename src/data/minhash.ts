import { mix } from '../util/hash.js';
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

/** A part of the index: so many slots a band, of which at most this share is taken. */
const FIRST_SLOTS = 2 ** 14;
const MOST_SLOTS = 2 ** 18;
const FULLEST = 0.7;
/** A slot holds a set's number within its part, and above it bits of the band's hash. */
const NUMBER_BITS = 18;

interface Part {
  /** Number of its first set. */
  readonly first: number;
  readonly slots: number;
  /** [band, slot]: 0 for none; linear probing within a band. */
  readonly table: Uint32Array;
}

/**
 * Finds sets that are likely similar to a given one, among those added: a hash table a band, in parts of fixed size, so
 * that nothing is moved when more are added. 4 bytes a band and some, which is all that is kept of a set.
 */
export class SimilarityIndex {
  private readonly bands: number;
  private readonly parts: Part[] = [];
  private count = 0;

  constructor(private readonly rows: number) {
    this.bands = PERMUTATIONS / rows;
  }

  /** Adds a set under the next number, from 0. */
  add(signature: Uint32Array): void {
    let part = this.parts.at(-1);
    if (part === undefined || this.count - part.first >= FULLEST * part.slots) {
      const slots = part === undefined ? FIRST_SLOTS : Math.min(4 * part.slots, MOST_SLOTS);
      part = { first: this.count, slots, table: new Uint32Array(slots * this.bands) };
      this.parts.push(part);
    }
    const own = this.count++ - part.first + 1;
    const mask = part.slots - 1;
    for (let band = 0; band < this.bands; band++) {
      const h = this.hash(signature, band);
      const start = band * part.slots;
      let slot = h & mask;
      while (part.table[start + slot] !== 0) slot = (slot + 1) & mask;
      part.table[start + slot] = ((h >>> NUMBER_BITS) << NUMBER_BITS) | own;
    }
  }

  /** The numbers of all sets that share a band with this one; rarely of one that does not. */
  candidates(signature: Uint32Array): Set<number> {
    const found = new Set<number>();
    for (let band = 0; band < this.bands; band++) {
      const h = this.hash(signature, band);
      for (const { first, slots, table } of this.parts) {
        const mask = slots - 1;
        const start = band * slots;
        for (let slot = h & mask; ; slot = (slot + 1) & mask) {
          const entry = table[start + slot] as number;
          if (entry === 0) break;
          if (entry >>> NUMBER_BITS === h >>> NUMBER_BITS) found.add(first + (entry & (2 ** NUMBER_BITS - 1)) - 1);
        }
      }
    }
    return found;
  }

  private hash(signature: Uint32Array, band: number): number {
    let h = band;
    for (let i = band * this.rows; i < (band + 1) * this.rows; i++) {
      h = mix(Math.imul(h, 0x9e3779b1) ^ (signature[i] as number));
    }
    return h;
  }
}
