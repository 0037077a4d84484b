import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { folder, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/data.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

const known = 'A headline that the benchmark has';
const words = ['alpha', 'bravo', 'delta', 'gamma', 'omega', 'sigma', 'theta', 'kappa', 'lambda', 'zeta'];
const lines = Array.from({ length: 40 }, (_, i) => {
  const [a, b] = [words[i % 10], words[Math.floor(i / 10)]];
  return `The ${a} meets ${b} again,${1 + (i % 2)},author ${i % 8}`;
});
const CSV = [
  'headline,class,author',
  ...lines,
  `${known},1,x`,
  'Too short,2,x',
  '!!!! ???? 1 2 3 4 5,2,x',
  'Class of nobody here,9,x',
  '',
].join('\n');

test('the recipe of docs/data.md runs, and what is wrong with it is shown at its line', async () => {
  const cwd = folder({ 'news.csv': CSV, 'benchmark.txt': `${known}\n`, 'news.yaml': yaml });
  const { code, out, err } = await recipe(cwd, ['run', 'news.yaml', '--reporter', 'plain']);
  expect(code, err + out).toBe(0);
  expect(out).toMatch(/unreadable +0 +0 +−1 +−1/);
  expect(out).toMatch(/in the input "against" +0 +−1 +0 +−1/);
  const read = (name: string): string => readFileSync(join(cwd, 'out/news', name), 'utf8');
  const rows = read('train/rows.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  expect(rows.map((row) => row.text)).not.toContain(known);
  expect(new Set(rows.map(({ label }) => label))).toEqual(new Set(['World', 'Sports']));
  expect(JSON.parse(read('report/quarantine.jsonl'))).toEqual({
    where: 'news.csv:45',
    reason: 'the label "9" is not in label_names',
    raw: 'Class of nobody here,9,x',
  });
  const { stages } = JSON.parse(read('report/funnel.json')) as { stages: { name: string; rows: number }[] };
  const took = Object.fromEntries(stages.map(({ name, rows }) => [name, rows]));
  expect(took).toMatchObject({ unreadable: 1, length: 1, characters: 1, 'in the input "against"': 1 });

  // Each at the line of the recipe that it is about.
  const wrong = async (change: (recipe: string) => string): Promise<string> => {
    writeFileSync(join(cwd, 'wrong.yaml'), change(yaml));
    const { code, err, out } = await recipe(cwd, ['run', 'wrong.yaml', '--reporter', 'plain']);
    expect(code).not.toBe(0);
    return (err + out).replaceAll(cwd, '');
  };
  const at = (part: string): number => yaml.split('\n').findIndex((line) => line.includes(part)) + 1;
  expect(await wrong((all) => all.replace('min_words: 3', 'min_words: 99'))).toMatch(
    new RegExp(`wrong\\.yaml:${at('min_words')}:\\d+[^]*the filter "length" took all 43 rows`),
  );
  expect(await wrong((all) => all.replace('      decontaminate: {}\n', ''))).toContain(
    'the input "against" is used by the option "decontaminate"',
  );
  expect(await wrong((all) => all.replace('type: text, path: benchmark.txt', 'type: dataset'))).toMatch(
    new RegExp(`wrong\\.yaml:${at('benchmark')}:\\d+[^]*a source of type "dataset" needs the input "data"`),
  );
  expect(await wrong((all) => all.replace('min_words', 'min_wrds'))).toMatch(/min_wrds.*min_words/s);
});
