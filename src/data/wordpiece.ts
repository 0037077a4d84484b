import { Heap } from './heap.js';

/** Marks a piece that does not begin a word. */
export const CONTINUES = '##';
/** Longer words become [UNK] when texts are encoded (BERT's limit), so they teach nothing. */
export const LONGEST_WORD = 100;
/** Most characters in the vocabulary, as in BertWordPieceTokenizer of Hugging Face. */
const ALPHABET = 1000;
/** A pair seen once is a word seen once. */
const LEAST = 2;

/** How often two pieces stand side by side, and in which words. */
interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  readonly words: Set<number>;
}
interface Candidate {
  readonly pair: Pair;
  readonly count: number;
}
/** A piece's number is below 2²⁵, a pair's key below 2⁵⁰: exact in a double. */
const keyOf = (left: number, right: number): number => left * 2 ** 25 + right;

/**
 * Learns WordPiece pieces as Hugging Face's trainer does: byte-pair merges (Sennrich et al. 2016), the most frequent
 * pair first, over words whose later characters carry `##`. The trainer of the `tokenizers` package numbers
 * characters in the order of a randomly seeded hash map and breaks ties by number, so that every run learns other
 * pieces; here ties go to the pair whose pieces were learnt first, and characters are sorted.
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
  const counts: number[] = [];
  const spelt: number[][] = [];
  for (const [word, count] of entries) {
    const spelling = characters(word).map((piece) => ids.get(piece) ?? -1);
    if (spelling.includes(-1)) continue;
    counts.push(count);
    spelt.push(spelling);
  }

  const pairs = new Map<number, Pair>();
  const change = (left: number, right: number, by: number, word: number): Pair => {
    const key = keyOf(left, right);
    let pair = pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, count: 0, words: new Set() };
      pairs.set(key, pair);
    }
    pair.count += by;
    if (by > 0) pair.words.add(word);
    return pair;
  };
  spelt.forEach((spelling, word) => {
    for (let i = 0; i + 1 < spelling.length; i++) {
      change(spelling[i] as number, spelling[i + 1] as number, counts[word] as number, word);
    }
  });
  const heap = new Heap<Candidate>(
    (a, b) =>
      a.count > b.count || (a.count === b.count && keyOf(a.pair.left, a.pair.right) < keyOf(b.pair.left, b.pair.right)),
  );
  for (const pair of pairs.values()) heap.push({ pair, count: pair.count });

  while (pieces.length < size) {
    const best = heap.pop();
    if (best === undefined) break;
    const { pair } = best;
    // The count has changed since: it stands in the heap once more if it grew, and has to if it shrank.
    if (pair.count < best.count && pair.count >= LEAST) heap.push({ pair, count: pair.count });
    if (pair.count !== best.count || pair.count < LEAST) continue;
    const piece = (pieces[pair.left] as string) + (pieces[pair.right] as string).slice(CONTINUES.length);
    let id = ids.get(piece);
    if (id === undefined) {
      id = pieces.push(piece) - 1;
      ids.set(piece, id);
    }
    const grown = new Set<Pair>();
    for (const word of pair.words)
      merge(spelt[word] as number[], pair, id, counts[word] as number, word, change, grown);
    pair.words.clear();
    for (const other of grown) heap.push({ pair: other, count: other.count });
  }
  return pieces;
}

/** Replaces a pair by one piece wherever it stands in a word, and counts the neighbours anew. */
function merge(
  spelling: number[],
  { left, right }: Pair,
  id: number,
  count: number,
  word: number,
  change: (left: number, right: number, by: number, word: number) => Pair,
  grown: Set<Pair>,
): void {
  for (let i = 0; i + 1 < spelling.length; i++) {
    if (spelling[i] !== left || spelling[i + 1] !== right) continue;
    const before = spelling[i - 1];
    const after = spelling[i + 2];
    change(left, right, -count, word);
    if (before !== undefined) {
      change(before, left, -count, word);
      grown.add(change(before, id, count, word));
    }
    if (after !== undefined) {
      change(right, after, -count, word);
      grown.add(change(id, after, count, word));
    }
    spelling.splice(i, 2, id);
  }
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
