import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, recipe } from '../cli/recipe.js';
import { madeUpRows } from '../train/rig.js';
import { rowsToAnswer } from '../train/writing.js';

const page = readFileSync(new URL('../../docs/training.md', import.meta.url), 'utf8');
const [classifying, writing] = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text as string);
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

test.each([
  ['schedules', classifying, madeUpRows(40, 8).map(({ text, label }) => ({ text, ...(label && { label }) }))],
  ['models that write', writing, rowsToAnswer(24).map(({ text, responses }) => ({ text, response: responses?.[0] }))],
])('the recipe of docs/training.md runs: %s', async (_, text, rows) => {
  const here = folder({ 'page.yaml': text as string, 'rows.jsonl': lines(rows) });
  const ran = await recipe(here, ['run', 'page.yaml']);
  expect(ran.code, ran.err).toBe(0);
  expect(
    existsSync(join(here, 'out', (text as string).match(/^name: (.*)$/m)?.[1] as string, 'student/config.json')),
  ).toBe(true);
});
