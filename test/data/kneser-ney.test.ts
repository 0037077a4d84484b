import { expect, it } from 'vitest';
import { KneserNey } from '../../src/data/kneser-ney.js';
import { goldenJson } from '../models/tiny.js';

interface Fixture {
  readonly vocabulary: number;
  readonly training: number[][];
  readonly test: number[][];
  readonly probabilities: number[][];
}

const { vocabulary, training, test, probabilities } = goldenJson<Fixture>('kneser-ney.json');
const ids = (texts: number[][]): Int32Array[] => texts.map((text) => Int32Array.from(text));

it('a trigram model is Chen and Goodman’s interpolated modified Kneser–Ney, by their definitions', () => {
  const model = KneserNey.learn(ids(training), 3, vocabulary);
  for (const [i, text] of ids(test).entries()) {
    const own = Array.from(text, (_, at) => model.probability(text, at));
    own.forEach((p, at) => {
      expect(p).toBeCloseTo(probabilities[i]?.[at] as number, 12);
    });
    const { loss, tokens } = model.surprise({ ids: text, given: 1 });
    expect(tokens).toBe(text.length - 1);
    expect(loss).toBeCloseTo(-own.slice(1).reduce((sum, p) => sum + Math.log(p), 0), 10);
  }
});

it('what may follow sums to one, after known contexts and unknown ones, of any order', () => {
  for (const order of [1, 2, 3, 5]) {
    const model = KneserNey.learn(ids(training), order, vocabulary);
    for (const context of [[], [1], [3, 2], [0, 13], [12, 12, 5, 1]]) {
      const all = Array.from({ length: vocabulary }, (_, token) =>
        model.probability(Int32Array.from([...context, token]), context.length),
      );
      expect(all.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(Math.min(...all)).toBeGreaterThan(0);
    }
  }
});
