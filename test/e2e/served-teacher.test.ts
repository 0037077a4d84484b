import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import { loadPredictor } from '../../src/models/index.js';
import { folder, ROWS, recipe } from '../cli/recipe.js';

const RECIPE = `version: 1
name: served
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl }, deduplicate: { near: null } }
  big:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
  answers:
    uses: query-teacher
    with:
      data: \${{ steps.corpus.outputs.train }}
      serve: \${{ steps.big.outputs.model }}
      teacher: { model: "recipe:big", price: { input: 1, output: 1 } }
      task: { mode: classify, soft_labels: logprobs }
      # What the classifier reads is the row and nothing else.
      system: ""
  test-answers:
    uses: query-teacher
    with:
      data: \${{ steps.corpus.outputs.test }}
      serve: \${{ steps.big.outputs.model }}
      teacher: { model: "recipe:big", price: { input: 1, output: 1 } }
      task: { mode: classify }
      system: ""
  report:
    uses: evaluate
    with:
      data: \${{ steps.corpus.outputs.test }}
      answers: \${{ steps.test-answers.outputs.logits }}
      usage: \${{ steps.test-answers.outputs.usage }}
      students: \${{ steps.big.outputs.model }}
outputs:
  big: \${{ steps.big.outputs.model }}
  logits: \${{ steps.answers.outputs.logits }}
  data: \${{ steps.answers.outputs.data }}
  report: \${{ steps.report.outputs.report }}
`;

test('a model that the recipe trains is served while it is asked, and tells its true probabilities', async () => {
  const here = folder({ 'r.yaml': RECIPE, 'rows.jsonl': ROWS });
  const { code, out, err } = await recipe(here, ['run', 'r.yaml']);
  expect(code, err).toBe(0);
  const at = (name: string): string => join(here, 'out/served', name);
  const rows = readFileSync(join(at('data'), 'rows.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  const predictor = await loadPredictor(at('big'), 'onnx', 1);
  const cache = await LogitsCache.open(at('logits'));
  expect(cache.index.labels).toEqual(predictor.labels);
  for (const { id, text } of rows) {
    const own = await predictor.predict([text]);
    const told = cache.classLogits(id);
    // Log-probabilities against logits: equal but for a constant.
    expect((told[1] as number) - (told[0] as number)).toBeCloseTo((own[1] as number) - (own[0] as number), 3);
  }
  cache.close();
  await predictor.close();
  expect(out).toContain('$/1,000');
  const report = JSON.parse(readFileSync(join(at('report'), 'report.json'), 'utf8'));
  const [teacher, student] = report.models;
  expect(teacher.errors).toBe(student.errors);
});
