/**
 * TF-IDF of word n-grams, as scikit-learn's `TfidfVectorizer(sublinear_tf=True, token_pattern=r'\w+|[^\w\s]')` has
 * it: (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), each text scaled to length 1. Punctuation counts as words, unlike
 * scikit-learn's default: on mail that is worth 0.5 points of macro-F1, and 1.5 where labels are few.
 */

export interface FeatureOptions {
  /** N-grams of 1 … this many words. */
  readonly word_ngrams: number;
  /** Texts that an n-gram must occur in. */
  readonly min_count: number;
  /** At most this many n-grams, those of most texts first. */
  readonly max_features: number;
  /** Only so many words and punctuation marks of each text are read; null reads all. */
  readonly max_words: number | null;
  readonly lowercase: boolean;
}

/** What is learnt from the texts: n-grams in code unit order and the weight of each. */
export interface Vocabulary {
  readonly ngrams: readonly string[];
  /** [ngrams] */
  readonly idf: Float32Array;
}

/** Rows of a sparse matrix, one after the other: row r holds the entries `starts[r]` … `starts[r + 1] - 1`. */
export interface SparseRows {
  /** [rows + 1] */
  readonly starts: Int32Array;
  /** Columns, ascending within a row. */
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** Awaited every few texts, so that long work stays stoppable; what it throws ends the work. */
export type OnTexts = (done: number, total: number) => Promise<void>;

/** Texts between two calls of `OnTexts`. */
const PAUSE = 100;

/** Counters of the first pass over the texts; 64 MiB with the marks, whatever the corpus. */
const BUCKETS = 2 ** 23;
/** N-grams that the second pass counts exactly, at most (but for collisions). */
const CANDIDATES = 2_000_000;

/** A run of letters, digits and underscores, or one punctuation mark. */
export const WORD = /[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]/gu;

/** The words of a text, as far as it is read. */
export function wordsOf(text: string, options: Pick<FeatureOptions, 'lowercase' | 'max_words'>): string[] {
  const words = (options.lowercase ? text.toLowerCase() : text).match(WORD) ?? [];
  return options.max_words === null ? words : words.slice(0, options.max_words);
}

/**
 * Chooses the n-grams; their words are joined by one space. Two passes, so that memory does not grow with the number of
 * different n-grams: the first counts texts in hashed buckets (never too low), the second counts exactly what the first
 * did not rule out.
 */
export async function buildVocabulary(
  texts: readonly string[],
  options: FeatureOptions,
  onTexts: OnTexts = async () => {},
  limits: { buckets: number; candidates: number } = { buckets: BUCKETS, candidates: CANDIDATES },
): Promise<Vocabulary> {
  const total = 2 * texts.length;
  const buckets = new Uint32Array(limits.buckets);
  /** The last text (from 1) that each bucket counted. */
  const marks = new Uint32Array(limits.buckets);
  for (const [i, text] of texts.entries()) {
    if (i % PAUSE === 0) await onTexts(i, total);
    forEachNgram(wordsOf(text, options), options.word_ngrams, (hash) => {
      const bucket = hash % limits.buckets;
      if (marks[bucket] === i + 1) return;
      marks[bucket] = i + 1;
      buckets[bucket] = (buckets[bucket] as number) + 1;
    });
  }
  const threshold = lowestThreshold(buckets, options.min_count, limits.candidates);

  const counts = new Map<string, { texts: number; last: number }>();
  for (const [i, text] of texts.entries()) {
    if (i % PAUSE === 0) await onTexts(texts.length + i, total);
    const words = wordsOf(text, options);
    forEachNgram(words, options.word_ngrams, (hash, from, to) => {
      if ((buckets[hash % limits.buckets] as number) < threshold) return;
      const ngram = from + 1 === to ? (words[from] as string) : words.slice(from, to).join(' ');
      const count = counts.get(ngram);
      if (count === undefined) {
        counts.set(ngram, { texts: 1, last: i });
      } else if (count.last !== i) {
        count.texts++;
        count.last = i;
      }
    });
  }

  const kept = [...counts]
    .filter(([, count]) => count.texts >= options.min_count)
    .sort(([a, m], [b, n]) => n.texts - m.texts || byCodeUnit(a, b))
    .slice(0, options.max_features)
    .sort(([a], [b]) => byCodeUnit(a, b));
  return {
    ngrams: kept.map(([ngram]) => ngram),
    idf: Float32Array.from(kept, ([, count]) => Math.log((1 + texts.length) / (1 + count.texts)) + 1),
  };
}

const FNV_BASIS = 0x811c9dc5;
/** A step of FNV-1a, by a code unit. */
export const fnv = (h: number, unit: number): number => Math.imul(h ^ unit, 0x01000193);
/** A hash's bits mixed once more, so that the low ones can be used alone: an unsigned number. */
export const mixed = (h: number): number => (h ^ (h >>> 15)) >>> 0;

/** Calls `visit` for every n-gram of 1 … `longest` words, with its hash: `words[from]` … `words[to - 1]`. */
export function forEachNgram(
  words: readonly string[],
  longest: number,
  visit: (hash: number, from: number, to: number) => void,
): void {
  for (let from = 0; from < words.length; from++) {
    let h = FNV_BASIS;
    for (let to = from + 1; to <= words.length && to - from <= longest; to++) {
      const word = words[to - 1] as string;
      for (let i = 0; i < word.length; i++) h = fnv(h, word.charCodeAt(i));
      h = fnv(h, 0x20);
      visit(mixed(h), from, to);
    }
  }
}

/** The smallest count, `minimum` at least, that at most `candidates` buckets reach. */
function lowestThreshold(buckets: Uint32Array, minimum: number, candidates: number): number {
  const histogram = new Map<number, number>();
  for (const count of buckets) if (count >= minimum) histogram.set(count, (histogram.get(count) ?? 0) + 1);
  let threshold: number | undefined;
  let reached = 0;
  for (const [count, number] of [...histogram].sort(([a], [b]) => b - a)) {
    reached += number;
    if (reached > candidates && threshold !== undefined) return threshold;
    threshold = count;
  }
  return minimum;
}

/** Known n-grams by their words: looking one up builds no string. */
interface Branch {
  column: number | undefined;
  next: Map<string, Branch> | undefined;
}

/** Turns texts into rows of TF-IDF values; a text without any known n-gram is an empty row. */
export class Vectorizer {
  private readonly root: Branch = { column: undefined, next: undefined };

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly options: FeatureOptions,
  ) {
    vocabulary.ngrams.forEach((ngram, column) => {
      let branch: Branch = this.root;
      for (const word of ngram.split(' ')) {
        branch.next ??= new Map();
        let child = branch.next.get(word);
        if (child === undefined) {
          child = { column: undefined, next: undefined };
          branch.next.set(word, child);
        }
        branch = child;
      }
      branch.column = column;
    });
  }

