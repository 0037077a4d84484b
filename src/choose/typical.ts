import type { WordModel } from './word-vectors.js';

/** Words that a reader knows a group by have letters, three at least. */
const TELLING = /^\p{L}{3,}$/u;

/**
 * The words that tell a group from all others: those whose mean TF-IDF in the group exceeds most that of all texts.
 *
 * @param groups of each text its group, counted from 0
 * @returns of each group its words, the most typical first
 */
export function typicalWords(
  { vocabulary, vectorizer }: WordModel,
  texts: readonly string[],
  groups: Int32Array,
  count: number,
  most: number,
): string[][] {
  const words = vocabulary.ngrams.length;
  const { starts, columns, values } = vectorizer.transform(texts);
  const sums = Array.from({ length: count }, () => new Float64Array(words));
  const all = new Float64Array(words);
  const sizes = new Float64Array(count);
  groups.forEach((group, row) => {
    sizes[group] = (sizes[group] as number) + 1;
    const own = sums[group] as Float64Array;
    for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
      const column = columns[e] as number;
      own[column] = (own[column] as number) + (values[e] as number);
      all[column] = (all[column] as number) + (values[e] as number);
    }
  });
  const telling = vocabulary.ngrams.flatMap((word, column) => (TELLING.test(word) ? [column] : []));
  return sums.map((own, group) => {
    const excess = (column: number): number =>
      (own[column] as number) / Math.max(1, sizes[group] as number) - (all[column] as number) / texts.length;
    return telling
      .filter((column) => excess(column) > 0)
      .sort((a, b) => excess(b) - excess(a) || a - b)
      .slice(0, most)
      .map((column) => vocabulary.ngrams[column] as string);
  });
}
