import { StepFailure } from '../util/failure.js';
import type { Entry } from './corpus.js';
import { type FilterOptions, judge } from './filters/index.js';
import type { Funnel } from './funnel.js';
import type { RowStore } from './row-store.js';
import type { Reporter } from './sources/source.js';

/**
 * Applies filters one after the other: each sees what those before it left.
 * @returns the entries that are left
 * @throws StepFailure `no-rows` at the filter that took the last one
 */
export async function applyFilters(
  entries: readonly Entry[],
  filters: readonly FilterOptions[],
  store: RowStore,
  funnel: Funnel,
  seed: number,
  report: Reporter,
): Promise<readonly Entry[]> {
  let left = entries;
  for (const [i, options] of filters.entries()) {
    const before = left;
    const texts = {
      count: before.length,
      *all() {
        for (const { text, number } of store.inOrder(before)) yield { number, text };
      },
    };
    const stage = funnel.stage(options.type);
    const kept: Entry[] = [];
    let at = 0;
    for await (const { number, reason } of judge(texts, options, seed, report)) {
      while ((before[at] as Entry).number < number) kept.push(before[at++] as Entry);
      const { label } = before[at++] as Entry;
      stage.drop(label, () => store.read(number).text, reason);
    }
    left = [...kept, ...before.slice(at)];
    if (left.length === 0) {
      const [example] = stage.examples;
      const all = before.length === 1 ? 'the only row that was left' : `all ${before.length} rows that were left`;
      throw new StepFailure(
        'no-rows',
        `the filter "${options.type}" took ${all}, the first for: ${example?.reason}`,
        'Let it take less.',
        `/quality/${i}`,
      );
    }
  }
  return left;
}