  transform(texts: readonly string[]): SparseRows {
    const starts = new Int32Array(texts.length + 1);
    const columns: Int32Array[] = [];
    const values: Float32Array[] = [];
    texts.forEach((text, row) => {
      const frequencies = new Map<number, number>();
      const words = wordsOf(text, this.options);
      for (let from = 0; from < words.length; from++) {
        let branch: Branch | undefined = this.root;
        for (let at = from; at < words.length; at++) {
          branch = branch.next?.get(words[at] as string);
          if (branch === undefined) break;
          if (branch.column !== undefined) frequencies.set(branch.column, (frequencies.get(branch.column) ?? 0) + 1);
        }
      }
      const present = Int32Array.from(frequencies.keys()).sort();
      const weights = Float64Array.from(
        present,
        (column) => (1 + Math.log(frequencies.get(column) as number)) * (this.vocabulary.idf[column] as number),
      );
      let squares = 0;
      for (const weight of weights) squares += weight * weight;
      const length = Math.sqrt(squares);
      columns.push(present);
      values.push(Float32Array.from(weights, (weight) => weight / length));
      starts[row + 1] = (starts[row] as number) + present.length;
    });
    return { starts, columns: joined(Int32Array, columns), values: joined(Float32Array, values) };
  }
}

function joined<T extends Int32Array | Float32Array>(type: new (length: number) => T, parts: readonly T[]): T {
  const whole = new type(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
