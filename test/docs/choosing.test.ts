import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { folder, recipe } from '../cli/recipe.js';

const shipped = readFileSync(new URL('../../recipes/active-labels.yaml', import.meta.url), 'utf8');

test('docs/choosing.md shows the rounds of recipes/active-labels.yaml', () => {
  const page = readFileSync(new URL('../../docs/choosing.md', import.meta.url), 'utf8');
  const shown = /^```yaml\n(.*?)^```/ms.exec(page)?.[1] as string;
  const lines = (text: string) => text.split('\n').map((line) => line.replace(/\s*#.*/, ''));
  const all = lines(shipped);
  for (const line of lines(shown)) expect(all).toContain(line);
});

test('recipes/active-labels.yaml runs, and more rounds of it go on where fewer ended', async () => {
  const here = folder({ 'active.yaml': shipped });
  const run = (rounds: number) => {
    const sizes = { mails: 120, first: 12, more: 8, random: 20, rounds };
    const set = Object.entries(sizes).flatMap(([name, value]) => ['--set', `params.${name}=${value}`]);
    return recipe(here, ['run', 'active.yaml', ...set]);
  };
  const rows = (): Row[] =>
    readFileSync(join(here, 'out/active-labels/labelled/rows.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
  const short = await run(1);
  expect(short.code, short.err).toBe(0);
  const first = rows();
  expect(first).toHaveLength(20);
  const long = await run(2);
  expect(long.code, long.err).toBe(0);
  expect(long.out).toContain('student[round=1]: up to date');
  expect(long.out).toMatch(/^student\[round=2\] +0\.\d/m);
  const second = rows();
  expect(second).toHaveLength(28);
  expect(second.slice(0, 20)).toEqual(first);
  expect(new Set(second.map(({ id }) => id)).size).toBe(28);
}, 120_000);
