import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Comparison } from '../../src/report/across.js';
import { folder, recipe } from './recipe.js';

/** Texts whose words say less than all of their label. */
const rows = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, k) => {
    const i = k + from;
    const spam = (i * 7919) % 10 < 5;
    const word = (n: number): string => `w${((i * 31 + n * 17) % 8) + (spam ? 3 : 0)}`;
    return JSON.stringify({ text: [1, 2, 3, 4].map(word).concat(`n${i}`).join(' '), label: spam ? 'spam' : 'ham' });
  }).join('\n');

const yaml = (path: string): string => `version: 1
name: compared
params:
  features: { type: integer, default: 1 }
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: ${path} }
      deduplicate: { near: null }
      split: { train: 0.4, validation: 0.2, test: 0.4 }
  teacher:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
  check:
    uses: evaluate
    with: { data: "\${{ steps.corpus.outputs.validation }}", teacher: "\${{ steps.teacher.outputs.model }}" }
  student:
    uses: train
    matrix: { l2: [0.1, 10] }
    with:
      data: \${{ steps.corpus.outputs.train }}
      model: { type: logistic, word_ngrams: 1, max_features: "\${{ params.features }}", l2: "\${{ matrix.l2 }}" }
  report:
    uses: evaluate
    with:
      data: \${{ steps.corpus.outputs.test }}
      teacher: \${{ steps.teacher.outputs.model }}
      students: \${{ steps.student.outputs.model }}
outputs:
  report: \${{ steps.report.outputs.report }}
`;

describe('recipe compare', () => {
  const cwd = folder({
    'rows.jsonl': rows(120),
    'others.jsonl': rows(120, 60),
    'r.yaml': yaml('rows.jsonl'),
    'other.yaml': yaml('others.jsonl'),
  });
  let runs: string[] = [];
  beforeAll(async () => {
    for (const args of [['r.yaml'], ['r.yaml', '--set', 'params.features=9'], ['other.yaml']]) {
      const { code, err } = await recipe(cwd, ['run', ...args, '--reporter', 'plain']);
      expect(code, err).toBe(0);
    }
    runs = readdirSync(join(cwd, '.recipe/runs')).sort();
  }, 120_000);

  test('two runs: what both have is one model, and the best student is what others are held against', async () => {
    const { code, out, err } = await recipe(cwd, ['compare', ...runs.slice(0, 2), '--json']);
    expect(code, err).toBe(0);
    const found = JSON.parse(out) as Comparison & { runs: string[] };
    expect(found.runs[1]).toBe(`${runs[1]}, r.yaml --set params.features=9`);
    expect(found.rows).toBe(48);
    expect(found.models.map(({ name, runs: own }) => `${name} ${own}`).sort()).toEqual([
      'student[l2=0.1] 1',
      'student[l2=0.1] 2',
      'student[l2=10] 1',
      'student[l2=10] 2',
      'teacher 1,2',
    ]);
    const best = found.models.find(({ role }) => role === 'student');
    expect(best).toMatchObject({ runs: [2], difference: null });
    expect(best?.quality.value).toBeGreaterThan(found.models.at(-1)?.quality.value as number);
    expect(found.models.at(-1)?.mcnemar_p).toBeLessThan(0.05);
    for (const { ms } of found.models) expect(ms).toBeGreaterThan(0);
    const report = await recipe(cwd, ['compare', 'out/compared/report', '--json', '--html', 'c.html']);
    expect(readFileSync(join(cwd, 'c.html'), 'utf8')).toContain('macro F1 against size');
    expect(JSON.parse(report.out)).toMatchObject({ figure: 'macro_f1', rows: 48 });
  });

  test('the instances of a matrix within the last run, as a table', async () => {
    const { code, out, err } = await recipe(cwd, ['compare']);
    expect(code, err).toBe(0);
    expect(out).toMatch(/^student\[l2=10\] .*\d\.\d{4} \[\d\.\d{4}, \d\.\d{4}\]/m);
    expect(out).not.toMatch(/^Run 1/m);
    expect(out).toMatch(/48 test rows, the same for all\./);
  });

  test.each([
    [
      () => [runs[0] as string, runs[2] as string],
      /the test rows differ: "report" of \S+ has 48, "report" of \S+ has 48, and \d+ of them are the same\. Figures on different/,
    ],
    [() => [`${runs[0]}:reprot`], /run \S+ has no finished step "reprot"\. Did you mean "report"\?/],
    [() => [`${runs[0]}:corpus`], /run \S+ has no report to compare: step "corpus" does not evaluate/],
    [() => ['20990101-000000-x'], /there is no run "20990101-000000-x" under/],
    [() => ['out'], /out holds no report of evaluate/],
    [() => ['--html', 'none/c.html'], /--html none\/c\.html: the page cannot be written: ENOENT/],
  ])('what does not compare: %#', async (names, message) => {
    const { code, out, err } = await recipe(cwd, ['compare', ...names()]);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
  });
});
