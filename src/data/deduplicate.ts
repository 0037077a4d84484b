import { MinHash, rowsPerBand, SimilarityIndex } from './minhash.js';
import { jaccard, shingles } from './shingles.js';

export interface DeduplicateOptions {
  /** Jaccard similarity of word 5-shingles from which two texts count as the same; null: only equal texts do. */
  readonly near: number | null;
}

export type Judgement =
  | { readonly verdict: 'kept' }
  | {
      readonly verdict: 'exact' | 'near';
      /** Position among the kept ones of the one it resembles. */
      readonly like: number;
    };

/**
 * Decides text by text, in order: a text is dropped if a text kept before it is the same (`exact`) or similar
 * (`near`).
 *
 * First come, first kept, and compared with kept texts only. So no two kept texts are similar, which is all that a
 * clean split needs; and nothing is dropped for a likeness to something that is itself gone. Joining chains of
 * similar texts into one cluster (A like B, B like C) would drop C although it resembles nothing that is left.
 *
 * Candidates come from MinHash and are then compared exactly: what is dropped is truly that similar, and of the pairs
 * at the threshold one in a million is missed.
 */
export class Deduplicator {
  private readonly texts = new Map<string, number>();
  private readonly sets: Uint32Array[] = [];
  private readonly minHash: MinHash;
  private readonly index: SimilarityIndex;

  constructor(
    private readonly options: DeduplicateOptions,
    seed: number,
  ) {
    this.minHash = new MinHash(seed);
    this.index = new SimilarityIndex(rowsPerBand(options.near ?? 1));
  }

  /** @param id of the text's content */
  add(id: string, text: string): Judgement {
    const same = this.texts.get(id);
    if (same !== undefined) return { verdict: 'exact', like: same };
    if (this.options.near !== null) {
      const set = shingles(text);
      const signature = this.minHash.signature(set);
      const like = this.similar(set, signature, this.options.near);
      if (like !== undefined) return { verdict: 'near', like };
      this.index.add(this.sets.length, signature);
      this.sets.push(set);
    }
    this.texts.set(id, this.texts.size);
    return { verdict: 'kept' };
  }

  private similar(set: Uint32Array, signature: Uint32Array, near: number): number | undefined {
    for (const candidate of this.index.candidates(signature)) {
      const other = this.sets[candidate] as Uint32Array;
      // J ≤ smaller / larger.
      if (Math.min(set.length, other.length) < near * Math.max(set.length, other.length)) continue;
      if (jaccard(set, other) >= near) return candidate;
    }
    return undefined;
  }
}
