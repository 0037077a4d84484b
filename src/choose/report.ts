import type { Table } from '../engine/step.js';
import type { Choice } from '../options/choose-data.js';
import type { Coverage } from './coverage.js';
import type { CoverageMap, Region } from './map.js';

/** How often a label is in the pool and among the chosen rows; null: rows without one. */
export interface LabelShare {
  readonly label: string | null;
  readonly pool: number;
  readonly chosen: number;
}

/** `report.json` of choose-data; docs/choosing.md describes it. */
export interface ChoiceReport extends CoverageMap {
  readonly report: 'coverage';
  readonly by: Choice;
  readonly rows: { readonly pool: number; readonly before: number; readonly chosen: number };
  readonly vectors: { readonly from: string; readonly width: number };
  readonly coverage: Coverage & { readonly sample: number };
  readonly labels: readonly LabelShare[];
}

/** Labels in their order; rows without one last, if there are some. */
export function sharesOf(
  counted: Readonly<Record<'pool' | 'chosen', ReadonlyMap<string | null, number>>>,
  labels: readonly string[],
): LabelShare[] {
  return [...labels, null]
    .map((label) => ({ label, pool: counted.pool.get(label) ?? 0, chosen: counted.chosen.get(label) ?? 0 }))
    .filter(({ label, pool }) => label !== null || pool > 0);
}

/** What people see when the step is done. */
export function tableOf({ by, rows, vectors, coverage, labels, clusters, holes }: ChoiceReport): Table {
  const count = (n: number): string => n.toLocaleString('en-US');
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const total = rows.before + rows.chosen;
  const named = holes.map((hole) => clusters[hole] as Region);
  return {
    title: `chosen by ${by.type}`,
    columns: [
      { label: '', align: 'left' },
      { label: 'all', align: 'right' },
      { label: 'chosen', align: 'right' },
    ],
    rows: [
      ['rows', count(rows.pool), count(total)],
      ...labels.map(({ label, pool, chosen }) => [
        label ?? 'without a label',
        percent(pool / rows.pool),
        percent(chosen / total),
      ]),
      ['within the radius of them', '', percent(coverage.chosen)],
      ['within that of as many random rows', '', percent(coverage.random)],
    ],
    notes: [
      ...(rows.before > 0 ? [`${count(rows.before)} of them were chosen before.`] : []),
      `Radius ${coverage.radius.toFixed(3)} between vectors of length 1 (${vectors.from}, ${vectors.width} numbers): one of a hundred pairs of rows is nearer.`,
      ...named.map(
        ({ words, rows: members, coverage: share, chosen }) =>
          `Covered to ${percent(share)}: ${words.join(', ') || 'no telling words'} (${percent(members / coverage.sample)} of all, ${count(chosen)} chosen).`,
      ),
    ],
  };
}
