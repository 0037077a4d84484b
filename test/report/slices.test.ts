import { describe, expect, test } from 'vitest';
import { sliceQuality } from '../../src/report/slice-quality.js';
import { slicesOf, sliceTable } from '../../src/report/slices.js';
import { beginningOf, worstRows } from '../../src/report/worst.js';
import { goldenJson } from '../models/tiny.js';

const rowsBy = (values: readonly (string | undefined)[]) =>
  values.map((value) => (value === undefined ? {} : { fields: { from: value } }));

describe('slices', () => {
  test('the most frequent values have their own, ties by name, the others one together', () => {
    const values = Array.from({ length: 40 }, (_, i) => `v${String(i % 20).padStart(2, '0')}`);
    const rows = rowsBy(['v05', ...values, undefined]);
    const [by] = slicesOf(rows, ['from'], (sample) => [sample.length]);
    expect(by?.values).toBe(20);
    expect(by?.slices.map(({ value, of, models }) => [value ?? of, models[0]])).toEqual([
      ['v05', 3],
      ...['v00', 'v01', 'v02', 'v03', 'v04', 'v06', 'v07', 'v08', 'v09', 'v10', 'v11'].map((v) => [v, 2]),
      ['others', 16],
      ['without', 1],
    ]);
    const table = sliceTable('T', by as NonNullable<typeof by>, ['m'], 'rows', String);
    expect(table.rows.at(-2)).toEqual(['8 others', '16*', '16']);
    expect(table.rows.at(-1)).toEqual(['without from', '1*', '1']);
    expect(table.notes).toEqual(['* fewer than 30 rows: chance speaks.']);
  });

  test('have scikit-learn’s macro-F1 of the labels that occur', () => {
    const { slices } = goldenJson<{
      slices: { truth: number[]; predicted: number[]; group: number[]; macro_f1: number[] };
    }>('probabilities.json');
    const [truth, predicted] = [Int32Array.from(slices.truth), Int32Array.from(slices.predicted)];
    const labels = ['a', 'b', 'c', 'd', 'e'];
    slices.macro_f1.forEach((expected, group) => {
      const own = [...slices.group.keys()].filter((row) => slices.group[row] === group).slice(0, 9);
      const found = sliceQuality(Int32Array.from(own), truth, predicted, labels);
      expect(found.macro_f1).toBeCloseTo(expected, 12);
      expect(found.errors).toBe(own.filter((row) => truth[row] !== predicted[row]).length);
    });
  });
});

test('the worst come first, equally bad ones by id, right ones not at all', () => {
  const rows = ['d', 'b', 'c', 'a', 'e'].map((id) => ({ id }));
  expect(worstRows(rows, Float64Array.of(0.5, 0.9, 0, 0.5, 0.5))).toEqual([1, 3, 0, 4]);
});

test('a long text is cut, and no character in two', () => {
  expect(beginningOf('x'.repeat(300))).toBe('x'.repeat(300));
  expect(beginningOf('x'.repeat(301))).toBe(`${'x'.repeat(299)}…`);
  expect(beginningOf(`${'x'.repeat(298)}😀😀`)).toBe(`${'x'.repeat(298)}…`);
});
