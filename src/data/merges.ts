import { Heap } from './heap.js';

/** A pair seen once is a word seen once. */
const LEAST = 2;

/** A word as pieces, by their numbers, and how often it occurs. */
export interface Spelt {
  readonly spelling: number[];
  readonly count: number;
}

/** What was learnt, in the order in which it was. */
export interface Merges {
  /** Those to begin with, then the new ones. */
  readonly pieces: readonly string[];
  /** Pairs that were joined, by the numbers of their pieces; two pairs may give the same piece. */
  readonly pairs: readonly (readonly [number, number])[];
}

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
 * Byte-pair merges (Sennrich et al. 2016, arXiv:1508.07909): again and again the pair of pieces that stands side by side
 * most often becomes one piece. The trainer of the `tokenizers` package numbers characters in the order of a randomly
 * seeded hash map and breaks ties by number, so that every run learns other pieces; here ties go to the pair whose
 * pieces were learnt first.
 *
 * @param alphabet pieces to begin with
 * @param words changed: each ends as it is spelt with all pieces
 * @param size pieces wanted; fewer come back where no pair is left that occurs twice
 * @param join how two pieces are written as one
 */
export function learnMerges(
  alphabet: readonly string[],
  words: readonly Spelt[],
  size: number,
  join: (left: string, right: string) => string,
): Merges {
  const pieces = [...alphabet];
  const joined: [number, number][] = [];
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
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
  words.forEach(({ spelling, count }, word) => {
    for (let i = 0; i + 1 < spelling.length; i++) {
      change(spelling[i] as number, spelling[i + 1] as number, count, word);
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
    const piece = join(pieces[pair.left] as string, pieces[pair.right] as string);
    let id = ids.get(piece);
    if (id === undefined) {
      id = pieces.push(piece) - 1;
      ids.set(piece, id);
    }
    joined.push([pair.left, pair.right]);
    const grown = new Set<Pair>();
    for (const word of pair.words) merge(words[word] as Spelt, pair, id, word, change, grown);
    pair.words.clear();
    for (const other of grown) heap.push({ pair: other, count: other.count });
  }
  return { pieces, pairs: joined };
}

/** Replaces a pair by one piece wherever it stands in a word, and counts the neighbours anew. */
function merge(
  { spelling, count }: Spelt,
  { left, right }: Pair,
  id: number,
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
