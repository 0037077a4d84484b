import { StepFailure } from '../util/failure.js';
import { type Row, rowId } from './dataset.js';
import { type DeduplicateOptions, Deduplicator } from './deduplicate.js';
import { readSource, type SourceOptions } from './sources/index.js';
import type { Reporter } from './sources/source.js';
import { checkSplit, proportionalOrder, SPLITS, type SplitName, type SplitOptions, splitRows } from './split.js';
import { cutText, wellFormed } from './text.js';

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
  const labels = [...new Set(rows.map((row) => row.label).filter((label) => label !== null))].sort();
  const used = takeLimit(rows, options.limit, seed);
  const chosen = new Set(used);
  for (const row of rows) if (!chosen.has(row)) dropped['beyond the limit'].push(row.label);
  const splits = splitRows(used, options.split, seed);
  for (const name of SPLITS) {
    if (options.split[name] > 0 && splits[name].length === 0) {
      report.log('warning', `the ${name} split is empty: ${used.length} rows are too few for it`);
    }
  }
  return { labels, splits: { ...splits, train: withhold(splits.train, options.gold, seed, report) }, read, dropped };
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
      rows.push({ id, text, label, ...(fields && { fields }), ...(responses && { responses }) });
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

/** A proportional sample, in the order of the source. */
function takeLimit(rows: Row[], limit: number, seed: number): Row[] {
  if (limit === 0 || limit >= rows.length) return rows;
  const chosen = new Set(proportionalOrder(rows, seed, 'limit').slice(0, limit));
  return rows.filter((row) => chosen.has(row));
}

/** Takes the label from all but `gold` rows. Fewer gold rows are a subset of more. */
function withhold(train: Row[], gold: number, seed: number, report: Reporter): Row[] {
  if (gold === 0) return train;
  const labelled = train.filter((row) => row.label !== null);
  if (gold > labelled.length) {
    throw new StepFailure(
      'bad-gold',
      `gold: ${gold} training rows are to keep their label, but only ${labelled.length} have one`,
      'Use at most that number, or 0 for all.',
    );
  }
  const kept = new Set(proportionalOrder(labelled, seed, 'gold').slice(0, gold));
  const seen = new Set([...kept].map((row) => row.label));
  const unseen = [...new Set(labelled.map((row) => row.label))].filter((label) => !seen.has(label)).sort();
  if (unseen.length > 0) {
    report.log('warning', `gold: no row with the label ${unseen.map((label) => `"${label}"`).join(', ')} keeps it`);
  }
  return train.map((row) => (kept.has(row) ? row : { ...row, label: null }));
}
