import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { AsyncBuffer, FileMetaData, SchemaElement } from 'hyparquet';
import { StepFailure } from '../../util/failure.js';
import { filesIn, isFile, isFolder } from './folders.js';
import { isZip, openBytes } from './packed.js';
import { type RecordFields, recordItem } from './record.js';
import { type Item, itemOr, type Reporter, type Source } from './source.js';

export interface ParquetSource extends RecordFields {
  readonly type: 'parquet';
  /** Absolute; a file, a folder of them, or some. */
  readonly path: string | readonly string[];
}

/** A Parquet file, which may be the one of a ZIP archive, or a folder of them. */
export const parquet: Source<ParquetSource> = {
  type: 'parquet',
  async *read(options, report, keys, scratch) {
    const { path } = options;
    if (typeof path !== 'string' || !(await isFile(path)) || !(await isZip(path))) {
      yield* readParquetFiles(await filesOf(path), options, report, keys);
      return;
    }
    // It is read from its end, and here and there: it has to lie unpacked somewhere.
    const file = join(scratch, 'unpacked.parquet');
    try {
      const { path: shown, chunks } = await openBytes(path);
      await pipeline(chunks, createWriteStream(file));
      yield* readParquetFiles([{ path: shown, file }], options, report, keys);
    } finally {
      await rm(file, { force: true });
    }
  },
};

/** A file, and what it is called in messages. */
interface ParquetFile {
  readonly path: string;
  readonly file: string;
}

async function filesOf(path: ParquetSource['path']): Promise<readonly ParquetFile[]> {
  const itself = (file: string): ParquetFile => ({ path: file, file });
  if (typeof path !== 'string') return path.map(itself);
  if (!(await isFolder(path))) return [itself(path)];
  const names = (await filesIn(path)).filter((name) => name.endsWith('.parquet'));
  if (names.length === 0) throw new StepFailure('empty-file', `no *.parquet in ${path}`, undefined, '/source');
  return names.map((name) => itself(join(path, name)));
}

/** Bytes of the wanted columns that are unpacked at a time, and how many a row group may say that it has. */
const SLICE = 48 * 2 ** 20;
const LARGEST_GROUP = 4 * 2 ** 30;

/**
 * The rows of some files, as one table.
 * @throws StepFailure `bad-parquet`, `no-field`, `field-type`, `zip-bomb`, `empty-file`
 */
async function* readParquetFiles(
  files: readonly ParquetFile[],
  options: RecordFields,
  report: Reporter,
  keys: readonly string[],
): AsyncGenerator<Item> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const sound = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new StepFailure('bad-parquet', `${path}: cannot be read as Parquet: ${what}`, undefined, '/source');
    }
  };
  const opened: { path: string; file: AsyncBuffer; metadata: FileMetaData }[] = [];
  for (const { path, file: onDisk } of files) {
    const file = await sound(path, () => asyncBufferFromFile(onDisk));
    opened.push({ path, file, metadata: await sound(path, () => parquetMetadataAsync(file)) });
  }
  const total = opened.reduce((sum, { metadata }) => sum + Number(metadata.num_rows), 0);
  if (total === 0) throw new StepFailure('empty-file', `${files[0]?.path}: the file has no rows`, undefined, '/source');
  let done = 0;
  for (const { path, file, metadata } of opened) {
    const columns = columnsOf(metadata, options, keys, path);
    const names = classNames(metadata, options.label);
    let start = 0;
    for (const [group, { columns: chunks, num_rows }] of metadata.row_groups.entries()) {
      const end = start + Number(num_rows);
      const bytes = chunks
        .filter(({ meta_data: chunk }) => columns.includes(chunk?.path_in_schema[0] ?? ''))
        .reduce((sum, { meta_data: chunk }) => sum + Number(chunk?.total_uncompressed_size ?? 0), 0);
      if (bytes > LARGEST_GROUP) {
        const what = `row group ${group + 1} says that it unpacks to ${(bytes / 2 ** 30).toFixed(0)} GiB`;
        const hint = 'Write it with smaller row groups, if it is no zip bomb.';
        throw new StepFailure('zip-bomb', `${path}: ${what}`, hint, '/source');
      }
      // A group is unpacked whole for each part of it: few parts, so that what is unpacked at a time fits in memory.
      const step = Math.ceil(Number(num_rows) / Math.max(1, Math.ceil(bytes / SLICE)));
      for (let from = start; from < end; from += step) {
        const range = { rowStart: from, rowEnd: Math.min(end, from + step) };
        const rows = await sound(path, () => parquetReadObjects({ file, metadata, columns, compressors, ...range }));
        for (const [i, row] of rows.entries()) {
          const line = from + i + 1;
          const read = () => recordItem(recordOf(row, options.label, names), `${path}:${line}`, options, keys);
          yield itemOr(read, path, basename(path), line);
          if (++done % 256 === 0) await report.progress({ done, total, unit: 'rows', phase: 'reading' });
        }
      }
      start = end;
    }
  }
}

