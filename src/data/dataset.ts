import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readLines } from './lines.js';

/**
 * The artifact of kind `dataset`: `rows.jsonl`, one row a line in a fixed order, and `dataset.json`.
 */

/** A labelled part of a text, UTF-16 code units; `end` is the first one behind it. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

/** A word of a text, UTF-16 code units, and its tag; null where that is not known. */
export interface Word {
  readonly start: number;
  readonly end: number;
  readonly tag: string | null;
}

/** One text, and what is known of it: from its source, or from a teacher. */
export interface Row {
  /** `rowId` of its texts: rows are matched by content, never by position. */
  readonly id: string;
  readonly text: string;
  /** Null where the label is unknown or withheld (`gold`). */
  readonly label: string | null;
  /** Its other texts by name, such as `subject`, or `pair`, the text that is compared with this one. */
  readonly fields?: Readonly<Record<string, string>>;
  /** In the order of the text; none overlaps another. */
  readonly spans?: readonly Span[];
  /** In the order of the text; none overlaps another. */
  readonly words?: readonly Word[];
  /** All labels of a text that may have several; empty: none of them. Absent where they are unknown or withheld. */
  readonly labels?: readonly string[];
  readonly score?: number;
  /** What the text is to be answered with, one or several ways. */
  readonly responses?: readonly string[];
  /** What was thought before each response; empty where nothing is known. */
  readonly reasoning?: readonly string[];
  /** A judge's score of each response. */
  readonly judgements?: readonly number[];
  /** The row that this one is a copy of, with other words; absent of a real row. */
  readonly augmented_from?: string;
  /** A model wrote it; absent of a row that somebody wrote. */
  readonly synthetic?: true;
}

/** `dataset.json`. */
export interface DatasetInfo {
  /** Every label of the whole corpus, sorted; its order is the order of logits everywhere. */
  readonly labels: readonly string[];
  readonly rows: number;
  /** Rows whose label, or labels, are known. */
  readonly labelled: number;
  /** The teacher whose answers the labels are; absent where they are real. */
  readonly labelled_by?: string;
  /** Rows that a model wrote; absent where there are none. */
  readonly synthetic?: number;
  /** Every tag that a word of the corpus has, sorted; absent where words have none. */
  readonly tags?: readonly string[];
  /** Every label that a span of the corpus has, sorted; absent where there are none. */
  readonly span_labels?: readonly string[];
}

/** What a corpus calls its words and spans, where a part of it is written. */
export type Names = Pick<DatasetInfo, 'tags' | 'span_labels'>;

const INFO = 'dataset.json';
const ROWS = 'rows.jsonl';
const BATCH = 512;

/** The id of a row: first 16 hex digits of the SHA-256 of its text and, if it has some, its other fields. */
export function rowId(text: string, fields: Readonly<Record<string, string>> = {}): string {
  const hash = createHash('sha256').update(text);
  for (const name of Object.keys(fields).sort()) hash.update(`\0${name}\0${fields[name]}`);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Writes a dataset into an existing folder; the same arguments give the same bytes.
 * @param labels of the whole corpus, in the order of logits; every row's label is one of them or null
 * @param labelledBy the teacher whose answers the labels are; undefined if they are real
 * @param names of the whole corpus; what the rows have is added
 */
export async function writeDataset(
  folder: string,
  labels: readonly string[],
  rows: Iterable<Row> | AsyncIterable<Row>,
  labelledBy?: string,
  names: Names = {},
): Promise<void> {
  const tags = new Set(names.tags);
  const spanLabels = new Set(names.span_labels);
  const known = new Set(labels);
  let [count, labelled, synthetic] = [0, 0, 0];
  const file = await open(join(folder, ROWS), 'w');
  try {
    let lines: string[] = [];
    const flush = async (): Promise<void> => {
      await file.write(lines.join(''));
      lines = [];
    };
    for await (const row of rows) {
      const { id, label, words = [], spans = [] } = row;
      for (const own of [label ?? [], row.labels ?? []].flat()) {
        if (!known.has(own)) throw new Error(`row ${id} has the label "${own}", which the dataset does not list`);
      }
      if (label !== null || row.labels !== undefined) labelled++;
      if (row.synthetic) synthetic++;
      for (const { tag } of words) if (tag !== null) tags.add(tag);
      for (const span of spans) spanLabels.add(span.label);
      lines.push(`${JSON.stringify(ordered(row))}\n`);
      count++;
      if (lines.length === BATCH) await flush();
    }
    if (lines.length > 0) await flush();
  } finally {
    await file.close();
  }
  const info: DatasetInfo = {
    labels: [...labels],
    rows: count,
    labelled,
    ...(labelledBy !== undefined && { labelled_by: labelledBy }),
    ...(synthetic > 0 && { synthetic }),
    ...(tags.size > 0 && { tags: [...tags].sort() }),
    ...(spanLabels.size > 0 && { span_labels: [...spanLabels].sort() }),
  };
  await writeFile(join(folder, INFO), `${JSON.stringify(info, null, 2)}\n`);
}

/** The same keys in the same order, however the row was made. */
function ordered({ id, text, label, ...more }: Row): Row {
  return {
    id,
    text,
    label,
    ...Object.fromEntries(OPTIONAL.flatMap((key) => (more[key] === undefined ? [] : [[key, more[key]]]))),
  };
}

/**
 * What a dataset says of itself.
 * @throws StepFailure `corrupt-dataset`
 */
export async function readDatasetInfo(folder: string): Promise<DatasetInfo> {
  const file = join(folder, INFO);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw corrupt(file, error instanceof Error ? error.message : String(error));
  }
  if (!isInfo(value)) throw corrupt(file, 'expected {"labels", "rows", "labelled"}');
  return value;
}

