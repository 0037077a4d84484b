import { describe, expect, it } from 'vitest';
import { learnPieces } from '../../src/data/wordpiece.js';
import { Random } from '../../src/util/random.js';

/** The same by recounting everything before each merge. */
function slowly(words: ReadonlyMap<string, number>, size: number): string[] {
  let spelt = [...words].map(([word, count]) => ({ count, pieces: Array.from(word, (c, i) => (i ? `##${c}` : c)) }));
  const pieces = [...new Set(spelt.flatMap((word) => word.pieces))].sort();
  while (pieces.length < size) {
    const counts = new Map<string, number>();
    for (const word of spelt) {
      for (let i = 0; i + 1 < word.pieces.length; i++) {
        const pair = `${word.pieces[i]} ${word.pieces[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + word.count);
      }
    }
    const rank = (pair: string): number[] => pair.split(' ').map((piece) => pieces.indexOf(piece));
    const [best] = [...counts].sort(([a, m], [b, n]) => {
      const [p = 0, q = 0] = rank(a);
      const [r = 0, s = 0] = rank(b);
      return n - m || p - r || q - s;
    });
    if (best === undefined || best[1] < 2) break;
    const [left, right] = best[0].split(' ') as [string, string];
    const piece = left + right.slice(2);
    if (!pieces.includes(piece)) pieces.push(piece);
    spelt = spelt.map((word) => {
      const merged: string[] = [];
      for (let i = 0; i < word.pieces.length; i++) {
        if (word.pieces[i] === left && word.pieces[i + 1] === right) {
          merged.push(piece);
          i++;
        } else merged.push(word.pieces[i] as string);
      }
      return { count: word.count, pieces: merged };
    });
  }
  return pieces;
}

describe('learnPieces', () => {
  it('learns what recounting everything each time learns', () => {
    for (const seed of [1, 2, 3, 4]) {
      const random = new Random(seed, 'words');
      const words = new Map<string, number>();
      for (let i = 0; i < 60; i++) {
        const word = Array.from({ length: 1 + random.below(9) }, () => 'aab'[random.below(3)]).join('');
        words.set(word, 1 + random.below(5));
      }
      expect(learnPieces(words, 60)).toEqual(slowly(words, 60));
    }
  });

  it('does not depend on the order of the words', () => {
    const words: [string, number][] = ['low', 'lower', 'newest', 'widest', 'wider'].map((word, i) => [word, 2 + i]);
    expect(learnPieces(new Map([...words].reverse()), 40)).toEqual(learnPieces(new Map(words), 40));
  });

  it('leaves rare characters out, so that pieces have room', () => {
    const words = new Map([
      ...Array.from({ length: 50 }, (_, i): [string, number] => [String.fromCharCode(0x4e00 + i), 1]),
    ]);
    words.set('aaaa', 9);
    const pieces = learnPieces(words, 10);
    expect(pieces).toHaveLength(8); // five characters, ##aa, aaa, aaaa
    expect(pieces).toEqual(expect.arrayContaining(['a', '##a', '##aa']));
  });
});
