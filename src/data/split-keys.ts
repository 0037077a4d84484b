import { Growing } from '../util/growing.js';
import { Groups } from './groups.js';
import { badRow } from './sources/source.js';

/** What rows are kept together or ordered by. */
export interface SplitBy {
  /** Fields: rows that share a value of one of them, or of several through others, come into one split. */
  readonly group?: readonly string[];
  /** A field: the oldest rows are for training, the newest for the test. */
  readonly time?: string;
}

const NUMBER = /^\s*-?\d+(\.\d+)?\s*$/;
/** ISO 8601; `Date.parse` alone takes almost anything. */
const DATE = /^\s*\d{4}-\d{2}(-\d{2})?([T ][\d:.,]+\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?\s*$/;

/** What is remembered of each row to split by: no more than two numbers. */
export class SplitKeys {
  readonly groups: Groups | undefined;
  readonly times: Growing<Float64Array> | undefined;

  constructor(private readonly by: SplitBy) {
    this.groups = by.group && new Groups(by.group.length);
    this.times = by.time === undefined ? undefined : new Growing(Float64Array);
  }

  /** The fields that a source has to tell. */
  get fields(): readonly string[] {
    const { group = [], time } = this.by;
    return [...new Set([...group, ...(time === undefined ? [] : [time])])];
  }

  /**
   * The time of a row; 0 where none is asked for.
   * @throws StepFailure `bad-row`
   */
  timeOf(keys: Readonly<Record<string, string>> = {}, where: string): number {
    const { time } = this.by;
    if (time === undefined) return 0;
    const value = keys[time] ?? '';
    const number = NUMBER.test(value) ? Number(value) : DATE.test(value) ? Date.parse(value) : Number.NaN;
    if (!Number.isNaN(number)) return number;
    throw badRow(
      where,
      `field "${time}" is no time: ${JSON.stringify(value)}`,
      'Times are numbers, or dates such as 2026-11-30.',
    );
  }

  /** Adds the next row that is kept. */
  add(keys: Readonly<Record<string, string>> = {}, time: number): void {
    this.groups?.add((this.by.group ?? []).map((field) => keys[field] ?? ''));
    this.times?.push(time);
  }
}
