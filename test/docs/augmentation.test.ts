import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { folder, recipe } from '../cli/recipe.js';

test('the recipe of docs/augmentation.md runs', async () => {
  const page = readFileSync(new URL('../../docs/augmentation.md', import.meta.url), 'utf8');
  const text = /^```yaml\n(.*?)^```/ms.exec(page)?.[1] as string;
  const here = folder({ 'augmented.yaml': text });
  const sizes = { mails: 60, language_updates: 2, updates: 2, copies: 2 };
  const set = Object.entries(sizes).flatMap(([name, value]) => ['--set', `params.${name}=${value}`]);
  const ran = await recipe(here, ['run', 'augmented.yaml', ...set]);
  expect(ran.code, ran.err).toBe(0);
  const rows = readFileSync(join(here, 'out/augmented/more/rows.jsonl'), 'utf8').trim().split('\n');
  const found = rows.map((row) => JSON.parse(row) as Row);
  const copies = found.filter(({ augmented_from: from }) => from !== undefined);
  expect(found.length - copies.length).toBe(42);
  expect(copies.length).toBeGreaterThan(76);
  expect(new Set(copies.map(({ label }) => label))).toEqual(new Set([null]));
});
