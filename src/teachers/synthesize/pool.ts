import { type Row, rowId } from '../../data/dataset.js';
import { Deduplicator } from '../../data/deduplicate.js';

/** What becomes of a text that was written. */
export type Likeness = 'new' | 'like a seed' | 'like another';

/** Tells texts that are like a seed, or like one that was written before. */
export class Pool {
  private readonly likeness: Deduplicator;
  /** Those that are like none before them. */
  private readonly texts: string[] = [];
  /** So many of them, from the first, are seeds. */
  private readonly seeds: number;

  constructor(seeds: readonly Row[], near: number, seed: number) {
    this.likeness = new Deduplicator({ near }, seed, (position) => this.texts[position] as string);
    for (const { text } of seeds) this.find(text);
    this.seeds = this.texts.length;
  }

  add(text: string): Likeness {
    const like = this.find(text);
    if (like === undefined) return 'new';
    return like < this.seeds ? 'like a seed' : 'like another';
  }

  /** Position of the one that it is like, by the text alone: other fields would make it another row. */
  private find(text: string): number | undefined {
    const found = this.likeness.add(rowId(text), text);
    if (found.verdict !== 'kept') return found.like;
    this.texts.push(text);
    return undefined;
  }
}

/** Share of pairs of neighbouring words that differ, over all texts (distinct-2, Li et al. 2016, arXiv:1510.03055). */
export function distinct2(texts: readonly string[]): number {
  const pairs = new Set<string>();
  let all = 0;
  for (const text of texts) {
    const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
    for (let i = 1; i < words.length; i++) {
      pairs.add(`${words[i - 1]} ${words[i]}`);
      all++;
    }
  }
  return all === 0 ? 0 : pairs.size / all;
}
