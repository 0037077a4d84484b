import { expect, test } from 'vitest';
import { type MatchRow, matchLines, worstMatches } from '../../src/report/match-answers.js';
import { rankedBy } from '../../src/report/matching.js';
import { readRowAnswers, rightRows, rowStatistic } from '../../src/report/row-answers.js';

/** Two texts: one with two pairs of its own and two others, one with one of each; and two that ask nothing. */
const rows: MatchRow[] = [
  ['a', 'a1', true],
  ['a', 'x1', false],
  ['b', 'b1', true],
  ['a', 'a2', true],
  ['b', 'x2', false],
  ['a', 'x3', false],
  ['c', 'c1', true],
  ['d', 'x4', false],
].map(([text, pair, belongs], i) => ({ id: `r${i}`, text, pair, belongs }) as MatchRow);
const about = { type: null, vectors: null, parameters: null, bytes: null, trainedOn: null };
const [good, bad] = rankedBy(rows, [
  { name: 'good', role: 'teacher', ...about, scores: Float64Array.of(3, 2, 5, 9, 1, 4, 0, 0) },
  { name: 'bad', role: 'student', ...about, scores: Float64Array.of(1, 6, 2, 5, 2, 9, 0, 0) },
]) as [ReturnType<typeof rankedBy>[number], ReturnType<typeof rankedBy>[number]];

test('a text is one line with the ranks of all that belongs to it, and texts are what is drawn', () => {
  const text = [...matchLines(rows, [good, bad])].join('');
  const answers = readRowAnswers(text);
  expect(answers.ids).toEqual(['r0', 'r2']);
  expect(answers.truth).toEqual([
    { belong: ['r0', 'r3'], others: ['r1', 'r5'] },
    { belong: ['r2'], others: ['r4'] },
  ]);
  expect(answers.answers).toEqual([
    [[2, 1], [1]],
    [[3, 3], [2]],
  ]);
  expect(rowStatistic('mrr', answers, 0, [])?.(Int32Array.of(0, 1))).toBeCloseTo((1 / 2 + 1 + 1) / 3, 12);
  expect(rowStatistic('mrr', answers, 1, [])?.(Int32Array.of(1, 1))).toBe(1 / 2);
  expect([rightRows('mrr', answers, 0), rightRows('mrr', answers, 1)]).toEqual([
    [false, true],
    [false, false],
  ]);
});

test('the worst are ranked lowest, by the widest margin first', () => {
  expect(worstMatches(rows, bad, good).map(({ teacher: _, ...one }) => one)).toEqual([
    { id: 'r0', text: 'a', truth: 'a1', answer: 'x3', rank: 3, candidates: 3 },
    { id: 'r3', text: 'a', truth: 'a2', answer: 'x3', rank: 3, candidates: 3 },
    { id: 'r2', text: 'b', truth: 'b1', answer: 'x2', rank: 2, candidates: 2 },
  ]);
  expect(worstMatches(rows, bad, good).map(({ teacher }) => teacher)).toEqual([
    { answer: 'x3', rank: 2 },
    { answer: 'a2', rank: 1 },
    { answer: 'b1', rank: 1 },
  ]);
  expect(worstMatches(rows, good, undefined)).toMatchObject([{ id: 'r0', answer: 'x3', teacher: null }]);
});
