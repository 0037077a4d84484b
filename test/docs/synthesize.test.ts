import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import type { SynthesisReport } from '../../src/teachers/synthesize/report.js';
import { folder, recipe } from '../cli/recipe.js';
import { serve } from '../teachers/query/rig.js';
import { textOf, word, writerAndJudge } from '../teachers/synthesize/rig.js';

const text = readFileSync(new URL('../../docs/synthesize.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

const tickets = Array.from({ length: 20 }, (_, i) => {
  const label = i % 2 ? 'refund' : 'delivery';
  return JSON.stringify({ text: `${label} of ${word(i + 50)} ${textOf('x', 'y', 900 + i)} ann@example.org`, label });
}).join('\n');

test('the recipe of docs/synthesize.md runs; what it says may not leave the machine does not', async () => {
  const server = await serve({ answer: writerAndJudge() });
  const cwd = folder({ 'tickets.jsonl': tickets, 'tickets.yaml': yaml });
  const set = ['--set', `params.server=${server.url}`];
  const { code, out, err } = await recipe(cwd, ['run', 'tickets.yaml', '--reporter', 'plain', ...set]);
  expect(code, err).toBe(0);
  const rows = readFileSync(join(cwd, 'out/tickets/made/rows.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  expect(rows.map(({ synthetic }) => synthetic)).toEqual([...Array(10).fill(undefined), ...Array(40).fill(true)]);
  expect(out).toContain('student: trained on 50 rows, 10 with real labels, 40 of them synthetic.');
  const report = JSON.parse(readFileSync(join(cwd, 'out/tickets/synthesis/report.json'), 'utf8')) as SynthesisReport;
  expect(report.cells).toHaveLength(10);
  const documented = [...text.slice(text.indexOf('## `report.json`')).matchAll(/^\| `(\w+)`/gm)].map(
    ([, name]) => name,
  );
  expect([...documented, 'judge', 'requests'].sort()).toEqual(Object.keys(report).sort());
  expect(JSON.stringify(server.seen.map(({ body }) => body))).not.toContain('ann@example.org');
  expect(JSON.stringify(server.seen.map(({ body }) => body))).toContain('[email]');

  const away = yaml.replace(/^ *redact:.*\n/m, '').replace('"${{ params.server }}"', 'https://api.example.com/v1');
  const refused = await recipe(folder({ 'tickets.jsonl': tickets, 'away.yaml': away }), ['validate', 'away.yaml']);
  expect(refused.code).not.toBe(0);
  expect(refused.err).toMatch(/away\.yaml:\d+:\d+ error: .*would send data to another machine as it is/);
});
