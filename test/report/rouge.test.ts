import { expect, it } from 'vitest';
import { responseLines } from '../../src/report/response-answers.js';
import { firstLine, responsesReport, type Written } from '../../src/report/responses.js';
import { responsesSliceTable, responsesTable } from '../../src/report/responses-table.js';
import { rougeL } from '../../src/report/rouge.js';
import { readRowAnswers, rowStatistic } from '../../src/report/row-answers.js';
import { goldenJson } from '../models/tiny.js';

it('Rouge-L is that of the rouge-score package', () => {
  const cases = goldenJson<{ reference: string; candidate: string; f1: number }[]>('rouge.json');
  expect(cases.length).toBeGreaterThan(40);
  for (const { reference, candidate, f1 } of cases) {
    expect(rougeL(reference, candidate), `${reference} / ${candidate}`).toBeCloseTo(f1, 12);
  }
});

it('the first line is the first that says something', () => {
  expect(firstLine('\n  \n  one two \nthree')).toBe('one two');
  expect(firstLine(' \n')).toBe('');
});

it('figures of writers: the nearest reference counts, nothing counts as 0, and the first student is set against all', () => {
  const rows = [
    { id: '1', text: 'x', references: ['a b', 'c d'], fields: { from: 'me' } },
    { id: '2', text: 'y', references: ['e f'], fields: { from: 'me' } },
    { id: '3', text: 'z', references: ['g'] },
  ];
  const about = { type: null, parameters: null, bytes: null, trainedOn: null, loss: null };
  const writers: Written[] = [
    { name: 'big', role: 'teacher', ...about, responses: ['c d', null, 'g'] },
    { name: 'one', role: 'student', ...about, loss: 2, responses: [' c d\n', 'e x', 'h'] },
    { name: 'two', role: 'student', ...about, responses: ['c d', 'e x', 'h'] },
  ];
  const report = responsesReport({
    title: 'Test',
    rows,
    without: 4,
    slices: ['from'],
    seed: 1,
    writers,
  });
  const [big, one, two] = report.models;
  expect([big?.rouge_l.value, one?.rouge_l.value]).toEqual([2 / 3, 0.5]);
  expect([big?.exact_match, one?.exact_match, big?.unanswered]).toEqual([2 / 3, 1 / 3, 1]);
  expect([one?.first_student_ahead, one?.perplexity]).toEqual([null, Math.exp(2)]);
  expect(big?.first_student_ahead?.value).toBeCloseTo(-1 / 6, 12);
  expect(big?.first_student_ahead?.interval).toEqual({ low: -1, high: 0.5 });
  expect(two?.first_student_ahead).toEqual({ value: 0, interval: { low: 0, high: 0 } });
  const [by] = report.slices;
  expect(by?.slices.map(({ value, rows, models }) => [value, rows, ...models.map(({ value }) => value)])).toEqual([
    ['me', 2, 0.5, 0.75, 0.75],
    [null, 1, 1, 0, 0],
  ]);
  expect(responsesSliceTable(report, by as NonNullable<typeof by>).rows).toEqual([
    ['me', '2*', '50.0', '75.0', '75.0'],
    ['without from', '1*', '100.0', '0.0', '0.0'],
  ]);
  // What the teacher did not write there is nothing to read of.
  expect(big?.worst_errors).toEqual([]);
  expect(one?.worst_errors).toEqual([
    { id: '3', text: 'z', truth: 'g', answer: 'h', rouge_l: 0, teacher: 'g' },
    { id: '2', text: 'y', truth: 'e f', answer: 'e x', rouge_l: 0.5, teacher: null },
  ]);
  const answers = readRowAnswers([...responseLines({ rows, writers })].join(''));
  for (const [m, { rouge_l }] of report.models.entries()) {
    expect(rowStatistic('rouge_l', answers, m, [])?.(Int32Array.of(0, 1, 2))).toBeCloseTo(rouge_l.value, 12);
  }
  const table = responsesTable(report, [undefined, { tokens: 30, seconds: 2 }, undefined], ['more']);
  expect(table.rows[0]?.[0]).toBe('big (teacher)');
  expect(table.rows[1]?.at(-1)).toBe('15');
  expect(table.notes.join('\n')).toMatch(
    /^3 test rows; 4 without a reference left out[\s\S]*no response to 1 rows[\s\S]*more$/,
  );
});
