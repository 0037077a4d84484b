import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadRegistry } from '../../src/cli/registry.js';
import { loadPlan } from '../../src/engine/plan-recipe.js';
import { folder, ROWS, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/students.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

test('the recipe of docs/students.md runs: the student is the one of the table', async () => {
  const cwd = folder({ 'mails.jsonl': ROWS, 'designed.yaml': yaml });
  const { code, out, err } = await recipe(cwd, ['run', 'designed.yaml', '--reporter', 'plain']);
  expect(code, err).toBe(0);
  const [, layers, hidden, parameters] = /^1: (\d+)x(\d+), picked(?: +\d+){4} +([\d,]+) /m.exec(out) ?? [];
  const read = (file: string) => JSON.parse(readFileSync(join(cwd, 'out/designed/student', file), 'utf8'));
  expect(read('config.json')).toMatchObject({ num_hidden_layers: Number(layers), hidden_size: Number(hidden) });
  expect(read('recipe.json')).toMatchObject({ parameters: Number(parameters?.replaceAll(',', '')) });
  expect(Number(parameters?.replaceAll(',', ''))).toBeLessThanOrEqual(60_000);
});

test('a train step has a model or a student, not both', async () => {
  const problemsOf = async (from: string, to: string) => {
    const cwd = folder({ 'mails.jsonl': ROWS, 'r.yaml': yaml.replace(from, to) });
    const result = await loadPlan(join(cwd, 'r.yaml'), { registry: loadRegistry(), set: {}, env: {} });
    return result.ok ? [] : result.diagnostics.map(({ message }) => message);
  };
  const reference = /student: \$\{\{ steps\.design.*$/m.exec(yaml)?.[0] as string;
  expect(await problemsOf(reference, reference)).toEqual([]);
  expect(await problemsOf(reference, '')).toEqual(['there is no model to train']);
  expect(await problemsOf(reference, `${reference}\n      model: { type: logistic }`)).toEqual([
    'both the option "model" and the input "student" say what is to be trained',
  ]);
  expect(await problemsOf('outputs.student }} #', 'outputs.report }} #')).toEqual([expect.stringContaining('report')]);
});
