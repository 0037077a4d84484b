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

const TOPICS = [
  ['lunch', 'soup', 'table', 'noon'],
  ['kettle', 'kitchen', 'steam', 'boil'],
  ['parking', 'street', 'car', 'fine'],
];

/** Texts about three things, each beside one about the same and two about others. */
export function madeUpTopics(count: number, stream: string): Row[] {
  const random = new Random(5, stream);
  return Array.from({ length: count }, (_, i): Row[] => {
    const words = (topic: number, n: number): string =>
      Array.from({ length: n }, () => (TOPICS[topic % 3] as string[])[random.below(4)]).join(' ');
    const topic = random.below(3);
    const text = `${words(topic, 2)} ${i}`;
    return [0, 1, 2].map((away): Row => {
      const fields = { pair: `${words(topic + away, 4)} ${random.below(1000)}` };
      return { id: rowId(text, fields), text, label: MATCHES[away === 0 ? 1 : 0] as string, fields };
    });
  }).flat();
}
