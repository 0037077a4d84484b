import { expect, it } from 'vitest';
import { firstLine, responsesReport } from '../../src/report/responses.js';
import { responsesTable } from '../../src/report/responses-table.js';
import { rougeL } from '../../src/report/rouge.js';
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
    { id: '1', text: 'x', references: ['a b', 'c d'] },
    { id: '2', text: 'y', references: ['e f'] },
    { id: '3', text: 'z', references: ['g'] },
  ];
  const about = { type: null, parameters: null, bytes: null, trainedOn: null, loss: null };
  const report = responsesReport({
    title: 'Test',
    rows,
    without: 4,
    seed: 1,
    writers: [
      { name: 'big', role: 'teacher', ...about, responses: ['c d', null, 'g'] },
      { name: 'one', role: 'student', ...about, loss: 2, responses: [' c d\n', 'e x', 'h'] },
      { name: 'two', role: 'student', ...about, responses: ['c d', 'e x', 'h'] },
    ],
  });
  const [big, one, two] = report.models;
  expect([big?.rouge_l.value, one?.rouge_l.value]).toEqual([2 / 3, 0.5]);
  expect([big?.exact_match, one?.exact_match, big?.unanswered]).toEqual([2 / 3, 1 / 3, 1]);
  expect([one?.first_student_ahead, one?.perplexity]).toEqual([null, Math.exp(2)]);
  expect(big?.first_student_ahead?.value).toBeCloseTo(-1 / 6, 12);
  expect(big?.first_student_ahead?.interval).toEqual({ low: -1, high: 0.5 });
  expect(two?.first_student_ahead).toEqual({ value: 0, interval: { low: 0, high: 0 } });
  const table = responsesTable(report, [undefined, { tokens: 30, seconds: 2 }, undefined], ['more']);
  expect(table.rows[0]?.[0]).toBe('big (teacher)');
  expect(table.rows[1]?.at(-1)).toBe('15');
  expect(table.notes.join('\n')).toMatch(
    /^3 test rows; 4 without a reference left out[\s\S]*no response to 1 rows[\s\S]*more$/,
  );
});
