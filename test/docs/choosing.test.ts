import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { folder, recipe } from '../cli/recipe.js';

test('the two rounds of docs/choosing.md run', async () => {
  const page = readFileSync(new URL('../../docs/choosing.md', import.meta.url), 'utf8');
  const text = /^```yaml\n(.*?)^```/ms.exec(page)?.[1] as string;
  const here = folder({ 'rounds.yaml': text });
  const sizes = { mails: 120, first: 12, more: 8 };
  const set = Object.entries(sizes).flatMap(([name, value]) => ['--set', `params.${name}=${value}`]);
  const ran = await recipe(here, ['run', 'rounds.yaml', ...set]);
  expect(ran.code, ran.err).toBe(0);
  const rows = (name: string): Row[] =>
    readFileSync(join(here, 'out/rounds', name, 'rows.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
  const [first, second] = [rows('first'), rows('second')];
  expect(second).toHaveLength(20);
  expect(second.slice(0, 12)).toEqual(first);
  expect(new Set(second.map(({ id }) => id)).size).toBe(20);
  const report = JSON.parse(readFileSync(join(here, 'out/rounds/coverage/report.json'), 'utf8'));
  expect(report).toMatchObject({ report: 'coverage', rows: { pool: 84, before: 12, chosen: 8 } });
}, 120_000);
