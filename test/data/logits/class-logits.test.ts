import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowId } from '../../../src/data/dataset.js';
import { LogitsCache, writeClassLogits } from '../../../src/data/logits.js';
import { digests, temporaryFolder } from '../../steps/context.js';

const about = { labels: ['a', 'b', 'c'], teacher: { name: 'gpt-x', revision: 'https://example.org gpt-x' } };
interface Answer {
  readonly id: string;
  readonly logits: Float32Array;
}
const answer = (i: number): Answer => ({ id: rowId(`text ${i}`), logits: Float32Array.of(i / 2, -i / 3, 0.1) });
async function* answers(count: number): AsyncGenerator<Answer> {
  for (let i = 0; i < count; i++) yield answer(i);
}
async function* these(...rows: Answer[]): AsyncGenerator<Answer> {
  yield* rows;
}
const nothing = { logits: true, hiddenStates: [], attention: [] };

test('what is written is read, by the id alone', async () => {
  const folder = await temporaryFolder();
  await writeClassLogits(folder, about, answers(5));
  const cache = await LogitsCache.open(folder);
  expect(cache.index).toMatchObject({
    teacher: { name: 'gpt-x', revision: 'https://example.org gpt-x', layers: 0 },
    labels: ['a', 'b', 'c'],
    tokenizer: null,
    maxLength: null,
    dtype: 'float32',
    computed: null,
    rows: 5,
    covered: null,
  });
  expect([...cache.ids()]).toEqual([0, 1, 2, 3, 4].map((i) => answer(i).id));
  expect(cache.classLogits(answer(4).id)).toEqual(answer(4).logits);
  // Tokens are of no account.
  expect(cache.read(answer(3).id, Int32Array.of(1, 2, 3), nothing).logits).toEqual(answer(3).logits);
  expect(cache.has(answer(9).id)).toBe(false);
  expect(() => cache.classLogits(answer(9).id)).toThrow(`the teacher's logits have no row for text ${answer(9).id}`);
  cache.close();
  expect(cache.classLogits(answer(1).id), 'opened again').toEqual(answer(1).logits);
  cache.close();
});

test('the same rows make the same bytes, in float16 half as many', async () => {
  const folder = await temporaryFolder();
  const write = async (name: string, dtype: 'float16' | 'float32') => {
    await mkdir(join(folder, name));
    await writeClassLogits(join(folder, name), { ...about, dtype }, answers(300));
    return digests(join(folder, name));
  };
  expect(await write('1', 'float32')).toEqual(await write('2', 'float32'));
  await write('half', 'float16');
  const [half, whole] = await Promise.all(['half', '1'].map((name) => LogitsCache.open(join(folder, name))));
  expect(whole?.index.shards[0]?.bytes).toBeGreaterThan((half?.index.shards[0]?.bytes ?? 0) + 300 * 3 * 2 - 64);
  expect(half?.classLogits(answer(7).id)[1]).toBeCloseTo(-7 / 3, 2);
  half?.close();
  whole?.close();
});

test('rows are written as they come', async () => {
  const folder = await temporaryFolder();
  const count = 2 ** 16 + 10;
  let early = false;
  async function* watched(): AsyncGenerator<Answer> {
    for await (const row of answers(count)) {
      yield row;
      early ||= existsSync(join(folder, 'shard-00000.safetensors'));
    }
  }
  await writeClassLogits(folder, about, watched());
  expect(early).toBe(true);
  const cache = await LogitsCache.open(folder);
  expect(cache.index.shards.map(({ rows }) => rows)).toEqual([2 ** 16, 10]);
  for (const i of [0, 2 ** 16 - 1, 2 ** 16, count - 1]) {
    expect(cache.classLogits(answer(i).id)).toEqual(answer(i).logits);
  }
  cache.close();
});

test('what no softmax could use becomes something it can, or is refused', async () => {
  const folder = await temporaryFolder();
  const id = rowId('x');
  const infinite = Float32Array.of(0, Number.NEGATIVE_INFINITY, 1e30);
  await writeClassLogits(folder, about, these({ id, logits: infinite }, answer(1), { id, logits: answer(2).logits }));
  const cache = await LogitsCache.open(folder);
  expect(cache.index.rows).toBe(2);
  expect([...cache.classLogits(id)]).toEqual([0, -65504, 65504]);
  cache.close();

  const refused = (row: Answer) => writeClassLogits(folder, about, these(row));
  await expect(refused({ id, logits: Float32Array.of(0, Number.NaN, 1) })).rejects.toMatchObject({
    reason: 'not-a-number',
    message: `the teacher's logits of row ${id} hold something that is no number`,
  });
  await expect(refused({ id, logits: Float32Array.of(0, 1) })).rejects.toThrow(
    `row ${id} has 2 logits, and there are 3 labels`,
  );
  await expect(refused({ ...answer(1), id: 'row-1' })).rejects.toThrow('"row-1" is not the id of a row');
});

test('no rows are a cache too', async () => {
  const folder = await temporaryFolder();
  await writeClassLogits(folder, about, answers(0));
  const cache = await LogitsCache.open(folder);
  expect(cache.index).toMatchObject({ rows: 0, shards: [] });
  cache.close();
});

test('any bit that is turned over is found when the cache is opened, and named', async () => {
  const folder = await temporaryFolder();
  await writeClassLogits(folder, about, answers(40));
  const files = readdirSync(folder).sort();
  expect(files).toEqual(['index.json', 'rows.jsonl', 'shard-00000.safetensors']);
  const turned = fc.record({
    file: fc.constantFrom(...files),
    byte: fc.double({ min: 0, max: 0.9999999, noNaN: true }),
    bit: fc.nat(7),
  });
  await fc.assert(
    fc.asyncProperty(turned, async ({ file, byte, bit }) => {
      const path = join(folder, file);
      const right = await readFile(path);
      const wrong = Buffer.from(right);
      const at = Math.floor(byte * wrong.length);
      wrong[at] = (wrong[at] as number) ^ (1 << bit);
      await writeFile(path, wrong);
      await expect(LogitsCache.open(folder)).rejects.toMatchObject({
        reason: 'damaged-input',
        message: `${file} of the teacher's logits is damaged: its bytes are not those that were written`,
      });
      await writeFile(path, right);
    }),
    { seed: 20253, numRuns: 100 },
  );
  (await LogitsCache.open(folder)).close();
});

test('a file that is cut off or gone is damaged too', async () => {
  const folder = await temporaryFolder();
  await writeClassLogits(folder, about, answers(40));
  for (const file of readdirSync(folder)) {
    const right = await readFile(join(folder, file));
    await writeFile(join(folder, file), right.subarray(0, -1));
    await expect(LogitsCache.open(folder)).rejects.toThrow(`${file} of the teacher's logits is damaged`);
    await rm(join(folder, file));
    await expect(LogitsCache.open(folder)).rejects.toThrow(`${file} of the teacher's logits is damaged`);
    await writeFile(join(folder, file), right);
  }
});
