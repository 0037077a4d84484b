import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeRows } from '../../src/data/pair.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { goldenJson } from '../models/tiny.js';
import { temporaryFolder } from '../steps/context.js';

/** What transformers makes of two texts (`golden/pairs.py`). */
interface Golden {
  readonly tokenizer: JsonObject;
  readonly cases: readonly {
    readonly text: string;
    readonly pair: string;
    readonly length: number;
    readonly ids: readonly number[];
    readonly types: readonly number[];
  }[];
}
const golden = goldenJson<Record<'wordpiece' | 'byte_bpe', Golden>>('pairs.json');

async function tokenizerOf(json: JsonObject) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  return loadTokenizer(folder);
}

describe.each(['wordpiece', 'byte_bpe'] as const)('two texts under %s', (name) => {
  it('become the tokens that transformers makes of them, cut as it cuts', async () => {
    const { tokenizer: json, cases } = golden[name];
    const tokenizer = await tokenizerOf(json);
    expect(cases.some(({ ids, length }) => ids.length === length)).toBe(true);
    for (const length of new Set(cases.map((each) => each.length))) {
      const some = cases.filter((each) => each.length === length);
      const batch = await tokenizer.encodePairs(
        some.map(({ text }) => text),
        some.map(({ pair }) => pair),
        length,
      );
      for (const [i, { text, pair, ids, types }] of some.entries()) {
        expect([...batch.ids(i)], `${text} | ${pair} | ${length}`).toEqual(ids);
        const second = batch.second(i) as number;
        expect(types.map((_, at) => (at >= second ? 1 : 0))).toEqual(types);
      }
    }
  });

  it('leave single texts as they are', async () => {
    const tokenizer = await tokenizerOf(golden[name].tokenizer);
    const single = async () => [...(await tokenizer.encode(['Shall we meet at noon?'], 64)).ids(0)];
    const before = await single();
    await tokenizer.encodePairs(['a'], ['b'], 5);
    expect(await single()).toEqual(before);
  });
});

it('says which row has no second text', async () => {
  const tokenizer = await tokenizerOf(golden.wordpiece.tokenizer);
  const rows = [{ id: 'r1', text: 'a', fields: { subject: 'b' } }];
  await expect(encodeRows(rows, tokenizer, { maxLength: 9, pairs: true })).rejects.toMatchObject({
    reason: 'no-pair',
    message: 'row r1 has no field "pair", and two texts are to be compared',
    hint: expect.stringContaining('It has "text", "subject".'),
  });
});

it('refuses a tokenizer that sets nothing between two texts', async () => {
  const tokenizer = await tokenizerOf({ ...golden.byte_bpe.tokenizer, post_processor: null });
  await expect(tokenizer.encodePairs(['a'], ['b'], 9)).rejects.toMatchObject({ reason: 'no-pairs' });
});
