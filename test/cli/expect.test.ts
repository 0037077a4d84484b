import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRegistry } from '../../src/cli/registry.js';
import { loadPlan } from '../../src/engine/plan-recipe.js';
import { folder, ROWS, recipe } from './recipe.js';

/** A bag of words, judged before another one learns. */
const gated = (gate: string): string => `version: 1
name: gated
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl }, deduplicate: { near: null } }
  teacher:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
  gate:
    uses: evaluate
    with:
      data: \${{ steps.corpus.outputs.train }}
${gate.replace(/^/gm, '      ')}
  student:
    uses: train
    needs: [gate]
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic, max_features: 20 } }
outputs:
  student: \${{ steps.student.outputs.model }}
`;
const TEACHER = 'teacher: ${{ steps.teacher.outputs.model }}';

test('a teacher that is not good enough: the line of the recipe, exit code 1, and nobody learns from it', async () => {
  const yaml = gated(`${TEACHER}\nexpect:\n  teacher:\n    macro_f1: ">= 0.5"\n    parameters: "> 1e9"`);
  const cwd = folder({ 'rows.jsonl': ROWS, 'r.yaml': yaml });
  const result = await recipe(cwd, ['run', 'r.yaml', '--reporter', 'plain']);
  expect(result.code).toBe(1);
  const line = yaml.split('\n').findIndex((text) => text.includes('1e9')) + 1;
  expect(result.err).toMatch(
    new RegExp(
      `r\\.yaml:${line}:23 error: step "gate" \\(evaluate\\) failed: teacher misses what the recipe expects of the teacher: ` +
        'parameters is \\d+, expected > 1e9\\. What it does not know it cannot teach',
    ),
  );
  expect(result.err).toContain(`${line} |           parameters: "> 1e9"`);
  expect(result.out).toContain('student: skipped: gate did not finish');
  expect(result.out).toContain('Expected teacher.macro_f1 >= 0.5: met');
});

describe('before anything runs', () => {
  const problemsOf = async (gate: string) => {
    const cwd = folder({ 'rows.jsonl': ROWS, 'r.yaml': gated(gate) });
    const result = await loadPlan(join(cwd, 'r.yaml'), { registry: loadRegistry(), set: {}, env: {} });
    return result.ok ? [] : result.diagnostics.map(({ line, message, hint }) => ({ line, message, hint }));
  };

  test('a figure that there is not, with the one that is meant', async () => {
    expect(await problemsOf(`${TEACHER}\nexpect:\n  teacher: { macro_f2: ">= 0.9" }`)).toEqual([
      {
        line: 16,
        message: 'unknown option "macro_f2" in expect.teacher of step "gate" (evaluate)',
        hint: 'Did you mean "macro_f1"?',
      },
    ]);
    expect((await problemsOf(`${TEACHER}\nexpect: { teacher: { retention: ">= 0.9" } }`))[0]?.message).toContain(
      'unknown option "retention" in expect.teacher',
    );
  });

  test('a comparison that is none', async () => {
    expect(await problemsOf(`${TEACHER}\nexpect: { teacher: { accuracy: 0.9 } }`)).toMatchObject([
      { line: 15, message: expect.stringContaining('must be a string, not 0.9') },
    ]);
    expect(await problemsOf(`${TEACHER}\nexpect: { teacher: { accuracy: "=> 0.9" } }`)).toMatchObject([
      {
        message: expect.stringContaining(
          'must be a comparison with a number, such as ">= 0.97", not the string "=> 0.9"',
        ),
      },
    ]);
  });

  test('a figure of another task', async () => {
    expect(await problemsOf(`${TEACHER}\nexpect: { teacher: { entity_f1: ">= 0.9" } }`)).toEqual([
      {
        line: 15,
        message: '"expect" names entity_f1, which task "classification" has not',
        hint: 'It has macro_f1, accuracy, micro_f1, roc_auc, mcc, log_loss, brier, ece',
      },
    ]);
  });

  test('models that are not there', async () => {
    expect(await problemsOf('expect: { accuracy: "> 0.5" }')).toMatchObject([
      { line: 12, message: 'there is no model to evaluate' },
      { line: 14, message: '"expect" names accuracy of a student, and there is none' },
    ]);
    const student = 'students: ${{ steps.teacher.outputs.model }}';
    expect(await problemsOf(`${student}\nexpect:\n  retention: "> 0.5"\n  teacher: { bytes: "> 1" }`)).toMatchObject([
      { line: 16, message: '"expect" names retention, which compares the student with a teacher, and there is none' },
      { line: 17, message: '"expect" names bytes of the teacher, and there is none' },
    ]);
  });
});

test('a model that gives scores: its correlation, its time and the memory of a process of its own', async () => {
  const rows = Array.from({ length: 24 }, (_, i) =>
    JSON.stringify({ text: `${'good '.repeat(1 + (i % 5))}day number ${i * 37}`, score: i % 5 }),
  );
  const yaml = `version: 1
name: scored
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl, score: score }, deduplicate: { near: null } }
  tokenizer:
    uses: train-tokenizer
    with: { data: "\${{ steps.corpus.outputs.train }}", vocabulary: 100 }
  teacher:
    uses: train
    with:
      task: regression
      data: \${{ steps.corpus.outputs.train }}
      tokenizer: \${{ steps.tokenizer.outputs.tokenizer }}
      model: { type: bert, layers: 1, hidden: 16, heads: 2, max_length: 16 }
      stages: [{ objectives: [hard-label], updates: 2 }]
  gate:
    uses: evaluate
    with:
      task: regression
      data: \${{ steps.corpus.outputs.train }}
      teacher: \${{ steps.teacher.outputs.model }}
      cost: true
      expect: { teacher: { mae: "< 1e3", parameters: "< 1e5", p95_ms: "< 1e4", memory_mb: "> 20" } }
`;
  const cwd = folder({ 'rows.jsonl': rows.join('\n'), 'r.yaml': yaml });
  const { code, out, err } = await recipe(cwd, ['run', 'r.yaml', '--reporter', 'plain']);
  expect(code, err).toBe(0);
  expect(out).toMatch(/Expected teacher\.mae < 1e3: met/);
  expect(out).toMatch(/Expected teacher\.memory_mb > 20: met, \d{2,4}\./);
  const costs = out.slice(out.indexOf('Evaluation: what answering costs'));
  expect(costs).toMatch(/^ *teacher +[\d,]+ .* kB +\d+ MB /m);
});