/**
 * Refuses rows that are copies with other words or that a model wrote: what a model is worth shows on real ones alone.
 * @throws StepFailure `augmented-data`, `synthetic-data`
 */
export function refuseCopies(rows: readonly Row[], input: string): void {
  const synthetic = rows.filter((row) => row.synthetic).length;
  if (synthetic > 0) {
    throw new StepFailure(
      'synthetic-data',
      `${synthetic} of the ${rows.length} rows of the input "${input}" are synthetic: a model wrote them`,
      'Judge models on real rows: bind it to a split of sample-data.',
      `/${input}`,
    );
  }
  const copies = rows.filter(({ augmented_from: from }) => from !== undefined).length;
  if (copies === 0) return;
  throw new StepFailure(
    'augmented-data',
    `${copies} of the ${rows.length} rows of the input "${input}" are copies that augment-data made`,
    'Judge models on real rows: bind it to a split of sample-data.',
  );
}

/** How many rows have a real label. */
export function realLabels({ labelled_by }: Pick<DatasetInfo, 'labelled_by'>, rows: readonly Row[]): number {
  if (labelled_by !== undefined) return 0;
  return rows.filter(({ label, augmented_from: from, synthetic }) => label !== null && from === undefined && !synthetic)
    .length;
}

/** How many rows a model wrote, for what is said of a training; nothing where none. */
export function syntheticOf(rows: readonly Row[]): { readonly synthetic?: number } {
  const synthetic = rows.filter((row) => row.synthetic).length;
  return synthetic > 0 ? { synthetic } : {};
}

/**
 * The rows of a dataset in their order, one at a time.
 * @throws StepFailure `corrupt-dataset` if a line is not a row, a label is not listed, or rows are missing
 */
export async function* streamRows(folder: string): AsyncGenerator<Row> {
  const info = await readDatasetInfo(folder);
  const known = new Set(info.labels);
  const file = join(folder, ROWS);
  let count = 0;
  for await (const line of readLines(file)) {
    const row = parseRow(line.text);
    if (row === undefined) throw corrupt(`${file}:${line.number}`, 'expected {"id", "text", "label"}');
    const strange = [row.label ?? [], row.labels ?? []].flat().find((label) => !known.has(label));
    if (strange !== undefined) throw corrupt(`${file}:${line.number}`, `the label "${strange}" is not in ${INFO}`);
    count++;
    yield row;
  }
  if (count !== info.rows) throw corrupt(file, `${count} rows, but ${INFO} says ${info.rows}`);
}

/**
 * A whole dataset in memory.
 * @throws StepFailure `corrupt-dataset`
 */
export async function readDataset(folder: string): Promise<{ info: DatasetInfo; rows: Row[] }> {
  const info = await readDatasetInfo(folder);
  const rows: Row[] = [];
  for await (const row of streamRows(folder)) rows.push(row);
  return { info, rows };
}

type Optional = Exclude<keyof Row, 'id' | 'text' | 'label'>;

/** What each optional part of a row has to be. */
const CHECKS: Readonly<Record<Optional, (value: unknown) => boolean>> = {
  fields: (value) => isRecord(value) && Object.values(value).every(isText),
  spans: (value) => isListOf(value, isSpan),
  words: (value) => isListOf(value, isWord),
  labels: (value) => isListOf(value, isText),
  score: Number.isFinite,
  responses: (value) => isListOf(value, isText),
  reasoning: (value) => isListOf(value, isText),
  judgements: (value) => isListOf(value, Number.isFinite),
  augmented_from: (value) => isText(value),
  synthetic: (value) => value === true,
};
const OPTIONAL = Object.keys(CHECKS) as readonly Optional[];

const isText = (value: unknown): boolean => typeof value === 'string';
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isListOf = (value: unknown, check: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(check);
const isPlaced = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && Number.isSafeInteger(value.start) && Number.isSafeInteger(value.end);
const isSpan = (value: unknown): boolean => isPlaced(value) && isText(value.label);
const isWord = (value: unknown): boolean => isPlaced(value) && (value.tag === null || isText(value.tag));

function parseRow(line: string): Row | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { id, text, label } = value;
  if (typeof id !== 'string' || typeof text !== 'string') return undefined;
  if (label !== null && typeof label !== 'string') return undefined;
  if (OPTIONAL.some((key) => value[key] !== undefined && !CHECKS[key](value[key]))) return undefined;
  return value as unknown as Row;
}

function isInfo(value: unknown): value is DatasetInfo {
  if (!isRecord(value)) return false;
  const { labels, rows, labelled, tags = [], span_labels = [] } = value;
  return (
    [labels, tags, span_labels].every((list) => isListOf(list, isText)) &&
    Number.isSafeInteger(rows) &&
    Number.isSafeInteger(labelled)
  );
}

function corrupt(where: string, what: string): StepFailure {
  return new StepFailure('corrupt-dataset', `${where}: not a dataset: ${what}`);
}
