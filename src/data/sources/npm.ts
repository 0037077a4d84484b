import { StepFailure } from '../../util/failure.js';
import { csv } from './csv.js';
import { isFile, within } from './folders.js';
import { jsonl } from './jsonl.js';
import { nameOf } from './name-of.js';
import { openBytes } from './packed.js';
import { parquet } from './parquet.js';
import { type RecordFields, recordItem } from './record.js';
import { badRow, type Item, itemOr, type Source } from './source.js';
import { text } from './text.js';

export interface NpmSource extends RecordFields {
  readonly type: 'npm';
  /** Absolute folder of the installed package. */
  readonly package: string;
  /** The file in it; the end of its name says what it is. */
  readonly file: string;
  readonly delimiter?: ',' | ';' | '\t' | '|';
  readonly columns?: readonly string[];
  readonly quote: string | null;
  readonly encoding?: string;
}

/** A file of an npm package, read as what its name says it is. */
export const npm: Source<NpmSource> = {
  type: 'npm',
  read(options, report, keys, scratch) {
    const path = within(options.package, options.file, 'no-file', 'file');
    const end = /\.(json|jsonl|ndjson|csv|tsv|parquet|txt)(?:\.(?:gz|zip))?$/.exec(path)?.[1];
    switch (end) {
      case 'json':
        return readJson(path, options, keys);
      case 'jsonl':
      case 'ndjson':
        return jsonl.read({ ...options, type: 'jsonl', path }, report, keys, scratch);
      case 'csv':
      case 'tsv':
        return csv.read({ ...options, type: 'csv', path }, report, keys, scratch);
      case 'parquet':
        return parquet.read({ ...options, type: 'parquet', path }, report, keys, scratch);
      case 'txt':
        return text.read({ ...options, type: 'text', path, rows: 'line' }, report, keys, scratch);
      default: {
        const hint = 'Files end in .json, .jsonl, .csv, .tsv, .parquet or .txt.';
        throw new StepFailure('bad-source', `${options.file} has no end that says what it is`, hint, '/source/file');
      }
    }
  },
};

/** A JSON text is read as a whole. */
const LARGEST_JSON = 256 * 2 ** 20;

/** A list of objects, or of texts. */
async function* readJson(path: string, options: NpmSource, keys: readonly string[]): AsyncGenerator<Item> {
  const wrong = (what: string): StepFailure =>
    new StepFailure('bad-file', `${path}: ${what}`, undefined, '/source/file');
  if (!(await isFile(path))) throw wrong('no such file in the package');
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of (await openBytes(path)).chunks) {
    size += chunk.length;
    if (size > LARGEST_JSON) throw wrong(`larger than ${LARGEST_JSON >> 20} MiB`);
    parts.push(chunk);
  }
  let rows: unknown;
  try {
    rows = JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw wrong('not valid JSON');
  }
  if (!Array.isArray(rows)) throw wrong(`has to be a list of objects or texts, got ${nameOf(rows)}`);
  if (rows.length === 0) throw new StepFailure('empty-file', `${path}: the file has no rows`, undefined, '/source');
  for (const [i, row] of (rows as unknown[]).entries()) {
    const where = `${path}:${i + 1}`;
    const read = () => {
      if (typeof row === 'string') return recordItem(new Map([[options.text, row]]), where, options, keys);
      if (typeof row === 'object' && row !== null && !Array.isArray(row)) {
        return recordItem(new Map<string, unknown>(Object.entries(row)), where, options, keys);
      }
      throw badRow(where, `expected a JSON object or a text, got ${nameOf(row)}`);
    };
    yield itemOr(read, path, options.file, i + 1);
  }
}
