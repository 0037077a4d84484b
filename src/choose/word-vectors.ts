import {
  buildVocabulary,
  type OnTexts,
  type SparseRows,
  Vectorizer,
  type Vocabulary,
} from '../models/logistic/features.js';
import { unitRows } from '../models/similarity.js';
import { StepFailure } from '../util/failure.js';
import type { Random } from '../util/random.js';
import { type Operator, randomizedSvd } from './svd.js';

/** Numbers of a vector, at most. */
const WIDTH = 64;
const ITERATIONS = 5;
/** Less than is usual: there are few texts, and a word too many is dropped where words are counted exactly. */
const LIMITS = { buckets: 2 ** 20, candidates: 2_000_000 };
const WORDS = { word_ngrams: 1, max_features: 20_000, max_words: null, lowercase: true };

/** Words of texts and their TF-IDF. */
export interface WordModel {
  readonly vocabulary: Vocabulary;
  readonly vectorizer: Vectorizer;
}

/**
 * The words that occur in two of the texts at least; in one where there are no others.
 * @throws StepFailure if no text has a word
 */
export async function wordModel(texts: readonly string[], onTexts: OnTexts): Promise<WordModel> {
  for (const min_count of [2, 1]) {
    const options = { ...WORDS, min_count };
    const vocabulary = await buildVocabulary(texts, options, onTexts, LIMITS);
    if (vocabulary.ngrams.length > 0) return { vocabulary, vectorizer: new Vectorizer(vocabulary, options) };
  }
  throw new StepFailure('no-words', `none of the ${texts.length} texts that were looked at has a word`);
}

/** Turns texts into vectors of length 1, or of zeros where a text has no known word. */
export interface WordVectors {
  readonly width: number;
  /** Row-major [texts, width]. */
  vectors(texts: readonly string[]): Float32Array;
}

/**
 * Latent semantic analysis (Deerwester et al. 1990): TF-IDF of words, truncated singular value decomposition.
 * @param texts from which the directions are learnt
 */
export function wordVectors(
  { vocabulary, vectorizer }: WordModel,
  texts: readonly string[],
  random: Random,
): WordVectors {
  const columns = vocabulary.ngrams.length;
  const { right } = randomizedSvd(sparse(vectorizer.transform(texts), columns), WIDTH, ITERATIONS, random);
  const width = right.length;
  // A word's numbers side by side, as they are added.
  const directions = new Float64Array(columns * width);
  right.forEach((vector, k) => {
    vector.forEach((x, word) => {
      directions[word * width + k] = x;
    });
  });
  return {
    width,
    vectors(some) {
      const rows = vectorizer.transform(some);
      const made = new Float32Array(some.length * width);
      const sum = new Float64Array(width);
      for (let row = 0; row < some.length; row++) {
        sum.fill(0);
        for (let e = rows.starts[row] as number; e < (rows.starts[row + 1] as number); e++) {
          const [value, at] = [rows.values[e] as number, (rows.columns[e] as number) * width];
          for (let k = 0; k < width; k++) sum[k] = (sum[k] as number) + value * (directions[at + k] as number);
        }
        made.set(sum, row * width);
      }
      return unitRows(made, width);
    },
  };
}

function sparse({ starts, columns, values }: SparseRows, width: number): Operator {
  const rows = starts.length - 1;
  return {
    rows,
    columns: width,
    times(x) {
      const y = new Float64Array(rows);
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
          sum += (values[e] as number) * (x[columns[e] as number] as number);
        }
        y[row] = sum;
      }
      return y;
    },
    transposedTimes(y) {
      const x = new Float64Array(width);
      for (let row = 0; row < rows; row++) {
        const weight = y[row] as number;
        for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
          const column = columns[e] as number;
          x[column] = (x[column] as number) + weight * (values[e] as number);
        }
      }
      return x;
    },
  };
}
