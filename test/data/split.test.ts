import { describe, expect, it } from 'vitest';
import { type Row, rowId } from '../../src/data/dataset.js';
import { proportionalOrder, SPLITS, splitRows } from '../../src/data/split.js';

const rows = (counts: Record<string, number>): Row[] =>
  Object.entries(counts).flatMap(([label, count]) =>
    Array.from({ length: count }, (_, i) => ({
      id: rowId(`${label} ${i}`),
      text: `${label} ${i}`,
      label: label || null,
    })),
  );
const shares = { train: 0.7, validation: 0.1, test: 0.2 };
const count = (split: readonly Row[], label: string): number =>
  split.filter((row) => row.label === (label || null)).length;

describe('splitRows', () => {
  it('deals each label in proportion, to a row, and every row once', () => {
    const counts = { ham: 4013, spam: 1348, odd: 7, '': 33 };
    const all = rows(counts);
    const splits = splitRows(all, shares, 7);
    for (const [label, n] of Object.entries(counts)) {
      for (const name of SPLITS) expect(Math.abs(count(splits[name], label) - n * shares[name])).toBeLessThan(1);
    }
    for (const name of SPLITS) expect(Math.abs(splits[name].length - all.length * shares[name])).toBeLessThan(2);
    const ids = SPLITS.flatMap((name) => splits[name].map((row) => row.id));
    expect(new Set(ids).size).toBe(all.length);
    expect(ids.length).toBe(all.length);
  });

  it('deals any number of rows of a label', () => {
    const row = { id: '0', text: '', label: null };
    const splits = splitRows(Array<Row>(300_000).fill(row), shares, 7);
    expect(SPLITS.map((name) => splits[name].length)).toEqual([210_000, 30_000, 60_000]);
  });

  it('does not give all of many small classes to the largest split', () => {
    const counts = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`l${i}`, 1]));
    const splits = splitRows(rows(counts), shares, 7);
    expect(SPLITS.map((name) => splits[name].length)).toEqual([70, 10, 20]);
  });

  it('is the same for the same seed, another for another, and mixes labels', () => {
    const all = rows({ a: 50, b: 50 });
    expect(splitRows(all, shares, 7)).toEqual(splitRows(all, shares, 7));
    expect(splitRows(all, shares, 8)).not.toEqual(splitRows(all, shares, 7));
    const labels = splitRows(all, shares, 7).train.map((row) => row.label);
    expect(new Set(labels.slice(0, 20)).size).toBe(2);
  });

  it('leaves a split of share 0 empty', () => {
    const splits = splitRows(rows({ a: 9, b: 4, c: 1 }), { train: 0.9, validation: 0, test: 0.1 }, 7);
    expect(splits.validation).toEqual([]);
    expect(splits.train.length + splits.test.length).toBe(14);
  });

  it('refuses shares that do not add up to 1', () => {
    expect(() => splitRows([], { train: 0.7, validation: 0.1, test: 0.1 }, 7)).toThrow(
      'split: the shares have to add up to 1, but train 0.7, validation 0.1, test 0.1 add up to 0.9',
    );
  });
});

describe('proportionalOrder', () => {
  it('holds every label in proportion in every beginning', () => {
    const order = proportionalOrder(rows({ a: 300, b: 100, c: 10 }), 7, 'gold');
    for (let n = 0; n <= order.length; n += 7) {
      const beginning = order.slice(0, n);
      for (const [label, all] of Object.entries({ a: 300, b: 100, c: 10 })) {
        expect(Math.abs(count(beginning, label) - (n * all) / 410)).toBeLessThanOrEqual(1.5);
      }
    }
  });
});
