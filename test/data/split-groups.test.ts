import { describe, expect, it } from 'vitest';
import { Groups } from '../../src/data/groups.js';
import { SPLITS, type SplitName } from '../../src/data/split.js';
import { splitByTime, splitGroups } from '../../src/data/split-groups.js';
import { Random } from '../../src/util/random.js';

interface Row {
  readonly number: number;
  readonly label: string;
  readonly group: number;
}
const shares = { train: 0.7, validation: 0.1, test: 0.2 };

/** Rows in groups of one to nine, a fifth of the rows of label b. */
function rowsInGroups(groups: number): Row[] {
  const random = new Random(5, 'rows');
  const rows: Row[] = [];
  for (let group = 0; group < groups; group++) {
    for (let n = 1 + random.below(9); n > 0; n--) {
      rows.push({ number: rows.length, label: random.uniform() < 0.2 ? 'b' : 'a', group });
    }
  }
  return rows;
}
const countOf = (rows: readonly Row[], label: string): number => rows.filter((row) => row.label === label).length;

describe('Groups', () => {
  it('joins rows by any field, and through others', () => {
    const groups = new Groups(2);
    for (const row of [
      ['ann', 't1'],
      ['bob', 't2'],
      ['ann', 't3'],
      ['cid', 't2'],
      ['bob', 't3'],
      ['t1', 'ann'],
    ])
      groups.add(row);
    expect([0, 1, 2, 3, 4, 5].map((row) => groups.of(row))).toEqual([0, 0, 0, 0, 0, 5]);
  });
});

describe('splitGroups', () => {
  it('takes no group apart, and comes near to the shares of every label', () => {
    const rows = rowsInGroups(300);
    const splits = splitGroups(rows, ({ group }) => group, shares, 7);
    const where = new Map<number, SplitName>();
    for (const name of SPLITS) {
      for (const { group } of splits[name]) {
        expect(where.get(group) ?? name).toBe(name);
        where.set(group, name);
      }
      for (const label of ['a', 'b']) {
        expect(Math.abs(countOf(splits[name], label) / countOf(rows, label) - shares[name])).toBeLessThan(0.02);
      }
    }
    expect(SPLITS.flatMap((name) => splits[name]).length).toBe(rows.length);
  });

  it('is the same for the same seed, and another for another', () => {
    const rows = rowsInGroups(50);
    const split = (seed: number) => splitGroups(rows, ({ group }) => group, shares, seed);
    expect(split(7)).toEqual(split(7));
    expect(split(7)).not.toEqual(split(8));
  });

  it('puts a group that is larger than any share where it does least harm', () => {
    const rows = Array.from(
      { length: 100 },
      (_, i): Row => ({ number: i, label: 'a', group: i < 60 ? 0 : i < 85 ? 1 : i }),
    );
    const splits = splitGroups(rows, ({ group }) => group, shares, 7);
    expect(SPLITS.map((name) => splits[name].length)).toEqual([66, 9, 25]);
    expect(splits.train.filter(({ group }) => group === 0)).toHaveLength(60);
  });
});

describe('splitByTime', () => {
  it('has nothing newer in train than in validation, nor there than in test', () => {
    const rows = rowsInGroups(60);
    const timeOf = ({ number }: Row): number => (number * 7919) % 101;
    const splits = splitByTime(rows, timeOf, shares, 7);
    const times = SPLITS.map((name) => splits[name].map(timeOf));
    for (const i of [0, 1]) {
      expect(Math.max(...(times[i] as number[]))).toBeLessThanOrEqual(Math.min(...(times[i + 1] as number[])));
    }
    expect(splits.train.length).toBe(Math.round(0.7 * rows.length));
    expect(splits.test.length).toBeCloseTo(0.2 * rows.length, -0.5);
  });
});
