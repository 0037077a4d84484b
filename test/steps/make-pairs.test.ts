import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Row, readDataset, rowId, writeDataset } from '../../src/data/dataset.js';
import { makePairs } from '../../src/steps/make-pairs.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, runStep, temporaryFolder } from './context.js';

const rowOf = (subject: string, body: string): Row => {
  const fields = { subject, body };
  const text = `${subject}\n${body}`;
  return { id: rowId(text, fields), text, label: null, fields };
};
const ROWS = [
  rowOf('Lunch on Friday', 'shall we have lunch at noon'),
  rowOf('Re: lunch on Friday', 'lunch is fine with me'),
  rowOf('The kettle', 'who took the kettle out of the kitchen'),
  rowOf('Kitchen', 'the kitchen is being painted this week'),
  rowOf('Kitchen', 'the kitchen is being painted this week'),
  rowOf('Kettle found', 'it was in the garden, the kettle'),
  rowOf('', 'nobody knows what this is about'),
  rowOf('Parking', 'no parking in front of the house'),
];
const OPTIONS = { text: 'subject', pair: 'body' };

async function run(options: JsonObject, rows: readonly Row[] = ROWS, seed = 7) {
  const path = await temporaryFolder();
  await writeDataset(path, [], rows);
  const context = await runStep(makePairs, { options, inputs: { data: { kind: 'dataset', path } }, seed });
  const { info, rows: pairs } = await readDataset(context.outputs.pairs as string);
  return { ...context, info, pairs };
}
const of = (pairs: readonly Row[], subject: string, label: string) =>
  pairs.filter((row) => row.text === subject && row.label === label).map(({ fields }) => fields?.pair);

