import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { wide } from '../util/hash.js';
import type { Entry } from './corpus.js';
import { rowId, streamRows } from './dataset.js';
import { Deduplicator } from './deduplicate.js';
import type { Funnel } from './funnel.js';
import { RowStore } from './row-store.js';
import type { Reporter } from './sources/source.js';

export interface DecontaminateOptions {
  /** Jaccard similarity of word 5-shingles from which two texts count as the same; null: only equal texts do. */
  readonly near: number | null;
  /** Words in a row that no row may have in common with a text; null: any. */
  readonly ngram: number | null;
  readonly overlap: 'drop' | 'fail';
}

/**
 * Finds rows that others, such as a test set, know: equal or similar texts, and texts that have n words in a row in common
 * (13 for GPT-3, Brown et al. 2020, appendix C).
 * @param against folders of datasets
 * @param folder for their rows while they are compared; nothing is left there
 * @returns the entries that are left
 * @throws StepFailure `test-overlap` if one is found and the recipe wants none
 */
export async function decontaminate(
  entries: readonly Entry[],
  against: readonly string[],
  options: DecontaminateOptions,
  store: RowStore,
  folder: string,
  funnel: Funnel,
  seed: number,
  report: Reporter,
): Promise<readonly Entry[]> {
  const others = new RowStore(join(folder, 'against.tmp'));
  try {
    const known = new Deduplicator(options, seed, (position) => others.read(position).text);
    const grams = new Set<number>();
    for (const path of against) {
      for await (const row of streamRows(path)) {
        if (known.add(rowId(row.text), row.text).verdict === 'kept') others.add(row);
        for (const { hash } of gramsOf(row.text, options.ngram)) grams.add(hash);
      }
    }
    const reasonOf = (text: string): string | undefined => {
      const found = known.find(rowId(text), text);
      if (found.verdict !== undefined) {
        return `${found.verdict === 'exact' ? 'equal to' : 'like'} row ${others.read(found.like).id}`;
      }
      for (const { hash, words } of gramsOf(text, options.ngram))
        if (grams.has(hash)) return `has "${words()}" in common`;
      return undefined;
    };
    const stage = funnel.stage('in the input "against"');
    const kept: Entry[] = [];
    let at = 0;
    for (const { text } of store.inOrder(entries)) {
      const entry = entries[at++] as Entry;
      const reason = reasonOf(text);
      if (reason === undefined) kept.push(entry);
      else stage.drop(entry.label, () => text, reason);
      if (at % 256 === 0) {
        await report.progress({ done: at, total: entries.length, unit: 'texts', phase: 'decontaminating' });
      }
    }
    const { dropped, examples } = stage;
    if (dropped.total > 0 && (options.overlap === 'fail' || kept.length === 0)) {
      const [first] = examples;
      const hint = 'With overlap: drop they are left out.';
      throw new StepFailure(
        'test-overlap',
        `${dropped.total} of ${entries.length} rows are in the input "against" too, the first ${first?.reason}: ${JSON.stringify(first?.text.slice(0, 80))}`,
        options.overlap === 'fail' ? hint : 'None is left: the two are the same data.',
        '/decontaminate',
      );
    }
    return kept;
  } finally {
    others.close();
  }
}

/** The hash of 53 bits of each n words in a row, in lower case, digits alike. */
function* gramsOf(text: string, n: number | null): Generator<{ readonly hash: number; words(): string }> {
  if (n === null) return;
  const words =
    text
      .toLowerCase()
      .replace(/\p{N}/gu, '0')
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(' ');
    yield { hash: wide(gram), words: () => gram };
  }
}
