import { type BrownSource, brown } from './brown.js';
import { type JsonlSource, jsonl } from './jsonl.js';
import { type MailSource, mail } from './mail.js';
import type { Item, Reporter } from './source.js';

/** What `source:` can be, by its `type`. */
export type SourceOptions = MailSource | JsonlSource | BrownSource;

/** Reads a source of any type. */
export function readSource(options: SourceOptions, report: Reporter): AsyncIterable<Item> {
  switch (options.type) {
    case 'mail':
      return mail.read(options, report);
    case 'brown':
      return brown.read(options, report);
    case 'jsonl':
      return jsonl.read(options, report);
  }
}
