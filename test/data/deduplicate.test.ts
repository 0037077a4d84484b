import { describe, expect, it } from 'vitest';
import { rowId } from '../../src/data/dataset.js';
import { Deduplicator } from '../../src/data/deduplicate.js';
import { rowsPerBand } from '../../src/data/minhash.js';
import { jaccard, shingles } from '../../src/data/shingles.js';
import { Random } from '../../src/util/random.js';

/** Families of texts: each member changes some words of another, so that similarities of all sizes occur. */
function corpus(seed: number): string[] {
  const random = new Random(seed, 'texts');
  const texts: string[] = [];
  for (let family = 0; family < 80; family++) {
    const word = (): string => `w${String.fromCharCode(97 + random.below(26))}${'x'.repeat(random.below(20))}`;
    let words = Array.from({ length: 20 + random.below(200) }, word);
    for (let member = 0; member < 8; member++) {
      const rate = random.uniform() ** 3 * 0.1;
      words = words.map((old) => (random.uniform() < rate ? `${old}q` : old));
      texts.push(words.join(' '));
    }
  }
  return random.shuffle(texts);
}

describe('Deduplicator', () => {
  it.each([0.5, 0.8, 0.95])('keeps no two texts of similarity %d or more, and drops only such', (near) => {
    for (const seed of [1, 2, 3]) {
      const texts = corpus(seed);
      const keptTexts: string[] = [];
      const deduplicator = new Deduplicator({ near }, seed, (position) => keptTexts[position] as string);
      const kept: Uint32Array[] = [];
      let nearOnes = 0;
      for (const text of texts) {
        const set = shingles(text);
        const judgement = deduplicator.add(rowId(text), text);
        const most = Math.max(0, ...kept.map((other) => jaccard(set, other)));
        if (judgement.verdict === 'kept') {
          expect(most).toBeLessThan(near);
          kept.push(set);
          keptTexts.push(text);
        } else {
          expect(jaccard(set, kept[judgement.like] as Uint32Array)).toBeGreaterThanOrEqual(near);
          if (judgement.verdict === 'near') nearOnes++;
        }
      }
      expect(nearOnes).toBeGreaterThan(3);
    }
  });

  it('sees digits, case and punctuation as no difference', () => {
    const kept: string[] = [];
    const deduplicator = new Deduplicator({ near: 0.8 }, 1, (position) => kept[position] as string);
    const add = (text: string): string => {
      const { verdict } = deduplicator.add(rowId(text), text);
      if (verdict === 'kept') kept.push(text);
      return verdict;
    };
    expect(add('Order 4711 ships on 12 May, thank you!')).toBe('kept');
    expect(add('ORDER 9982 ships on 31 May - thank you')).toBe('near');
    expect(add('Order 4711 ships on 12 May, thank you!')).toBe('exact');
    expect(add('hi')).toBe('kept');
    expect(add('Hi!')).toBe('near');
    expect(add('!!!')).toBe('kept');
    expect(add('???')).toBe('kept');
  });

  it('drops equal texts only where near is null', () => {
    const deduplicator = new Deduplicator({ near: null }, 1, () => '');
    expect(['a b', 'A b', 'a b'].map((text) => deduplicator.add(rowId(text), text).verdict)).toEqual([
      'kept',
      'kept',
      'exact',
    ]);
  });

  it('chooses bands that miss one in a million', () => {
    expect([0.2, 0.5, 0.8, 0.9, 1].map(rowsPerBand)).toEqual([1, 2, 4, 4, 16]);
  });
});
