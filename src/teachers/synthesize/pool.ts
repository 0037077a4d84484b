import { type Row, rowId } from '../../data/dataset.js';
import { Deduplicator, type Judgement } from '../../data/deduplicate.js';

/** What becomes of a text that was written. */
export type Likeness = 'new' | 'like a seed' | 'like another';

/** Tells texts that are like a seed, or like one that was written before. */
export class Pool {
  private readonly texts: Deduplicator;
  private readonly kept: string[] = [];
  /** Seeds that differ from one another. */
  private seeds = 0;

  constructor(seeds: readonly Row[], near: number, seed: number) {
    this.texts = new Deduplicator({ near }, seed, (position) => this.kept[position] as string);
    // Other fields make a seed another row; here the text alone counts.
    for (const { text } of seeds) if (this.keep(text).verdict === 'kept') this.seeds++;
  }

  add(text: string): Likeness {
    const found = this.keep(text);
    if (found.verdict === 'kept') return 'new';
    return found.like < this.seeds ? 'like a seed' : 'like another';
  }

  private keep(text: string): Judgement {
    const judgement = this.texts.add(rowId(text), text);
    if (judgement.verdict === 'kept') this.kept.push(text);
    return judgement;
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
