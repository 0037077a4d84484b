import { Growing } from '../util/growing.js';
import { IdTable } from './id-table.js';
import { MinHash, rowsPerBand, SimilarityIndex } from './minhash.js';
import { jaccard, shingles } from './shingles.js';

export interface DeduplicateOptions {
  /** Jaccard similarity of word 5-shingles from which two texts count as the same; null: only equal texts do. */
  readonly near: number | null;
}

export type Judgement = { readonly verdict: 'kept' } | Likeness;

export interface Likeness {
  readonly verdict: 'exact' | 'near';
  /** Position among the kept ones of the one it resembles. */
  readonly like: number;
}

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
  private readonly ids = new IdTable();
  /** How many shingles each kept text has. */
  private readonly sizes = new Growing(Uint32Array);
  /** Shingles of kept texts that others were compared with lately: copies come together. */
  private readonly lately = new Map<number, Uint32Array>();
  private readonly minHash: MinHash;
  private readonly index: SimilarityIndex;

  /** @param kept the text of that position among the kept ones */
  constructor(
    private readonly options: DeduplicateOptions,
    seed: number,
    private readonly kept: (position: number) => string,
  ) {
    this.minHash = new MinHash(seed);
    this.index = new SimilarityIndex(rowsPerBand(options.near ?? 1));
  }

  /**
   * Keeps a text unless it is like one that was kept.
   * @param id of the text's content
   */
  add(id: string, text: string): Judgement {
    return this.compare(id, text, (set, signature) => {
      this.ids.add(id);
      if (set === undefined || signature === undefined) return;
      this.index.add(signature);
      this.sizes.push(set.length);
    });
  }

  /** Which kept text a text is like, if it is like one. */
  find(id: string, text: string): Likeness | { readonly verdict: undefined } {
    const found = this.compare(id, text, () => {});
    return found.verdict === 'kept' ? { verdict: undefined } : found;
  }

  private compare(id: string, text: string, unlike: (set?: Uint32Array, signature?: Uint32Array) => void): Judgement {
    const same = this.ids.find(id);
    if (same !== undefined) return { verdict: 'exact', like: same };
    if (this.options.near === null) {
      unlike();
    } else {
      const set = shingles(text);
      const signature = this.minHash.signature(set);
      const like = this.similar(set, signature, this.options.near);
      if (like !== undefined) return { verdict: 'near', like };
      unlike(set, signature);
    }
    return { verdict: 'kept' };
  }

  private similar(set: Uint32Array, signature: Uint32Array, near: number): number | undefined {
    for (const candidate of this.index.candidates(signature)) {
      const size = this.sizes.at(candidate);
      // J ≤ smaller / larger.
      if (Math.min(set.length, size) < near * Math.max(set.length, size)) continue;
      if (jaccard(set, this.setOf(candidate)) >= near) return candidate;
    }
    return undefined;
  }

  private setOf(position: number): Uint32Array {
    const known = this.lately.get(position);
    if (known !== undefined) {
      // It is the latest again.
      this.lately.delete(position);
      this.lately.set(position, known);
      return known;
    }
    const set = shingles(this.kept(position));
    this.lately.set(position, set);
    if (this.lately.size > LATELY) this.lately.delete(this.lately.keys().next().value as number);
    return set;
  }
}

const LATELY = 2048;
