import { Random } from '../util/random.js';
import type { Task } from './method.js';

/** How many rows a group gives, beside the others. */
export type Quota = 'equal' | 'proportional';

/**
 * Rows of groups in an order of which every beginning keeps the quotas: the k-th of a group's n rows stands at k, or at
 * (k + ½) / n. Which is the k-th is drawn.
 *
 * @param groups of each row of the pool its group, counted from 0
 * @param keys of each group: they name its stream of random numbers, and decide between rows that stand at the same place
 */
export function byQuota(
  { pool, rows, seed }: Pick<Task, 'pool' | 'rows' | 'seed'>,
  groups: Int32Array,
  keys: readonly string[],
  quota: Quota,
): Int32Array {
  const members: number[][] = keys.map(() => []);
  // Rows that were chosen before count as the first of their groups.
  const had = new Int32Array(keys.length);
  groups.forEach((group, row) => {
    if (row < pool.before) had[group] = (had[group] as number) + 1;
    else (members[group] as number[]).push(row);
  });
  const placed: { readonly row: number; readonly group: number; readonly at: number }[] = [];
  members.forEach((own, group) => {
    const before = had[group] as number;
    const size = before + own.length;
    new Random(seed, `group ${keys[group]}`).shuffle(own).forEach((row, i) => {
      const k = before + i;
      placed.push({ row, group, at: quota === 'equal' ? k : (k + 0.5) / size });
    });
  });
  placed.sort((a, b) => a.at - b.at || a.group - b.group);
  return Int32Array.from(placed.slice(0, rows), ({ row }) => row);
}
