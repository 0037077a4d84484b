import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readLines } from './lines.js';

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

const INFO = 'dataset.json';
const ROWS = 'rows.jsonl';
const BATCH = 512;

/** The id of a row with this text. */
export function rowId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Writes a dataset into an existing folder; the same arguments give the same bytes.
 * @param labels of the whole corpus, in the order of logits; every row's label is one of them or null
 */
export async function writeDataset(folder: string, labels: readonly string[], rows: readonly Row[]): Promise<void> {
  const known = new Set(labels);
  let labelled = 0;
  const file = await open(join(folder, ROWS), 'w');
  try {
    for (let start = 0; start < rows.length; start += BATCH) {
      let lines = '';
      for (const { id, text, label } of rows.slice(start, start + BATCH)) {
        if (label !== null) {
          if (!known.has(label)) throw new Error(`row ${id} has the label "${label}", which the dataset does not list`);
          labelled++;
        }
        lines += `${JSON.stringify({ id, text, label })}\n`;
      }
      await file.write(lines);
    }
  } finally {
    await file.close();
  }
  const info: DatasetInfo = { task: 'classification', labels: [...labels], rows: rows.length, labelled };
  await writeFile(join(folder, INFO), `${JSON.stringify(info, null, 2)}\n`);
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
  if (!isInfo(value)) throw corrupt(file, 'expected {"task": "classification", "labels", "rows", "labelled"}');
  return value;
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
    if (row.label !== null && !known.has(row.label)) {
      throw corrupt(`${file}:${line.number}`, `the label "${row.label}" is not in ${INFO}`);
    }
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

function parseRow(line: string): Row | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, text, label } = value as Record<string, unknown>;
  if (typeof id !== 'string' || typeof text !== 'string') return undefined;
  if (label !== null && typeof label !== 'string') return undefined;
  return { id, text, label };
}

function isInfo(value: unknown): value is DatasetInfo {
  if (typeof value !== 'object' || value === null) return false;
  const { task, labels, rows, labelled } = value as Record<string, unknown>;
  return (
    task === 'classification' &&
    Array.isArray(labels) &&
    labels.every((label) => typeof label === 'string') &&
    Number.isSafeInteger(rows) &&
    Number.isSafeInteger(labelled)
  );
}

function corrupt(where: string, what: string): StepFailure {
  return new StepFailure('corrupt-dataset', `${where}: not a dataset: ${what}`);
}
