import { StepFailure } from '../../util/failure.js';
import type { Row } from '../dataset.js';

/** What a source finds, in an order that depends on the input alone. */
export type Item = TextItem | BadItem;

export interface TextItem {
  readonly text: string;
  readonly label: string | null;
  /** Further texts of it that the source was asked to keep. */
  readonly fields?: Readonly<Record<string, string>>;
  /** What the text is to be answered with, one or several ways, if the source was asked for it and has it. */
  readonly responses?: readonly string[];
  /** What there is to say of parts of it, of labels it may have several of, and of a score. */
  readonly annotations?: Annotations;
  /** A model wrote it. */
  readonly synthetic?: true;
  /** What rows are kept together or ordered by, where that is asked for; it is not kept with the row. */
  readonly keys?: Readonly<Record<string, string>>;
}

/** Something there that is no row, and why. */
export interface BadItem {
  readonly unreadable: string;
  /** Such as `rows.csv:12`; relative to the source. */
  readonly where: string;
  readonly label: string | null;
  /** How it begins, where that can be shown. */
  readonly raw?: string;
  /** What the step fails with unless bad rows are left out (`max_bad`); of one without it, it does not fail. */
  readonly failure?: StepFailure;
}

/** What is known of a text beside its label, and of its responses. Places are in the text as the item has it. */
export type Annotations = Partial<Pick<Row, 'words' | 'spans' | 'labels' | 'score' | 'reasoning' | 'judgements'>>;

/** How a source tells what goes on; a step's context fits. */
export interface Reporter {
  progress(progress: {
    readonly done: number;
    readonly total: number;
    readonly unit: string;
    readonly phase: string;
  }): Promise<void>;
  log(level: 'info' | 'warning', message: string): void;
}

/** One kind of `source:`; `sources/index.ts` lists them. */
export interface Source<Options extends { readonly type: string }> {
  readonly type: Options['type'];
  /**
   * Reads everything there is, as a stream.
   * @param keys fields that each item has to say of itself, beside those that are kept (`TextItem.keys`)
   * @param scratch a folder for what has to be unpacked to be read; nothing is left there
   * @throws StepFailure for input that has to be mended
   */
  read(options: Options, report: Reporter, keys: readonly string[], scratch: string): AsyncIterable<Item>;
}

/** A row that has to be mended, or left out. */
export const badRow = (where: string, message: string, hint?: string): StepFailure =>
  new StepFailure('bad-row', `${where}: ${message}`, hint);

/** How much of a bad row is shown. */
const SHOWN = 500;

/**
 * What `read` makes of one row, and of one that has to be mended the item that says so.
 * @param name of the file, as others may see it
 * @param path of the file, as messages have it
 */
export function itemOr(read: () => TextItem, path: string, name: string, line: number, raw?: string): Item {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StepFailure) || error.reason !== 'bad-row') throw error;
    return badItem(error, path, name, line, raw);
  }
}

/** The item of a row of a file that has to be mended. */
export function badItem(failure: StepFailure, path: string, name: string, line: number, raw?: string): BadItem {
  const unreadable = failure.message.replace(`${path}:${line}: `, '');
  const start = raw !== undefined && { raw: raw.slice(0, SHOWN) };
  return { unreadable, where: `${name}:${line}`, label: null, failure, ...start };
}
