import { readLines } from '../data/lines.js';
import { StepFailure } from '../util/failure.js';
import type { Embeddings } from './neighbours.js';

const IS_WORD = /^[\p{L}\p{M}]+$/u;

/**
 * Word embeddings as GloVe's text files have them: on each line a word and its numbers, between single spaces. Of a word
 * that comes twice the first counts; what is no word is passed over.
 * @throws StepFailure `bad-embeddings`, naming file:line
 */
export async function readEmbeddings(file: string): Promise<Embeddings> {
  const words = new Map<string, Float32Array>();
  let width = 0;
  for await (const { number, text } of readLines(file)) {
    if (text === '') continue;
    const [word = '', ...numbers] = text.trimEnd().split(' ');
    const vector = Float32Array.from(numbers, Number);
    width ||= vector.length;
    if (vector.length === 0 || vector.length !== width || !vector.every(Number.isFinite)) {
      const found = vector.length === width ? 'one of them is no number' : `there are ${vector.length}`;
      const message = `${file}:${number}: expected a word and ${width || 'some'} numbers, but ${found}`;
      throw new StepFailure('bad-embeddings', message, 'Give a text file as GloVe has it: word 0.1 -0.2 …');
    }
    if (IS_WORD.test(word) && !words.has(word)) words.set(word, vector);
  }
  if (words.size < 2) throw new StepFailure('bad-embeddings', `${file} has ${words.size} words, too few`);
  const vectors = new Float32Array(words.size * width);
  [...words.values()].forEach((vector, row) => {
    vectors.set(vector, row * width);
  });
  return { words: [...words.keys()], width, vectors };
}
