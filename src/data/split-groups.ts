import { Random } from '../util/random.js';
import { type Labelled, SPLITS, type SplitName, type SplitOptions, shuffled } from './split.js';

/** What a split has, and what it should have, of a label. */
interface Need {
  readonly wanted: number;
  have: number;
}

/**
 * Deals whole groups into train, validation and test: the largest first, equal ones in a random order, each to the split
 * whose rows by label come nearest to its shares then (the chi-square distance). With groups of one row this is a
 * stratified split.
 * @param groupOf the same for all rows of a group
 */
export function splitGroups<T extends Labelled>(
  rows: readonly T[],
  groupOf: (row: T) => number,
  shares: SplitOptions,
  seed: number,
): Record<SplitName, T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const group = groupOf(row);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [row]);
    else members.push(row);
  }
  const all = countsOf(rows);
  const used = SPLITS.filter((name) => shares[name] > 0).sort((a, b) => shares[b] - shares[a]);
  const needs = Object.fromEntries(
    used.map((name) => [name, new Map([...all].map(([label, n]) => [label, { wanted: n * shares[name], have: 0 }]))]),
  ) as Record<SplitName, Map<string | null, Need>>;
  const splits: Record<SplitName, T[]> = { train: [], validation: [], test: [] };
  const order = new Random(seed, 'groups').shuffle([...groups.values()]).sort((a, b) => b.length - a.length);
  for (const members of order) {
    const counts = countsOf(members);
    let best = { name: used[0] as SplitName, cost: Number.POSITIVE_INFINITY };
    for (const name of used) {
      let cost = 0;
      for (const [label, n] of counts) {
        const { wanted, have } = needs[name].get(label) as Need;
        cost += ((have + n - wanted) ** 2 - (have - wanted) ** 2) / wanted;
      }
      if (cost < best.cost) best = { name, cost };
    }
    for (const [label, n] of counts) (needs[best.name].get(label) as Need).have += n;
    for (const row of members) splits[best.name].push(row);
  }
  return shuffled(splits, seed);
}

function countsOf(rows: readonly Labelled[]): Map<string | null, number> {
  const counts = new Map<string | null, number>();
  for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/**
 * The oldest rows to train, the newest to test; of the same time in the order of the source.
 * @param timeOf grows with time
 */
export function splitByTime<T extends Labelled>(
  rows: readonly T[],
  timeOf: (row: T) => number,
  shares: SplitOptions,
  seed: number,
): Record<SplitName, T[]> {
  const ordered = [...rows].sort((a, b) => timeOf(a) - timeOf(b));
  const ends = [shares.train, shares.train + shares.validation].map((share) => Math.round(share * rows.length));
  const [first, second] = ends as [number, number];
  const splits = {
    train: ordered.slice(0, first),
    validation: ordered.slice(first, second),
    test: ordered.slice(second),
  };
  return shuffled(splits, seed);
}
