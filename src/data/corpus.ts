import { StepFailure } from '../util/failure.js';
import { type Names, type Row, rowId } from './dataset.js';
import { type DeduplicateOptions, Deduplicator } from './deduplicate.js';
import { readSource, type SourceOptions } from './sources/index.js';
import type { Annotations, Reporter } from './sources/source.js';
import { checkSplit, proportionalOrder, SPLITS, type SplitName, type SplitOptions, splitRows } from './split.js';
import { cutText, wellFormed } from './text.js';
import { isTagged } from './words.js';

export interface CorpusOptions {
  readonly source: SourceOptions;
  readonly deduplicate: DeduplicateOptions;
  readonly split: SplitOptions;
  /** How many training rows keep their label; 0 means all. */
  readonly gold: number;
  /** How many rows to use; 0 means all. */
  readonly limit: number;
  /** Longer texts are cut, UTF-16 code units. */
  readonly max_characters: number;
}

/** What became of the rows of a source, in the order of the work. */
export const FATES = ['unreadable', 'empty', 'exact duplicates', 'near duplicates', 'beyond the limit'] as const;
export type Fate = (typeof FATES)[number];

export interface Corpus {
  /** Sorted. */
  readonly labels: readonly string[];
  /** What words and spans are called. */
  readonly names: Names;
  readonly splits: Readonly<Record<SplitName, readonly Row[]>>;
  /** Labels of everything the source has. */
  readonly read: readonly (string | null)[];
  /** Labels of what was left out, by the reason. */
  readonly dropped: Readonly<Record<Fate, readonly (string | null)[]>>;
}

/** Reasons are logged one by one up to here, and then counted. */
const SPOKEN = 5;

/**
 * Reads, cleans and splits a source. The same source, options and seed give the same corpus.
 * @throws StepFailure for bad input or options that do not fit it
 */
export async function buildCorpus(options: CorpusOptions, seed: number, report: Reporter): Promise<Corpus> {
  checkSplit(options.split);
  const read: (string | null)[] = [];
  const dropped: Record<Fate, (string | null)[]> = {
    unreadable: [],
    empty: [],
    'exact duplicates': [],
    'near duplicates': [],
    'beyond the limit': [],
  };
  const rows = await collect(options, seed, report, read, dropped);
  if (rows.length === 0) {
    const n = read.length === 1 ? 'the only row is' : `all ${read.length} rows are`;
    throw new StepFailure('no-rows', `the source has no text: ${n} empty or unreadable`);
  }
  const different = (of: (row: Row) => readonly (string | null)[]): string[] =>
    [...new Set(rows.flatMap(of))].filter((name) => name !== null).sort();
  const labels = different(({ label, labels = [] }) => [label, ...labels]);
  const names = {
    tags: different(({ words = [] }) => words.map(({ tag }) => tag)),
    span_labels: different(({ spans = [] }) => spans.map((span) => span.label)),
  };
  const used = takeLimit(rows, options.limit, seed);
  const chosen = new Set(used);
  for (const row of rows) if (!chosen.has(row)) dropped['beyond the limit'].push(row.label);
  const splits = splitRows(used, options.split, seed);
  for (const name of SPLITS) {
    if (options.split[name] > 0 && splits[name].length === 0) {
      report.log('warning', `the ${name} split is empty: ${used.length} rows are too few for it`);
    }
  }
  const train = withhold(splits.train, options.gold, seed, report);
  return { labels, names, splits: { ...splits, train }, read, dropped };
}

async function collect(
  options: CorpusOptions,
  seed: number,
  report: Reporter,
  read: (string | null)[],
  dropped: Record<Fate, (string | null)[]>,
): Promise<Row[]> {
  const deduplicator = new Deduplicator(options.deduplicate, seed);
  const rows: Row[] = [];
  let contradictions = 0;
  for await (const item of readSource(options.source, report)) {
    const { label } = item;
    read.push(label);
    if ('unreadable' in item) {
      dropped.unreadable.push(label);
      if (dropped.unreadable.length <= SPOKEN) report.log('warning', `${item.where} left out: ${item.unreadable}`);
      continue;
    }
    const text = cutText(wellFormed(item.text), options.max_characters);
    if (text.trim() === '') {
      dropped.empty.push(label);
      continue;
    }
    const fields = item.fields && mapTexts(item.fields, (value) => cutText(wellFormed(value), options.max_characters));
    const id = rowId(text, fields);
    const judgement = deduplicator.add(id, text);
    if (judgement.verdict === 'kept') {
      const response = cutText(wellFormed(item.response ?? ''), options.max_characters);
      const responses = response.trim() === '' ? undefined : [response];
      rows.push({
        id,
        text,
        label,
        ...(fields && { fields }),
        ...(item.annotations && within(text, item.annotations)),
        ...(responses && { responses }),
      });
      continue;
    }
    dropped[`${judgement.verdict} duplicates`].push(label);
    const kept = rows[judgement.like]?.label ?? null;
    if (label !== null && kept !== null && kept !== label) contradictions++;
  }
  const silent = dropped.unreadable.length - SPOKEN;
  if (silent > 0) report.log('warning', `${silent} more could not be read and were left out`);
  if (contradictions > 0) {
    report.log('warning', `${contradictions} duplicates have another label than the row that was kept`);
  }
  return rows;
}

const mapTexts = (fields: Readonly<Record<string, string>>, change: (text: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, change(text)]));

/** Words and spans that a text still has where its end was cut off. */
function within(text: string, { words, spans, ...others }: Annotations): Annotations {
  const there = ({ end }: { readonly end: number }): boolean => end <= text.length;
  return { ...others, ...(words && { words: words.filter(there) }), ...(spans && { spans: spans.filter(there) }) };
}

/** A proportional sample, in the order of the source. */
function takeLimit(rows: Row[], limit: number, seed: number): Row[] {
  if (limit === 0 || limit >= rows.length) return rows;
  const chosen = new Set(proportionalOrder(rows, seed, 'limit').slice(0, limit));
  return rows.filter((row) => chosen.has(row));
}

/** Takes what is known of a row from all but `gold` of them. Fewer gold rows are a subset of more. */
function withhold(train: Row[], gold: number, seed: number, report: Reporter): Row[] {
  if (gold === 0) return train;
  const labelled = train.filter(isLabelled);
  if (gold > labelled.length) {
    throw new StepFailure(
      'bad-gold',
      `gold: ${gold} training rows are to keep their label, but only ${labelled.length} have one`,
      'Use at most that number, or 0 for all.',
    );
  }
  const kept = new Set(proportionalOrder(labelled, seed, 'gold').slice(0, gold));
  const seen = new Set([...kept].map((row) => row.label));
  const unseen = [...new Set(labelled.map((row) => row.label))].filter((label) => label !== null && !seen.has(label));
  if (unseen.length > 0) {
    const list = unseen.sort().map((label) => `"${label}"`);
    report.log('warning', `gold: no row with the label ${list.join(', ')} keeps it`);
  }
  return train.map((row) => (kept.has(row) ? row : withheld(row)));
}

const isLabelled = (row: Row): boolean =>
  row.label !== null || row.labels !== undefined || row.score !== undefined || isTagged(row);

/** A row of which only texts are left, and where its words are. */
function withheld({ labels: _, score: __, spans: ___, words, ...row }: Row): Row {
  return { ...row, label: null, ...(words && { words: words.map((word) => ({ ...word, tag: null })) }) };
}
