import { expect, it } from 'vitest';
import { cosinesOf, remembering } from '../../src/models/bi-encoder.js';

it('computes a text that comes again once, however often it is compared', async () => {
  const asked: string[] = [];
  const encoder = {
    width: 2,
    embed: async (texts: readonly string[]) => {
      asked.push(...texts);
      return Float32Array.from(texts.flatMap((text) => [text.length, 1]));
    },
  };
  const memory = remembering(encoder);
  const first = await cosinesOf(memory, ['a', 'a', 'bbb'], ['a', 'bbb', 'cc']);
  expect(first[0]).toBeCloseTo(1, 6);
  expect(first[1]).toBeCloseTo(4 / Math.sqrt(2 * 10), 6);
  expect(first[2]).toBeCloseTo(7 / Math.sqrt(10 * 5), 6);
  expect(await cosinesOf(memory, ['a', 'bbb'], ['bbb', 'cc'])).toEqual(first.slice(1));
  expect(asked).toEqual(['a', 'bbb', 'cc']);
});
