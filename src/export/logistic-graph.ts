import { type Attributes, type DType, Graph, type Value } from '../backend/graph.js';
import { encode } from '../backend/onnx/encode.js';
import type { AppliedLogistic } from '../models/logistic.js';

/** What words are fed under, and how: as many columns as the longest text has words, '' behind shorter ones. */
export const WORDS = 'words';

const BATCH = 'batch_size';
const COUNT = 'word_count';

/**
 * A logistic model over word n-grams as an ONNX file: words [texts, words] → `logits` [texts, labels]. How a text is cut
 * into words stands in `model.json`: ONNX has no operator for it that every runtime knows.
 */
export function logisticGraph({ labels, vocabulary, weight, bias }: AppliedLogistic): Uint8Array {
  const graph = new Graph();
  const features = vocabulary.ngrams.length;
  const outputs = bias.length;
  // Sizes that are in the file as names.
  const texts = 1;
  const emit = (
    op: string,
    inputs: readonly Value[],
    width: number,
    attributes: Attributes = {},
    dtype: DType = 'float32',
  ): Value => graph.emitMany(op, inputs, [{ dtype, shape: [texts, width] }], attributes)[0] as Value;
  const number = (x: number): Value => graph.uniform(x, 'float32');

  const words = graph.input(WORDS, 'string', [texts, 1]);
  const counts = emit('TfIdfVectorizer', [words], features, counting(vocabulary.ngrams));
  const present = emit('Cast', [emit('Greater', [counts, number(0)], features, {}, 'bool')], features);
  const logarithm = emit('Log', [emit('Max', [counts, number(1)], features)], features);
  const frequency = emit('Mul', [emit('Add', [logarithm, number(1)], features), present], features);
  const idf = graph.constant(vocabulary.idf, 'float32', [features]);
  const weighted = emit('Mul', [frequency, idf], features);
  const length = emit('Max', [emit('ReduceL2', [weighted, graph.ints([1])], 1, { keepdims: 1 }), number(TINY)], 1);
  const scaled = emit('Div', [weighted, length], features);
  // With two labels there are weights for the second alone, and the first one's logit is 0.
  const columns = labels.length;
  const matrix = graph.constant(widened(weight, features, outputs, columns), 'float32', [features, columns]);
  const offsets = graph.constant(widened(bias, 1, outputs, columns), 'float32', [columns]);
  const logits = emit('Add', [emit('MatMul', [scaled, matrix], columns), offsets], columns);
  return encode(
    { inputs: [words], nodes: graph.nodes, outputs: { logits }, sparse: {} },
    (v) => (v === words ? [BATCH, COUNT] : v === logits ? [BATCH, columns] : v.shape),
    {},
  );
}

/** A text without any known word has length 0. */
const TINY = 1e-12;

/** How ONNX's TfIdfVectorizer is told n-grams: all of one word, then all of two, …, and the column of each. */
function counting(ngrams: readonly string[]): Attributes {
  const longest = Math.max(...ngrams.map((ngram) => ngram.split(' ').length));
  const pool: string[] = [];
  const starts: number[] = [];
  const columns: number[] = [];
  for (let length = 1; length <= longest; length++) {
    starts.push(pool.length);
    for (const [column, ngram] of ngrams.entries()) {
      const words = ngram.split(' ');
      if (words.length !== length) continue;
      pool.push(...words);
      columns.push(column);
    }
  }
  return {
    mode: 'TF',
    min_gram_length: 1,
    max_gram_length: longest,
    max_skip_count: 0,
    ngram_counts: starts,
    ngram_indexes: columns,
    pool_strings: pool,
  };
}

/** Rows of `from` numbers with zeros before them, so that they are of `to`. */
function widened(data: Float32Array, rows: number, from: number, to: number): Float32Array {
  const wide = new Float32Array(rows * to);
  for (let row = 0; row < rows; row++) wide.set(data.subarray(row * from, (row + 1) * from), row * to + to - from);
  return wide;
}