describe('make-pairs', () => {
  it('keeps fields of the first text’s row, and the same pairs', async () => {
    const rows = ROWS.map((row, i) => ({ ...row, fields: { ...row.fields, ...(i > 0 && { list: `l${i % 2}` }) } }));
    const options = { ...OPTIONS, random: 1, hard: 1 };
    const [{ pairs }, { pairs: bare }] = [await run({ ...options, fields: ['list'] }, rows), await run(options, rows)];
    expect(pairs.map(({ fields: { list: _, ...fields } = {}, ...row }) => ({ ...row, fields }))).toEqual(bare);
    const listOf = (subject: string) => pairs.filter(({ text }) => text === subject).map(({ fields }) => fields?.list);
    expect(listOf('The kettle')).toEqual(['l0', 'l0', 'l0']);
    expect(new Set(listOf('Lunch on Friday'))).toEqual(new Set([undefined]));
    await expect(run({ ...options, fields: ['lsit'] }, rows)).rejects.toThrow(
      'no row has a field "lsit" for its pairs',
    );
    const [problem] = makePairs.problems?.({ ...options, fields: ['pair'] } as never, []) ?? [];
    expect(problem).toMatchObject({ pointer: '/fields/0' });
  });

  it('keeps what belongs together, and sets the most similar others beside it', async () => {
    const { pairs, info, tables } = await run({ ...OPTIONS, random: 0, hard: 1 });
    expect(info.labels).toEqual(['no', 'yes']);
    expect(of(pairs, 'The kettle', 'yes')).toEqual(['who took the kettle out of the kitchen']);
    expect(of(pairs, 'The kettle', 'no')).toEqual(['it was in the garden, the kettle']);
    expect(of(pairs, 'Kettle found', 'no')).toEqual(['who took the kettle out of the kitchen']);
    expect(tables[0]?.rows).toEqual([
      ['read', '8'],
      ['one text is empty', '−1'],
      ['the same two texts', '−1'],
      ['yes', '6'],
      ['no', '6'],
    ]);
  });

  it('takes no pair of texts that are the same but for what is ignored', async () => {
    const without = await run({ ...OPTIONS, random: 0, hard: 1 });
    expect(of(without.pairs, 'Lunch on Friday', 'no')).toEqual(['lunch is fine with me']);
    const { pairs } = await run({ ...OPTIONS, random: 0, hard: 1, ignore: '^(re|fwd?):' });
    expect(of(pairs, 'Lunch on Friday', 'no')).not.toContain('lunch is fine with me');
  });

  it('makes no pair twice and no negative of a positive, and says what it could not have', async () => {
    const { pairs, logs } = await run({ ...OPTIONS, random: 4, hard: 4, ignore: '^re:' });
    const seen = pairs.map(({ text, fields }) => `${text} | ${fields?.pair}`);
    expect(new Set(seen).size).toBe(seen.length);
    expect(new Set(pairs.map(({ id }) => id)).size).toBe(pairs.length);
    const together = new Set(ROWS.map(({ fields }) => `${fields?.subject} | ${fields?.body}`));
    for (const row of pairs.filter(({ label }) => label === 'no')) {
      expect(together.has(`${row.text} | ${row.fields?.pair}`)).toBe(false);
    }
    // Of six used rows every one has five others, a thread's two four.
    expect(pairs.filter(({ label }) => label === 'no')).toHaveLength(4 * 5 + 2 * 4);
    expect(logs).toEqual([{ level: 'warning', message: '20 negatives could not be had: too few rows differ' }]);
  });

  it('draws by its seed alone', async () => {
    const many = Array.from({ length: 60 }, (_, i) => rowOf(`subject ${i}`, `body number ${i}`));
    const folder = async (seed: number) =>
      digests((await run({ ...OPTIONS, random: 2, hard: 0 }, many, seed)).outputs.pairs as string);
    const first = await folder(7);
    expect(await folder(7)).toEqual(first);
    expect(await folder(8)).not.toEqual(first);
    const { pairs } = await run({ ...OPTIONS, random: 2, hard: 0 }, many);
    const drawn = pairs.filter(({ label }) => label === 'no').map(({ fields }) => fields?.pair);
    expect(drawn).toHaveLength(120);
    // Drawn evenly, a body stays out with probability e⁻².
    expect(new Set(drawn).size).toBeGreaterThan(40);
  });

  it('keeps the labels of some texts, fewer a subset of more', async () => {
    const many = Array.from({ length: 40 }, (_, i) => rowOf(`subject ${i}`, `body number ${i}`));
    const labelled = async (gold: number) => {
      const { pairs, tables } = await run({ ...OPTIONS, random: 1, hard: 0, gold }, many);
      expect(pairs).toHaveLength(80);
      expect(tables[0]?.rows.slice(-3)).toEqual([
        ['yes', String(gold)],
        ['no', String(gold)],
        ['unlabelled', String(80 - 2 * gold)],
      ]);
      return new Set(pairs.filter(({ label }) => label !== null).map(({ text }) => text));
    };
    const [few, more] = [await labelled(5), await labelled(12)];
    expect([few.size, more.size]).toEqual([5, 12]);
    expect([...few].every((text) => more.has(text))).toBe(true);
    await expect(run({ ...OPTIONS, gold: 41 }, many)).rejects.toMatchObject({ reason: 'bad-gold' });
  });

  it('says what is missing', async () => {
    await expect(run({ text: 'title', pair: 'body' })).rejects.toMatchObject({
      reason: 'no-field',
      message: expect.stringMatching(/^row \w{16} has no field "title" to make a pair of$/),
      hint: expect.stringContaining('It has "subject", "body", "text".'),
    });
    const path = join(await temporaryFolder(), '.');
    await writeDataset(path, [], [rowOf('', '')]);
    const inputs = { data: { kind: 'dataset', path } };
    await expect(runStep(makePairs, { options: OPTIONS, inputs })).rejects.toMatchObject({ reason: 'no-rows' });
    const encoder = { kind: 'model', path };
    await expect(
      runStep(makePairs, { options: { ...OPTIONS, hard: 0 }, inputs: { ...inputs, encoder } }),
    ).rejects.toMatchObject({ reason: 'not-used' });
  });
});
