import { type BrownSource, brown } from './brown.js';
import { type CsvSource, csv } from './csv.js';
import { type DatasetSource, dataset } from './dataset.js';
import { type FolderSource, folder } from './folder.js';
import { type JsonlSource, jsonl } from './jsonl.js';
import { type MailSource, mail } from './mail.js';
import { type NpmSource, npm } from './npm.js';
import { type ParquetSource, parquet } from './parquet.js';
import type { Item, Reporter, Source } from './source.js';
import { type TextSource, text } from './text.js';

/** What `source:` can be, by its `type`, once what lies elsewhere is on this machine. */
export type SourceOptions =
  | MailSource
  | JsonlSource
  | CsvSource
  | ParquetSource
  | TextSource
  | FolderSource
  | NpmSource
  | DatasetSource
  | BrownSource;

const SOURCES = { mail, jsonl, csv, parquet, text, folder, npm, dataset, brown } satisfies {
  [Type in SourceOptions['type']]: Source<Extract<SourceOptions, { type: Type }>>;
};

/**
 * Reads a source of any type.
 * @param keys fields that each item says of itself beside those that are kept
 * @param scratch a folder for what has to be unpacked to be read; nothing is left there
 */
export function readSource(
  options: SourceOptions,
  report: Reporter,
  keys: readonly string[],
  scratch: string,
): AsyncIterable<Item> {
  // Which module it is follows from the type; TypeScript does not follow it.
  return (SOURCES[options.type] as Source<SourceOptions>).read(options, report, keys, scratch);
}
