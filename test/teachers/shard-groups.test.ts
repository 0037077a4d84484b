import { expect, test } from 'vitest';
import { groups } from '../../src/teachers/shard-groups.js';

async function* texts(...tokens: number[]) {
  const text = { id: '', text: '', fields: undefined, second: undefined };
  for (const [i, n] of tokens.entries()) yield { i, text: { ...text, tokens: new Int32Array(n) } };
}
const grouped = async (tokens: number[], rows: number, most: number, bytesOf: (n: number) => number) => {
  const found: number[][] = [];
  for await (const group of groups(texts(...tokens), { rows, tokens: most }, bytesOf))
    found.push(group.map(({ i }) => i));
  return found;
};
const small = (): number => 1;

test('a group ends at its rows, its tokens or its bytes, and holds one text at least', async () => {
  expect(await grouped([1, 1, 1, 1, 1], 2, 100, small)).toEqual([[0, 1], [2, 3], [4]]);
  expect(await grouped([4, 6, 1, 30, 2, 8], 99, 10, small)).toEqual([[0, 1], [2], [3], [4, 5]]);
  // A quarter of a gigabyte.
  expect(await grouped([1, 1, 3, 1, 1], 99, 99, (n) => n * 2 ** 27)).toEqual([[0, 1], [2], [3, 4]]);
  expect(await grouped([], 2, 2, small)).toEqual([]);
  expect(await grouped([0, 0, 0], 2, 2, small)).toEqual([[0, 1], [2]]);
});
