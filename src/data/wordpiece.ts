import { learnMerges, type Spelt } from './merges.js';

/** Marks a piece that does not begin a word. */
export const CONTINUES = '##';
/** Longer words become [UNK] when texts are encoded (BERT's limit), so they teach nothing. */
export const LONGEST_WORD = 100;
/** Most characters in the vocabulary, as in BertWordPieceTokenizer of Hugging Face. */
const ALPHABET = 1000;

/**
 * Learns WordPiece pieces as Hugging Face's trainer does: byte-pair merges over words whose later characters carry `##`.
 *
 * @param words how often each word occurs, after normalisation and pre-tokenisation; order does not matter
 * @param size pieces wanted; fewer come back where no pair is left that occurs twice
 * @returns characters (the most frequent 1,000, at most half of `size`; words with others are left out), then pieces
 *   in the order in which they were learnt
 */
export function learnPieces(words: ReadonlyMap<string, number>, size: number): string[] {
  const entries = [...words].filter(([word]) => word.length <= LONGEST_WORD).sort(([a], [b]) => (a < b ? -1 : 1));
  const pieces = alphabet(entries, Math.min(ALPHABET, Math.floor(size / 2)));
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const spelt = entries.flatMap(([word, count]): Spelt[] => {
    const spelling = characters(word).map((piece) => ids.get(piece) ?? -1);
    return spelling.includes(-1) ? [] : [{ spelling, count }];
  });
  return [...learnMerges(pieces, spelt, size, (left, right) => left + right.slice(CONTINUES.length)).pieces];
}

/** `abc` → `a`, `##b`, `##c`. */
function characters(word: string): string[] {
  return Array.from(word, (character, i) => (i === 0 ? character : CONTINUES + character));
}

function alphabet(words: readonly (readonly [string, number])[], limit: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    for (const piece of characters(word)) counts.set(piece, (counts.get(piece) ?? 0) + count);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([piece]) => piece)
    .sort();
}
