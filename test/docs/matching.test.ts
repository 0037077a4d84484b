import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Random } from '../../src/util/random.js';
import { folder, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/matching.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

/** Questions and answers about a few things. */
const random = new Random(3, 'answers');
const THINGS = [
  'lunch soup noon table',
  'kettle steam kitchen boil',
  'car street parking fine',
  'rain cloud coat wet',
  'train ticket rail delay',
  'paper ink printer page',
  'garden tree leaf root',
  'money bank loan rate',
];
const LINES = Array.from({ length: 120 }, (_, i) => {
  const words = (THINGS[i % 8] as string).split(' ');
  const pick = (n: number): string => Array.from({ length: n }, () => words[random.below(4)]).join(' ');
  return JSON.stringify({ question: `where is the ${pick(2)} ${i}`, answer: `${pick(4)} and number ${i * 7}` });
}).join('\n');

test('the recipe of docs/matching.md runs', async () => {
  const cwd = folder({ 'answers.jsonl': LINES, 'answers.yaml': yaml });
  const { code, out, err } = await recipe(cwd, [
    'run',
    'answers.yaml',
    '--reporter',
    'plain',
    '--set',
    'params.updates=50',
  ]);
  expect(code, err).toBe(0);
  const row = (name: string): number => Number(new RegExp(`^ *${name}\\b.*? ([0-9.]+) %`, 'm').exec(out)?.[1]);
  // One of six is found by chance, and one of two where both are about the same thing.
  expect(row('teacher')).toBeGreaterThan(30);
  expect(row('student')).toBeGreaterThan(30);
  expect(out).toMatch(/reader reads both texts at once/);
  expect(out).toMatch(/student compares two vectors/);
  for (const file of ['modules.json', '1_Pooling/config.json', 'model.safetensors', 'tokenizer.json']) {
    expect(existsSync(join(cwd, 'out/answers/student', file)), file).toBe(true);
  }
}, 120_000);
