import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, ROWS, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/evaluate.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

test('the recipe of docs/evaluate.md runs: its gates hold, and there is a table of costs', async () => {
  const cwd = folder({ 'mails.jsonl': ROWS, 'gated.yaml': yaml });
  const { code, out, err } = await recipe(cwd, ['run', 'gated.yaml', '--reporter', 'plain']);
  expect(code, err).toBe(0);
  expect(out).toMatch(/Expected teacher\.macro_f1 >= 0\.9: met/);
  expect(out).toMatch(/Expected memory_mb <= 4000: met, \d+\.\d+/);
  const costs = out.slice(out.indexOf('Evaluation: what answering costs'));
  for (const model of ['teacher', 'student'])
    expect(costs).toMatch(new RegExp(`^ *${model} .* [kM]?B +[0-9.]+ MB `, 'm'));
  const line = yaml.split('\n').findIndex((each) => each.includes('teacher: { macro_f1')) + 1;
  expect(text).toContain(`gated.yaml:${line}:${(yaml.split('\n')[line - 1] as string).indexOf('">=') + 1} error`);
  expect(readFileSync(join(cwd, '.recipe/runs', readRun(out), 'events.jsonl'), 'utf8')).toContain('memory_mb');
});

const readRun = (out: string): string => /run (\S+)/.exec(out)?.[1] as string;
