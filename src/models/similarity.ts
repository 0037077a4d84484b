import type { Embedder } from './embedder.js';
import { buildVocabulary, type OnTexts, Vectorizer } from './logistic/features.js';

/** Words as they are compared: all of them, each alone. */
const WORDS = { word_ngrams: 1, min_count: 1, max_features: 500_000, max_words: null, lowercase: true };

/**
 * How similar each document is to a query: the cosine of their TF-IDF vectors.
 * @param onTexts awaited every few documents
 * @returns of a query's place, [documents]
 */
export async function wordSimilarity(
  queries: readonly string[],
  documents: readonly string[],
  onTexts: OnTexts,
): Promise<(query: number) => Promise<Float32Array>> {
  const vocabulary = await buildVocabulary(documents, WORDS, onTexts);
  const vectorizer = new Vectorizer(vocabulary, WORDS);
  // Which documents hold a word, and how much: of each query only these are looked at.
  const holders: { readonly documents: number[]; readonly values: number[] }[] = vocabulary.ngrams.map(() => ({
    documents: [],
    values: [],
  }));
  const { starts, columns, values } = vectorizer.transform(documents);
  for (let row = 0; row < documents.length; row++) {
    for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
      const holder = holders[columns[e] as number] as (typeof holders)[number];
      holder.documents.push(row);
      holder.values.push(values[e] as number);
    }
  }
  const asked = vectorizer.transform(queries);
  return async (query) => {
    const scores = new Float32Array(documents.length);
    for (let e = asked.starts[query] as number; e < (asked.starts[query + 1] as number); e++) {
      const holder = holders[asked.columns[e] as number] as (typeof holders)[number];
      const weight = asked.values[e] as number;
      holder.documents.forEach((row, i) => {
        scores[row] = (scores[row] as number) + weight * (holder.values[i] as number);
      });
    }
    return scores;
  };
}

/** Texts that are embedded at a time. */
const CHUNK = 64;

/**
 * The same by a model: the cosine of its vectors.
 * @param onTexts awaited every few texts
 */
export async function vectorSimilarity(
  queries: readonly string[],
  documents: readonly string[],
  embedder: Embedder,
  onTexts: OnTexts,
): Promise<(query: number) => Promise<Float32Array>> {
  const total = queries.length + documents.length;
  let done = 0;
  const vectors = async (texts: readonly string[]): Promise<Float32Array> => {
    const all = new Float32Array(texts.length * embedder.width);
    for (let start = 0; start < texts.length; start += CHUNK) {
      const some = texts.slice(start, start + CHUNK);
      all.set(await embedder.embed(some), start * embedder.width);
      done += some.length;
      await onTexts(done, total);
    }
    return unitRows(all, embedder.width);
  };
  const [asked, known] = [await vectors(queries), await vectors(documents)];
  return async (query) => {
    const own = asked.subarray(query * embedder.width, (query + 1) * embedder.width);
    return cosines(own, known);
  };
}

/** Rows [n, width] scaled to length 1, in place; a row of zeros stays. */
export function unitRows(vectors: Float32Array, width: number): Float32Array {
  for (let start = 0; start < vectors.length; start += width) {
    const row = vectors.subarray(start, start + width);
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    for (let i = 0; length > 0 && i < width; i++) row[i] = (row[i] as number) / length;
  }
  return vectors;
}

/** The product of two of such rows: their cosine. */
export function cosine(vectors: Float32Array, width: number, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += (vectors[a * width + i] as number) * (vectors[b * width + i] as number);
  return sum;
}

/** Products of a vector of length 1 with others, row-major [n, width]: their cosines. */
export function cosines(own: Float32Array, others: Float32Array): Float32Array {
  const width = own.length;
  return Float32Array.from({ length: others.length / width }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += (own[i] as number) * (others[row * width + i] as number);
    return sum;
  });
}
