import type { Row } from '../data/dataset.js';
import { pairOf } from '../data/pair.js';

/** A text, and rows of it: each has another text that may belong to it. */
export interface Group {
  readonly text: string;
  /** The first is labelled as belonging to the text, if one of the group's is. */
  readonly candidates: readonly Row[];
  /** Whether it is. */
  readonly answered: boolean;
}

/** Candidates of a group of which none is known to belong to its text, where no group has one that is. */
const USUAL = 8;

/**
 * Rows with the same text together, one group for each that belongs to it; the others of the text are dealt out among
 * these groups in turn. Of a text to which none is known to belong the rows are cut into groups no larger than these, since
 * a batch has as much room for each text as the largest group needs.
 *
 * @param yes the label of those that belong together
 * @throws StepFailure `no-pair` if a row has no second text
 */
export function groupsOf(rows: readonly Row[], yes: string): Group[] {
  const byText = new Map<string, { positives: Row[]; others: Row[] }>();
  for (const row of rows) {
    pairOf(row);
    const own = byText.get(row.text) ?? { positives: [], others: [] };
    byText.set(row.text, own);
    (row.label === yes ? own.positives : own.others).push(row);
  }
  const sizes = [...byText.values()].flatMap(({ positives, others }) =>
    positives.length === 0 ? [] : [1 + Math.ceil(others.length / positives.length)],
  );
  const size = sizes.length === 0 ? USUAL : sizes.reduce((most, n) => Math.max(most, n));
  return [...byText].flatMap(([text, { positives, others }]): Group[] => {
    if (positives.length === 0) {
      return Array.from({ length: Math.ceil(others.length / size) }, (_, k) => ({
        text,
        candidates: others.slice(k * size, (k + 1) * size),
        answered: false,
      }));
    }
    return positives.map((positive, k) => ({
      text,
      candidates: [positive, ...others.filter((_, i) => i % positives.length === k)],
      answered: true,
    }));
  });
}

/** Which second texts are known to belong to each first text, and which are known not to: by both texts. */
export class Known {
  private readonly labels = new Map<string, Map<string, string | null>>();

  constructor(rows: readonly Row[]) {
    for (const row of rows) {
      const own = this.labels.get(row.text) ?? new Map<string, string | null>();
      this.labels.set(row.text, own);
      own.set(pairOf(row), row.label);
    }
  }

  /** Undefined where the two are no row; null where they are one without a label. */
  label(text: string, pair: string): string | null | undefined {
    return this.labels.get(text)?.get(pair);
  }
}
