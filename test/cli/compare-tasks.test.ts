import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Comparison } from '../../src/report/across.js';
import { type MatchRow, matchLines } from '../../src/report/match-answers.js';
import { matchReport, rankedBy } from '../../src/report/matching.js';
import { responseLines } from '../../src/report/response-answers.js';
import { responsesReport, type Written } from '../../src/report/responses.js';
import { Random } from '../../src/util/random.js';
import { folder, recipe } from './recipe.js';

const TEXTS = 40;
const about = { type: 'bert', parameters: 100, bytes: 400, trainedOn: 9 };

/** A folder as a step leaves it. */
function written(path: string, report: unknown, lines: Iterable<string>): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'report.json'), JSON.stringify(report));
  writeFileSync(join(path, 'predictions.jsonl'), [...lines].join(''));
}

/** Of each text one pair that belongs to it and three that do not; a share of the texts is found. */
function matching(path: string, models: Readonly<Record<string, number>>, others = 3): void {
  const rows = Array.from({ length: TEXTS }, (_, text) =>
    Array.from({ length: 1 + others }, (_, k): MatchRow => {
      return { id: `r${text}-${k}`, text: `t${text}`, pair: `p${k}`, belongs: k === 0 };
    }),
  ).flat();
  const all = Object.entries(models).map(([name, found], m) => {
    const scores = Float64Array.from(rows, ({ belongs }, i) => (belongs ? (i < found * rows.length ? 9 : 1.5) : i % 4));
    return { name, role: 'student' as const, vectors: true, ...about, bytes: 400 * (m + 1), scores };
  });
  const evaluation = { title: 'Matches', rows, unlabelled: 0, models: all, slices: [], seed: 3 };
  written(path, matchReport(evaluation), matchLines(rows, rankedBy(rows, all)));
}

/** A model repeats so many of four words. */
function writing(path: string, models: Readonly<Record<string, number>>): void {
  const random = new Random(2, 'words');
  const rows = Array.from({ length: TEXTS }, (_, i) => {
    const words = random.shuffle(['red', 'blue', 'old', 'green', 'lamp', 'cup']).slice(0, 4);
    return { id: `r${i}`, text: `t${i}`, references: [words.join(' '), 'none of it'] };
  });
  const writers = Object.entries(models).map(([name, count]): Written => {
    const responses = rows.map(({ references }) => (references[0] as string).split(' ').slice(0, count).join(' '));
    return { name, role: count === 4 ? 'teacher' : 'student', ...about, loss: 1, responses };
  });
  const evaluation = { title: 'Responses', rows, without: 0, writers, slices: [], seed: 3 };
  written(path, responsesReport(evaluation), responseLines(evaluation));
}

test('models that rank, by MRR, texts drawn; those that come first are counted by McNemar’s test', async () => {
  const cwd = folder({});
  matching(join(cwd, 'a'), { good: 0.9, small: 0.5 });
  matching(join(cwd, 'b'), { good: 0.9, other: 0.85 });
  const { code, out, err } = await recipe(cwd, ['compare', 'a', 'b', '--json', '--html', 'c.html']);
  expect(code, err).toBe(0);
  const found = JSON.parse(out) as Comparison;
  expect(found).toMatchObject({ figure: 'mrr', rows: TEXTS });
  expect(found.models.map(({ name, runs }) => `${name} ${runs}`)).toEqual(['good 1,2', 'other 2', 'small 1']);
  const [good, other, small] = found.models;
  expect(good?.quality.value).toBeCloseTo((36 + 4 / 3) / TEXTS, 12);
  expect(good).toMatchObject({ difference: null, mcnemar_p: null, pareto: ['size'] });
  // Holm: the smaller p of the two is doubled.
  expect(small?.mcnemar_p).toBeCloseTo(2 * 2 * 2 ** -16, 12);
  expect(other?.mcnemar_p).toBeCloseTo(0.5, 12);
  expect(small?.bootstrap_p).toBeNull();
  expect(small?.difference?.interval?.high).toBeLessThan(0);
  expect(readFileSync(join(cwd, 'c.html'), 'utf8')).toContain('MRR against size');

  matching(join(cwd, 'fewer'), { good: 0.9 }, 2);
  const fewer = await recipe(cwd, ['compare', 'a', 'fewer']);
  expect(fewer.code).toBe(2);
  expect(fewer.err).toMatch(
    /the test rows differ: a has 40, fewer has 40, and they are the same, but not what is right/,
  );
});

test('models that write, by Rouge-L, as a table', async () => {
  const cwd = folder({});
  writing(join(cwd, 'a'), { teacher: 4, half: 2 });
  writing(join(cwd, 'b'), { most: 3 });
  matching(join(cwd, 'c'), { good: 0.9 });
  const { code, out, err } = await recipe(cwd, ['compare', 'a', 'b']);
  expect(code, err).toBe(0);
  expect(out).toMatch(/Rouge-L \[95 %\] +− best \[95 %\] +bootstrap p +parameters/);
  expect(out).toMatch(/^teacher +1 +1\.0000 \[1\.0000, 1\.0000\] +\+0\.1429/m);
  expect(out).toMatch(/^most +2 +0\.8571 /m);
  expect(out).toMatch(/^half +1 +0\.6667 .*−0\.1905 \[−0\.1905, −0\.1905\]/m);
  expect(out).toContain('40 test rows, the same for all.');
  expect(out).toMatch(/^half .*\] +0\.002 /m);
  const other = await recipe(cwd, ['compare', 'a', 'c']);
  expect(other.err).toMatch(/the tasks differ: a compares models by rouge_l, c by mrr/);
});
