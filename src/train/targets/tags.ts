import type { Row } from '../../data/dataset.js';
import type { LocatedBatch } from '../../data/tokenizer.js';
import { firstPieces, wordsOf } from '../../data/words.js';
import type { TargetEncoding } from './encoding.js';

/** One of the tags for each word that the model reads, asked at its first token. */
export function tagTargets(all: readonly Row[], tags: readonly string[], { places }: LocatedBatch): TargetEncoding {
  const index = new Map(tags.map((tag, k) => [tag, k]));
  /** Of each row: the tokens that carry a tag, and the tags; −1 where one is unknown. */
  const asked = all.map((row, i) => {
    const words = wordsOf(row);
    const first = firstPieces(words, places[i] as LocatedBatch['places'][number]);
    const read = words.flatMap(({ tag }, w) =>
      (first[w] as number) < 0 ? [] : [[first[w] as number, tag === null ? -1 : (index.get(tag) as number)] as const],
    );
    const [tokens, answers] = [0, 1].map((part) => Int32Array.from(read, (pair) => pair[part] as number));
    return { tokens, answers } as { readonly tokens: Int32Array; readonly answers: Int32Array };
  });
  return {
    labels: tags,
    perToken: true,
    feeds(rows, size, length) {
      const questions = new Float32Array(size * length);
      const oneHot = new Float32Array(size * length * tags.length);
      rows.forEach((r, i) => {
        const { tokens, answers } = asked[r] as (typeof asked)[number];
        for (const [w, token] of tokens.entries()) {
          const at = i * length + token;
          questions[at] = 1;
          const tag = answers[w] as number;
          if (tag >= 0) oneHot[at * tags.length + tag] = 1;
        }
      });
      return {
        rows: { dtype: 'float32', shape: [size * length], data: questions },
        labels: { dtype: 'float32', shape: [size * length, tags.length], data: oneHot },
      };
    },
    counts(row) {
      const { tokens, answers } = asked[row] as (typeof asked)[number];
      return { rows: tokens.length, labels: answers.reduce((sum, tag) => sum + (tag < 0 ? 0 : 1), 0) };
    },
  };
}
