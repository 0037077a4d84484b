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

/**
 * Rows with the same text together, one group for each that belongs to it; the others of the text are dealt out among
 * these groups in turn. A text to which none is known to belong makes one group.
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
  return [...byText].flatMap(([text, { positives, others }]): Group[] => {
    if (positives.length === 0) return [{ text, candidates: others, answered: false }];
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
