import { Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { StepFailure } from '../../util/failure.js';
import { LONGEST_ROW } from './limits.js';
import type { Unpacked } from './packed.js';
import { type RecordFields, recordItem } from './record.js';
import { badRow, itemOr, type Source } from './source.js';
import { notUtf8, openText } from './text-file.js';

export interface CsvSource extends RecordFields {
  readonly type: 'csv';
  /** Absolute. */
  readonly path: string;
  readonly delimiter?: ',' | ';' | '\t' | '|';
  /** Names of the columns of a file without a line of them. */
  readonly columns?: readonly string[];
  readonly quote: string | null;
  readonly encoding?: string;
}

/** What csv-parse says of one record. */
interface Parsed {
  readonly record: readonly string[];
  /** `lines`: the number of the record's last line. */
  readonly info: { readonly lines: number };
}

/** A table of texts (RFC 4180); the first line has the columns' names. An empty cell is one that is not there. */
export const csv: Source<CsvSource> = {
  type: 'csv',
  async *read(options, report, keys) {
    const file = await openText(options.path, options.encoding);
    const { path, name } = file;
    let columns = options.columns && checkColumns(options.columns, path, options);
    let rows = 0;
    for await (const { record, line } of records(file, options)) {
      if (columns === undefined) {
        columns = checkColumns(record, path, options);
        continue;
      }
      const header = columns;
      const where = `${path}:${line}`;
      const read = () => recordItem(rowOf(record, header, where, options), where, options, keys);
      yield itemOr(read, path, name, line, record.join(options.delimiter ?? ','));
      if (++rows % 256 === 0) {
        await report.progress({ done: file.done(), total: file.size, unit: 'KiB', phase: 'reading' });
      }
    }
    if (rows === 0) throw new StepFailure('empty-file', `${path}: the file has no rows`, undefined, '/source');
  },
};

/** Every record and the line that it begins on. What is wrong with quotes is wrong with all that follows. */
async function* records(
  file: Unpacked,
  { delimiter = /\.tsv(\.gz)?$/.test(file.name) ? '\t' : ',', quote }: CsvSource,
): AsyncGenerator<{ record: readonly string[]; line: number }> {
  const parser = parse({
    delimiter,
    quote: quote ?? false,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW,
  });
  const source = Readable.from(decoded(file));
  source.on('error', (error) => parser.destroy(error));
  let last = 0;
  try {
    for await (const { record, info } of source.pipe(parser) as AsyncIterable<Parsed>) {
      // It is known by the line that it ends on.
      const breaks = record.reduce((sum, cell) => sum + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0);
      yield { record, line: info.lines - breaks };
      last = info.lines;
    }
  } catch (error) {
    throw error instanceof Error && 'code' in error && !(error instanceof StepFailure)
      ? quotesOf(error as CsvError & { lines?: number }, file.path, last + 1)
      : error;
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** @param next the line behind the last whole record */
function quotesOf({ code, lines }: CsvError & { lines?: number }, path: string, next: number): StepFailure {
  const long = `a row is longer than ${LONGEST_ROW >> 20} MiB, or a quote is not closed`;
  const what: Readonly<Record<string, string>> = {
    CSV_MAX_RECORD_SIZE: long,
    CSV_QUOTE_NOT_CLOSED: 'a quote is not closed',
    CSV_INVALID_CLOSING_QUOTE: 'something stands behind a closing quote',
    INVALID_OPENING_QUOTE: 'a quote stands within a cell that has none around it',
  };
  const hint =
    'A quote within a cell is doubled, and the cell put in quotes. Where quotes mean nothing, say quote: null.';
  const line = ['CSV_MAX_RECORD_SIZE', 'CSV_QUOTE_NOT_CLOSED'].includes(code) ? next : (lines ?? next);
  return new StepFailure('bad-file', `${path}:${line}: ${what[code] ?? code}`, hint, '/source');
}

/** A file's text in pieces. What is no UTF-8 cannot be put in a row's place: quotes say where rows end. */
async function* decoded({ path, chunks }: Unpacked): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for await (const chunk of chunks) {
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      for (let start = 0; ; ) {
        const stop = chunk.indexOf(10, start);
        const piece = chunk.subarray(start, stop < 0 ? chunk.length : stop);
        // A character may be cut by the chunk's start.
        if (!isWhole(piece, start === 0)) throw notUtf8(`${path}:${line}`, piece);
        if (stop < 0) throw notUtf8(`${path}:${line}`, chunk);
        line++;
        start = stop + 1;
      }
    }
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) line++;
    yield text;
  }
}

function isWhole(piece: Buffer, cut: boolean): boolean {
  let start = 0;
  while (cut && start < 3 && ((piece[start] ?? 0) & 0xc0) === 0x80) start++;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(piece.subarray(start), { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** @throws StepFailure `bad-file` if a name stands twice, or one that the recipe names is not there */
function checkColumns(columns: readonly string[], path: string, options: CsvSource): readonly string[] {
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) {
    const hint = 'A file without a line of names needs the option "columns".';
    throw new StepFailure('bad-file', `${path}:1: two columns are called "${twice}"`, hint, '/source');
  }
  if (!columns.includes(options.text)) {
    const there = columns.map((name) => `"${name}"`).join(', ');
    const hint = `The file has ${there}; name the one with the text in the option "text".`;
    throw new StepFailure('no-field', `${path}:1: no column "${options.text}"`, hint, '/source/text');
  }
  return columns;
}

function rowOf(
  record: readonly string[],
  columns: readonly string[],
  where: string,
  { text, fields, score }: CsvSource,
): Map<string, unknown> {
  if (record.length !== columns.length) {
    throw badRow(where, `${record.length} cells, and there are ${columns.length} columns`);
  }
  const row = new Map<string, unknown>();
  for (const [i, name] of columns.entries()) {
    const cell = record[i] as string;
    if (name === score && cell !== '') {
      const number = Number(cell);
      if (!Number.isFinite(number))
        throw badRow(where, `column "${name}" has to be a number, got ${JSON.stringify(cell)}`);
      row.set(name, number);
    } else {
      row.set(name, cell === '' && name !== text && !fields.includes(name) ? null : cell);
    }
  }
  return row;
}
