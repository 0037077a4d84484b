import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TaskReport } from '../../src/report/task-report.js';
import { folder, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/tasks.md', import.meta.url), 'utf8');
const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block as string);

/** The row of the page, and rows like it. */
const rowsOf = (json: string): string =>
  Array.from({ length: 40 }, (_, i) => {
    const row = JSON.parse(json);
    return JSON.stringify({ ...row, text: `${row.text} ${i}`, ...('stars' in row && { stars: i % 5 }) });
  }).join('\n');

test.each([
  [0, 'names.jsonl', 'tagging', ['accuracy', 'macro_f1', 'entity_precision', 'entity_recall', 'entity_f1']],
  [1, 'topics.jsonl', 'multi-label', ['micro_f1', 'macro_f1', 'accuracy', 'roc_auc']],
  [2, 'reviews.jsonl', 'regression', ['pearson', 'spearman', 'mae', 'rmse']],
])('recipe %i of docs/tasks.md runs', async (place, file, task, figures) => {
  const rows = rowsOf(blocks('json')[place] as string);
  const yaml = blocks('yaml')[place] as string;
  const here = folder({ 'recipe.yaml': yaml, [file]: rows });
  const ran = await recipe(here, ['run', 'recipe.yaml', '--set', 'params.epochs=2']);
  expect(ran.code, ran.err).toBe(0);
  const name = /^name: (\w+)$/m.exec(yaml)?.[1] as string;
  const report = JSON.parse(readFileSync(join(here, 'out', name, 'report/report.json'), 'utf8')) as TaskReport;
  expect(report.task).toBe(task);
  expect(report.test.rows).toBe(8);
  expect(Object.keys(report.models[0]?.figures ?? {})).toEqual(figures);
});

test('an expectation that the task does not have is located', async () => {
  const yaml = (blocks('yaml')[2] as string).replace(
    'task: regression\n      data: ${{ steps.corpus.outputs.test',
    'expect: { entity_f1: ">= 0.5" }\n      $&',
  );
  const here = folder({ 'recipe.yaml': yaml, 'reviews.jsonl': '' });
  const checked = await recipe(here, ['validate', 'recipe.yaml']);
  expect(checked.code).not.toBe(0);
  expect(checked.err).toMatch(/^recipe\.yaml:28:28 error: "expect" names entity_f1, which task "regression" has not/);
});
