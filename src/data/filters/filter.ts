import type { Reporter } from '../sources/source.js';

/** A row's text and its number in the store. */
export interface Text {
  readonly number: number;
  readonly text: string;
}

/** A row that a filter takes, and why. */
export interface Taken {
  readonly number: number;
  readonly reason: string;
}

/** What a filter works on: it may go through the texts several times. */
export interface Texts {
  readonly count: number;
  all(): Iterable<Text>;
}

/** One kind of `quality:` filter; `filters/index.ts` lists them. */
export interface Filter<Options extends { readonly type: string }> {
  readonly type: Options['type'];
  /** Which texts are no good, in their order. The same texts, options and seed give the same. */
  judge(texts: Texts, options: Options, seed: number, report: Reporter): AsyncIterable<Taken>;
}

/** Texts between two reports of progress. */
const REPORTED = 256;

/**
 * Goes through all texts once.
 * @param reasonOf why a text is no good; undefined if it is
 */
export async function* eachText(
  { count, all }: Texts,
  phase: string,
  report: Reporter,
  reasonOf: (text: string, number: number) => string | undefined,
): AsyncGenerator<Taken> {
  let done = 0;
  for (const { number, text } of all()) {
    const reason = reasonOf(text, number);
    if (reason !== undefined) yield { number, reason };
    if (++done % REPORTED === 0) await report.progress({ done, total: count, unit: 'texts', phase });
  }
}

/** A share as people read it. */
export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Runs of letters, digits and marks. */
export const wordsIn = (text: string): string[] => text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
