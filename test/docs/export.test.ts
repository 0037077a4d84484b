import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, ROWS, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/export.md', import.meta.url), 'utf8');
const [, block = ''] = /```yaml\n(.*?)```/s.exec(text) ?? [];

const BEFORE = `version: 1
name: shown
acknowledge: { labels: "The teacher is a model of our own." }
steps:
  corpus:
    uses: sample-data
    with:
      source:
        type: jsonl
        path: rows.jsonl
        data: { permission: internal, licence: CC-BY-4.0, personal_data: false }
      deduplicate: { near: null }
      split: { train: 0.6, validation: 0, test: 0.4 }
  big:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
  labels:
    uses: query-teacher
    with:
      data: \${{ steps.corpus.outputs.train }}
      serve: \${{ steps.big.outputs.model }}
      teacher: { model: recipe:big, terms: { allows: none, link: "https://example.com/terms", checked: 2026-11-24 } }
      task: { mode: classify, labels: [ham, spam] }
      budget: { tokens: 100000 }
  student:
    uses: train
    with: { data: "\${{ steps.labels.outputs.data }}", model: { type: logistic } }
  report:
    uses: evaluate
    with: { data: "\${{ steps.corpus.outputs.test }}", students: "\${{ steps.student.outputs.model }}" }
`;

test('the step of docs/export.md runs, and its card has the claims of all that came before', async () => {
  const here = folder({ 'shown.yaml': BEFORE + block, 'rows.jsonl': ROWS });
  const ran = await recipe(here, ['run', 'shown.yaml', '--reporter', 'plain']);
  expect(ran.code, ran.err + ran.out).toBe(0);
  const card = readFileSync(join(here, 'out/shown/student/README.md'), 'utf8');
  expect(card).toContain('# Spam or ham, a small TinyBERT for mail');
  expect(card).toContain('license: apache-2.0');
  expect(card).toContain('licence: CC-BY-4.0; permission: rows may not leave the machine; personal data: no');
  expect(card).toContain('| `labels` | no training | https://example.com/terms | 2026-11-24 |');
  expect(card).toContain('- `labels`: The teacher is a model of our own.');
  expect(card).toMatch(/\| \*\*`student`\*\* \| \d\.\d{4} \[/);
  expect(card).toMatch(
    /## Cost\n\n\| model \| ms a text \| ms, 95th percentile \| \$ a million texts \|\n.*\n\| \*\*`student`\*\* \| [\d.]+ \|/,
  );
  // Only the reason is another: the model is made of the same bytes, and the card is made anew.
  const file = join(here, 'shown.yaml');
  const other = (BEFORE + block).replace('a model of our own', 'one that we own');
  writeFileSync(file, other);
  const again = await recipe(here, ['run', 'shown.yaml', '--reporter', 'plain']);
  expect(again.out).toContain('export: started');
  expect(again.out).toContain('(6 steps, 5 up to date)');
  expect(readFileSync(join(here, 'out/shown/student/README.md'), 'utf8')).toContain('one that we own');
});
