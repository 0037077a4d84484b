import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hiddenRows } from '../../dist/export/hidden.js';
import { describeTransformer } from '../../dist/models/checkpoint.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { Parameters } from '../../src/models/initialize.js';
import { temporaryFolder } from '../steps/context.js';
import { makeModel, runExport } from './rig.js';

const SEED = 3;

it('holds 8-bit integers to the share of hidden tokens that are told, which the card says', async () => {
  const root = await temporaryFolder();
  // A model that says the same of every hidden token.
  let said = -1;
  const change = (parameters: Parameters): void => {
    const bias = parameters['vocab_projector.bias']?.data as Float32Array;
    if (said >= 0) bias[said] = 1e4;
  };
  const { model, data, rows } = await makeModel(root, 'distilbert', 'masked-language-model');
  const tokenizer = await loadTokenizer(model);
  const { config } = await describeTransformer(model);
  const hidden = await hiddenRows(data, config, tokenizer, 1000, SEED);
  expect(hidden).toHaveLength(rows.length);
  const whole = await tokenizer.encode(
    rows.map(({ text }) => text),
    config.maxLength,
  );
  const counts = new Map<number, number>();
  for (const [i, row] of hidden.entries()) {
    expect([...row.hidden]).toEqual([...row.places].map((place) => whole.ids(i)[place]));
    for (const id of row.hidden) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect(hidden.flatMap(({ ids }) => [...ids]).filter((id) => id === tokenizer.maskId).length).toBeGreaterThan(20);
  const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const [commonest, times] = [...counts].sort(([, a], [, b]) => b - a)[0] as [number, number];
  expect(times).toBeLessThan(all / 2);
  said = commonest;
  const again = await makeModel(join(root, 'again'), 'distilbert', 'masked-language-model', { change });
  const { outputs, tables } = await runExport(root, again, { seed: SEED });
  const share = (times / all).toFixed(4);
  expect(tables[0]?.notes[2]).toBe(`8-bit integers: masked accuracy ${share}, in float32 ${share}, on 40 rows.`);
  const card = await readFile(join(outputs.model as string, 'README.md'), 'utf8');
  expect(card).toContain(
    `: masked accuracy ${share}, in float32 ${share}, on 40 rows in which 15 % of the tokens were hidden.`,
  );
  // Its pipeline was asked about every text, and filled in that token in each that it reads as we do.
  expect(tables[0]?.notes[1]).toMatch(/, 8 of 8 texts answered alike\.$/);
});

it('refuses a model that fills in words whose tokenizer hides none', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'bert', 'masked-language-model');
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) {
    const file = join(made.model, name);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined)
      await writeFile(file, text.replaceAll('[MASK]', '[HOLE]').replace(/"mask_token"/g, '"none"'));
  }
  await expect(runExport(root, made)).rejects.toMatchObject({ reason: 'no-mask' });
});

it('refuses a measurement that is of no models', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'bert', 'classifier');
  const timing = { kind: 'measurement', value: { usd_a_thousand: 2 } };
  await expect(runExport(root, made, { inputs: { timing } })).rejects.toMatchObject({
    reason: 'unknown-timing',
    hint: expect.stringContaining('evaluate'),
  });
});
