/**
 * The artifact of kind `dataset`: `rows.jsonl`, one row a line in a fixed order, and `dataset.json`.
 */

/** One labelled or unlabelled text. */
export interface Row {
  /** First 16 hex digits of the SHA-256 of the text: rows are matched by content, never by position. */
  readonly id: string;
  readonly text: string;
  /** Null where the label is unknown or withheld (`gold`). */
  readonly label: string | null;
}

/** `dataset.json`. */
export interface DatasetInfo {
  readonly task: 'classification';
  /** Every label of the whole corpus, sorted; its order is the order of logits everywhere. */
  readonly labels: readonly string[];
  readonly rows: number;
  /** Rows whose label is not null. */
  readonly labelled: number;
}
