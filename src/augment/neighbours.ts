import type { Runner, TensorFunction } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { WordTokenizer } from '../data/word-pieces.js';
import { architectureOf } from '../models/architectures.js';
import type { MaskedModel } from '../models/masked-model.js';
import { largest } from './told.js';

/** Words and a vector for each. */
export interface Embeddings {
  readonly words: readonly string[];
  readonly width: number;
  /** Row-major [words, width]. */
  readonly vectors: Float32Array;
}

/**
 * Words with the mean of their pieces' word embeddings in a model, once each.
 * @param words that have several pieces; those that are one piece are all here
 */
export async function embeddingsOf(
  { config, parameters }: MaskedModel,
  tokenizer: WordTokenizer,
  words: Iterable<string>,
): Promise<Embeddings> {
  const specs = Object.entries(architectureOf(config).parameters(config));
  const [name] = specs.find(([, { part, shape }]) => part === 'embeddings' && shape[0] === config.vocabulary) ?? [''];
  const table = parameters[name] as { readonly data: Float32Array; readonly shape: readonly number[] };
  const width = table.shape[1] as number;
  const all = [...new Set([...tokenizer.wordOf.flatMap((word) => word ?? []), ...words])];
  const pieces = await tokenizer.piecesOf(all);
  const vectors = new Float32Array(all.length * width);
  pieces.forEach((ids, row) => {
    for (const id of ids) {
      for (let k = 0; k < width; k++) {
        const at = row * width + k;
        vectors[at] = (vectors[at] as number) + (table.data[id * width + k] as number) / ids.length;
      }
    }
  });
  return { words: all, width, vectors };
}

/** Words asked about at once. */
const BATCH = 32;

/** Finds words whose vectors point the same way. */
export class Neighbours {
  private readonly row: ReadonlyMap<string, number>;
  private readonly vectors: Float32Array;
  private readonly all: Int32Array;
  private readonly known = new Map<string, readonly string[]>();
  private readonly fn: TensorFunction;

  /** @param most neighbours of a word */
  constructor(
    private readonly embeddings: Embeddings,
    private readonly most: number,
    private readonly runner: Runner,
  ) {
    const { words, width } = embeddings;
    this.row = new Map(words.map((word, i) => [word, i]));
    this.vectors = normalised(embeddings);
    this.all = Int32Array.from(words, (_, i) => i);
    this.fn = {
      key: `similarities ${words.length} ${width}`,
      call: (p, b) => ({ similarities: tf.matMul(b.asked as Tensor, p.vectors as Tensor, false, true) }),
    };
  }

  /** Computes the neighbours of words that have a vector. */
  async prepare(words: Iterable<string>): Promise<void> {
    const { width } = this.embeddings;
    const asked = [...new Set(words)].flatMap((word) => {
      const row = this.row.get(word) ?? this.row.get(word.toLowerCase());
      return row === undefined || this.known.has(word) ? [] : [{ word, row }];
    });
    const parameters = {
      vectors: { dtype: 'float32' as const, shape: [this.all.length, width], data: this.vectors },
    };
    for (let start = 0; start < asked.length; start += BATCH) {
      const some = asked.slice(start, start + BATCH);
      const data = new Float32Array(BATCH * width);
      some.forEach(({ row }, i) => {
        data.set(this.vectors.subarray(row * width, (row + 1) * width), i * width);
      });
      const feeds = { asked: { dtype: 'float32' as const, shape: [BATCH, width], data } };
      const { similarities } = await this.runner.forward(this.fn, parameters, feeds);
      some.forEach(({ word, row }, i) => {
        const own = (similarities as Float32Array).subarray(i * this.all.length, (i + 1) * this.all.length);
        own[row] = Number.NEGATIVE_INFINITY; // not itself
        const nearest = largest(own, this.all, Math.min(this.most, this.all.length - 1));
        this.known.set(
          word,
          [...nearest].map((k) => this.embeddings.words[k] as string),
        );
      });
    }
  }

  /** The nearest words of a prepared one, nearest first; none of a word without a vector. */
  of(word: string): readonly string[] {
    return this.known.get(word) ?? [];
  }
}

function normalised({ words, width, vectors }: Embeddings): Float32Array {
  const unit = vectors.slice();
  for (let row = 0; row < words.length; row++) {
    const own = unit.subarray(row * width, (row + 1) * width);
    const norm = Math.sqrt(own.reduce((sum, x) => sum + x * x, 0));
    if (norm > 0)
      own.forEach((x, k) => {
        own[k] = x / norm;
      });
  }
  return unit;
}