/** Which columns are read. What is wrong with one is said before a row is read. */
function columnsOf({ schema }: FileMetaData, options: RecordFields, keys: readonly string[], path: string): string[] {
  const [root, ...elements] = schema as [SchemaElement, ...SchemaElement[]];
  const top = new Map<string, SchemaElement>();
  for (let at = 0, left = root.num_children ?? 0; left > 0; left--) {
    const element = elements[at] as SchemaElement;
    top.set(element.name, element);
    // What lies below a column stands behind it.
    for (let below = 1; below > 0; at++) below += (elements[at]?.num_children ?? 0) - 1;
  }
  const check = (name: string | undefined, option: string, fits?: (element: SchemaElement) => boolean): string[] => {
    if (name === undefined) return [];
    const element = top.get(name);
    if (element === undefined) {
      if (option === 'label') return [];
      const there = [...top.keys()].map((each) => `"${each}"`).join(', ');
      const hint = `The file has ${there}; name the right one in the option "${option}".`;
      throw new StepFailure('no-field', `${path}: no column "${name}"`, hint, `/source/${option}`);
    }
    if (fits !== undefined && !fits(element)) {
      const hint = option === 'text' ? 'Texts are BYTE_ARRAY (STRING).' : 'Labels are texts, numbers or booleans.';
      const message = `${path}: the column "${name}" is ${kindOf(element)}, and cannot be a ${option}`;
      throw new StepFailure('field-type', message, hint, `/source/${option}`);
    }
    return [name];
  };
  const { text, label, fields, response, words, tags, spans, labels, score } = options;
  const plain = ({ num_children = 0 }: SchemaElement): boolean => num_children === 0;
  const isText = (element: SchemaElement): boolean => plain(element) && element.type === 'BYTE_ARRAY';
  return [
    ...new Set([
      ...(words === undefined ? check(text, 'text', isText) : []),
      ...check(label, 'label', plain),
      ...fields.flatMap((name) => check(name, 'fields')),
      ...keys.flatMap((name) => check(name, 'split')),
      ...check(response, 'response', isText),
      ...check(words, 'words'),
      ...check(tags, 'tags'),
      ...check(spans, 'spans'),
      ...check(labels, 'labels'),
      ...check(score, 'score', plain),
    ]),
  ];
}

const kindOf = ({ type, converted_type: converted, num_children = 0 }: SchemaElement): string =>
  num_children > 0 ? 'nested' : `${type}${converted === undefined ? '' : ` (${converted})`}`;

/** Names of the numbers in a label's column, where the Hugging Face library wrote them (`ClassLabel`). */
function classNames({ key_value_metadata: notes = [] }: FileMetaData, label: string): readonly string[] | undefined {
  const note = notes.find(({ key }) => key === 'huggingface')?.value;
  if (note === undefined) return undefined;
  try {
    const { info } = JSON.parse(note) as { info?: { features?: Record<string, { _type?: string; names?: unknown }> } };
    const feature = info?.features?.[label];
    const names = feature?._type === 'ClassLabel' && Array.isArray(feature.names) ? feature.names : undefined;
    return names?.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Values as JSON has them. A number that is a class is its name; below 0 it is none. */
function recordOf(
  row: Readonly<Record<string, unknown>>,
  label: string,
  names: readonly string[] | undefined,
): Map<string, unknown> {
  const record = new Map(Object.entries(row).map(([name, value]) => [name, plainOf(value)]));
  const number = record.get(label);
  if (names !== undefined && typeof number === 'number')
    record.set(label, names[number] ?? (number < 0 ? null : number));
  return record;
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plainOf);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainOf(item)]));
}
