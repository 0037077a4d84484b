import { type Row, rowId } from '../../src/data/dataset.js';
import { Random } from '../../src/util/random.js';

export const MATCHES = ['no', 'yes'];

/** Pairs of short texts with five words for or against, two of them in the first: there are more of one than the other. */
export function madeUpPairs(count: number, stream: string): Row[] {
  const random = new Random(5, stream);
  return Array.from({ length: count }, (_, i) => {
    const votes = Array.from({ length: 5 }, () => random.below(2));
    const words = (own: readonly number[]): string =>
      own.flatMap((vote) => [['the', 'a', 'of'][random.below(3)], vote === 1 ? 'good' : 'bad']).join(' ');
    const [text, pair] = [words(votes.slice(0, 2)), `${words(votes.slice(2))} ${i}`];
    const label = MATCHES[votes.filter((vote) => vote === 1).length > 2 ? 1 : 0] as string;
    return { id: rowId(text, { pair }), text, label, fields: { pair } };
  });
}
