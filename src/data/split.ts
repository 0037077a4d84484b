import { StepFailure } from '../util/failure.js';
import { Random } from '../util/random.js';

export const SPLITS = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof SPLITS)[number];

/** Shares of the rows; they add up to 1. */
export type SplitOptions = Readonly<Record<SplitName, number>>;

/** What is split, of which only the label matters. */
export interface Labelled {
  readonly label: string | null;
}

/** @throws StepFailure `bad-split` if the shares do not add up to 1 */
export function checkSplit(shares: SplitOptions): void {
  const sum = SPLITS.reduce((total, name) => total + shares[name], 0);
  if (Math.abs(sum - 1) > 1e-9) {
    const given = SPLITS.map((name) => `${name} ${shares[name]}`).join(', ');
    throw new StepFailure('bad-split', `split: the shares have to add up to 1, but ${given} add up to ${round(sum)}`);
  }
}

/**
 * Deals rows into train, validation and test, each label in these proportions and each split in a random order.
 * For each label a split gets its share rounded down or up (largest remainder); what rounding took from a split at
 * one label counts for it at the next, so that small classes do not all end up in the largest split.
 */
export function splitRows<T extends Labelled>(
  rows: readonly T[],
  shares: SplitOptions,
  seed: number,
): Record<SplitName, T[]> {
  checkSplit(shares);
  const splits: Record<SplitName, T[]> = { train: [], validation: [], test: [] };
  const owed: Record<SplitName, number> = { train: 0, validation: 0, test: 0 };
  for (const { key, members } of strata(rows)) {
    new Random(seed, `split/${key}`).shuffle(members);
    const counts = SPLITS.map((name) => ({ name, count: Math.floor(members.length * shares[name] + 1e-9) }));
    for (const { name, count } of counts) owed[name] += members.length * shares[name] - count;
    const left = members.length - counts.reduce((sum, { count }) => sum + count, 0);
    const byNeed = counts.filter(({ name }) => shares[name] > 0).sort((a, b) => owed[b.name] - owed[a.name]);
    for (const entry of byNeed.slice(0, left)) {
      entry.count++;
      owed[entry.name]--;
    }
    let start = 0;
    for (const { name, count } of counts) {
      // Not as arguments of one call: there may be more of them than a stack holds.
      for (const row of members.slice(start, start + count)) splits[name].push(row);
      start += count;
    }
  }
  return shuffled(splits, seed);
}

/** The splits, each in a random order. */
export function shuffled<T>(splits: Record<SplitName, T[]>, seed: number): Record<SplitName, T[]> {
  for (const name of SPLITS) new Random(seed, `order/${name}`).shuffle(splits[name]);
  return splits;
}

/**
 * A random order in which every beginning holds the labels in the proportions of the whole: the k-th of a label's n
 * rows stands at (k + ½) / n. The first 200 are thus among the first 400.
 * @returns a new array
 */
export function proportionalOrder<T extends Labelled>(rows: readonly T[], seed: number, stream: string): T[] {
  const placed: { row: T; at: number }[] = [];
  for (const { key, members } of strata(rows)) {
    new Random(seed, `${stream}/${key}`).shuffle(members);
    members.forEach((row, k) => {
      placed.push({ row, at: (k + 0.5) / members.length });
    });
  }
  return placed.sort((a, b) => a.at - b.at).map(({ row }) => row);
}

/** Rows by label, labels sorted, unlabelled rows last. Streams of random numbers are named after `key`. */
function strata<T extends Labelled>(rows: readonly T[]): { key: string; members: T[] }[] {
  const found = new Map<string | null, T[]>();
  for (const row of rows) {
    const members = found.get(row.label);
    if (members === undefined) found.set(row.label, [row]);
    else members.push(row);
  }
  return [...found]
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
    .map(([label, members]) => ({ key: label === null ? 'unlabelled' : `label ${label}`, members }));
}

function round(value: number): number {
  return Number(value.toPrecision(12));
}
