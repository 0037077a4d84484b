import { fnv, forEachNgram, mixed, type OnTexts, type SparseRows, wordsOf } from './features.js';

/**
 * TF-IDF of n-grams of words and of characters that are known by a hash alone (Weinberger et al. 2009, arXiv:0902.2206,
 * without their signs, since TF-IDF is of counts): no vocabulary is kept, texts are read once, and n-grams that share a
 * bucket are one feature. Values are those of scikit-learn's `TfidfTransformer(sublinear_tf=True)` over the buckets.
 */
export interface HashedOptions {
  /** N-grams of 1 … this many words; 0: none. */
  readonly word_ngrams: number;
  /** Least and most characters of an n-gram; null: none. */
  readonly char_ngrams: readonly [number, number] | null;
  readonly buckets: number;
  /** Only so many words and punctuation marks of each text are read; null reads all. */
  readonly max_words: number | null;
  readonly lowercase: boolean;
}

/** Where hashes of characters begin, so that `the` as a word and as three characters are two features. */
const CHARACTERS = 0x9e3779b9;
/** Texts between two calls of `OnTexts`. */
const PAUSE = 100;

/** How often each text has something of each bucket: rows of counts. */
export async function countHashed(
  texts: readonly string[],
  options: HashedOptions,
  onTexts: OnTexts = async () => {},
): Promise<SparseRows> {
  const { buckets, word_ngrams: longest, char_ngrams: characters } = options;
  const counts = new Uint32Array(buckets);
  const starts = new Int32Array(texts.length + 1);
  const entries = new Entries();
  const touched: number[] = [];
  const visit = (hash: number): void => {
    const bucket = hash % buckets;
    if (counts[bucket] === 0) touched.push(bucket);
    counts[bucket] = (counts[bucket] as number) + 1;
  };
  for (const [row, text] of texts.entries()) {
    if (row % PAUSE === 0) await onTexts(row, texts.length);
    const words = wordsOf(text, options);
    forEachNgram(words, longest, visit);
    if (characters) for (const word of words) forEachCharacters(word, characters, visit);
    const columns = Int32Array.from(touched).sort();
    for (const column of columns) {
      entries.add(column, counts[column] as number);
      counts[column] = 0;
    }
    touched.length = 0;
    starts[row + 1] = entries.length;
  }
  return { starts, columns: entries.columns, values: entries.values };
}

/**
 * Runs of `least` … `most` code units of a word with a space before and behind it, as scikit-learn's `char_wb`; a word
 * that is shorter is one n-gram.
 */
function forEachCharacters(
  word: string,
  [least, most]: readonly [number, number],
  visit: (hash: number) => void,
): void {
  const padded = ` ${word} `;
  const shortest = Math.min(least, padded.length);
  for (let from = 0; from + shortest <= padded.length; from++) {
    let h = CHARACTERS;
    for (let to = from + 1; to <= padded.length && to - from <= most; to++) {
      h = fnv(h, padded.charCodeAt(to - 1));
      if (to - from >= shortest) visit(mixed(h));
    }
  }
}

/** [buckets]: ln((1 + n) / (1 + df)) + 1 of n texts, of which df have something of the bucket. */
export function idfOf({ starts, columns }: SparseRows, buckets: number): Float32Array {
  const texts = new Uint32Array(buckets);
  for (const column of columns) texts[column] = (texts[column] as number) + 1;
  return Float32Array.from(texts, (df) => Math.log(starts.length / (1 + df)) + 1);
}

/** Counts made TF-IDF, in place: (1 + ln tf) · idf, each row scaled to length 1. */
export function weigh({ starts, columns, values }: SparseRows, idf: Float32Array): void {
  for (let row = 0; row + 1 < starts.length; row++) {
    const [from, to] = [starts[row] as number, starts[row + 1] as number];
    let squares = 0;
    for (let e = from; e < to; e++) {
      const weight = (1 + Math.log(values[e] as number)) * (idf[columns[e] as number] as number);
      values[e] = weight;
      squares += weight * weight;
    }
    const length = Math.sqrt(squares);
    for (let e = from; e < to; e++) values[e] = (values[e] as number) / length;
  }
}

/** Entries of which nobody knows the number before. */
class Entries {
  length = 0;
  private ownColumns = new Int32Array(1024);
  private ownValues = new Float32Array(1024);

  add(column: number, value: number): void {
    if (this.length === this.ownColumns.length) {
      const [columns, values] = [new Int32Array(2 * this.length), new Float32Array(2 * this.length)];
      columns.set(this.ownColumns);
      values.set(this.ownValues);
      [this.ownColumns, this.ownValues] = [columns, values];
    }
    this.ownColumns[this.length] = column;
    this.ownValues[this.length++] = value;
  }

  get columns(): Int32Array {
    return this.ownColumns.slice(0, this.length);
  }

  get values(): Float32Array {
    return this.ownValues.slice(0, this.length);
  }
}
