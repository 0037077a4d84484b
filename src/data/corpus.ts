import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { Collector } from './collect.js';
import type { Names, Row } from './dataset.js';
import { type DecontaminateOptions, decontaminate } from './decontaminate.js';
import type { DeduplicateOptions } from './deduplicate.js';
import { percent } from './filters/filter.js';
import type { FilterOptions } from './filters/index.js';
import { Funnel } from './funnel.js';
import { applyFilters } from './quality.js';
import { Quarantine } from './quarantine.js';
import { RowStore } from './row-store.js';
import type { SourceOptions } from './sources/index.js';
import type { Reporter } from './sources/source.js';
import { checkSplit, proportionalOrder, SPLITS, type SplitName, type SplitOptions, splitRows } from './split.js';
import { splitByTime, splitGroups } from './split-groups.js';
import type { SplitBy, SplitKeys } from './split-keys.js';
import { Tally } from './tally.js';

export interface CorpusOptions {
  readonly source: SourceOptions;
  /** Filters, in their order. */
  readonly quality?: readonly FilterOptions[];
  /** How many bad rows are left out: a number, or below 1 their share; without it the first fails. */
  readonly max_bad?: number;
  readonly deduplicate: DeduplicateOptions;
  readonly split: SplitOptions & SplitBy;
  readonly decontaminate?: DecontaminateOptions;
  /** How many training rows keep their label; 0 means all. */
  readonly gold: number;
  /** How many rows to use; 0 means all. */
  readonly limit: number;
  /** Longer texts are cut, UTF-16 code units. */
  readonly max_characters: number;
}

/** Where a corpus is worked on. */
export interface Workplace {
  /** A folder for rows while they are worked on; nothing is left there. */
  readonly folder: string;
  /** Folders of datasets that `decontaminate` compares with. */
  readonly against: readonly string[];
  /** A folder that outlives the step, for a list of bad rows. */
  readonly quarantine: () => Promise<string>;
}

/** A row that was kept, of which only this is in memory. */
export interface Entry {
  /** In the order of the source. */
  readonly number: number;
  readonly label: string | null;
  /** Whether something is known of it that `gold` takes away. */
  readonly labelled: boolean;
}

export interface Corpus {
  /** Sorted. */
  readonly labels: readonly string[];
  /** What words and spans are called. */
  readonly names: Names;
  readonly funnel: Funnel;
  readonly quarantine: Quarantine;
  /** Labels of each split, as they are written: without those that `gold` takes away. */
  readonly tallies: Readonly<Record<SplitName, Tally>>;
  /** The rows of a split in their order. */
  rows(split: SplitName): Iterable<Row>;
}

/**
 * Reads, cleans and splits a source, and hands the result to `use`. The same source, options and seed give the same
 * corpus. Rows are in a file; of each one some bytes are in memory.
 * @throws StepFailure for bad input or options that do not fit it
 */
export async function withCorpus<T>(
  options: CorpusOptions,
  seed: number,
  report: Reporter,
  work: Workplace,
  use: (corpus: Corpus) => Promise<T>,
): Promise<T> {
  checkSplit(options.split);
  const store = new RowStore(join(work.folder, 'rows.tmp'));
  try {
    return await use(await build(options, seed, report, work, store));
  } finally {
    store.close();
  }
}

async function build(
  options: CorpusOptions,
  seed: number,
  report: Reporter,
  work: Workplace,
  store: RowStore,
): Promise<Corpus> {
  const funnel = new Funnel();
  const quarantine = new Quarantine(options.max_bad, work.quarantine);
  const collector = new Collector(options, seed, report, store, funnel, quarantine, work.folder);
  const { entries, labels, names, synthetic, keys } = await collector.collect();
  if (entries.length === 0) throw noRows(funnel);
  if (synthetic > 0 && options.split.train < 1) throw cannotJudge(synthetic, entries.length);
  if (labels.length === 1 && entries.every(({ label }) => label !== null)) {
    report.log('warning', `all rows have the label "${labels[0]}": a classifier has nothing to tell apart`);
  }
  const good = await applyFilters(entries, options.quality ?? [], store, funnel, seed, report);
  const { decontaminate: how } = options;
  const clean = how ? await decontaminate(good, work.against, how, store, work.folder, funnel, seed, report) : good;
  const used = takeLimit(clean, options.limit, seed);
  dropOthers(clean, used, funnel, store);
  const splits = splitBy(used, options.split, keys, seed);
  for (const name of SPLITS) {
    if (options.split[name] > 0 && splits[name].length === 0) {
      report.log('warning', `the ${name} split is empty: ${used.length} rows are too few for it`);
    }
    const share = splits[name].length / used.length;
    if (keys.groups && Math.abs(share - options.split[name]) > OFF) {
      const asked = percent(options.split[name]);
      report.log(
        'warning',
        `the ${name} split has ${percent(share)} of the rows where ${asked} are asked for: groups are large`,
      );
    }
  }
  const withheld = withhold(splits.train, options.gold, seed, report);
  const rows = function* (split: SplitName): Generator<Row> {
    for (const { number } of splits[split]) {
      const row = store.read(number);
      yield split === 'train' && withheld.has(number) ? withoutLabels(row) : row;
    }
  };
  const written = splits.train.map(({ number, label }) => ({ label: withheld.has(number) ? null : label }));
  const tallies = { train: Tally.of(written), validation: Tally.of(splits.validation), test: Tally.of(splits.test) };
  return { labels, names, funnel, quarantine, tallies, rows };
}

/** What a model is worth shows on rows that no model wrote. */
const cannotJudge = (synthetic: number, rows: number): StepFailure =>
  new StepFailure(
    'synthetic-data',
    `${synthetic} of the ${rows} rows are synthetic, and no model is judged by what a model wrote: they go into no validation and no test split`,
    'Write split: { train: 1, validation: 0, test: 0 }, and split real rows in a step of their own.',
    '/split',
  );

/** How far groups may keep a split from its share before it is said. */
const OFF = 0.05;

function splitBy(
  used: readonly Entry[],
  shares: SplitOptions,
  { groups, times }: SplitKeys,
  seed: number,
): Record<SplitName, Entry[]> {
  if (groups) return splitGroups(used, ({ number }) => groups.of(number), shares, seed);
  if (times) return splitByTime(used, ({ number }) => times.at(number), shares, seed);
  return splitRows(used, shares, seed);
}

function noRows({ read, widest }: Funnel): StepFailure {
  const n = read.total === 1 ? 'the only row is' : `all ${read.total} rows are`;
  const textless = widest === undefined || ['unreadable', 'empty'].includes(widest.name);
  if (textless) return new StepFailure('no-rows', `the source has no text: ${n} empty or unreadable`);
  return new StepFailure('no-rows', `no row is left: ${widest.name} took ${widest.dropped.total} of ${read.total}`);
}

/** A proportional sample, in the order of the source. */
function takeLimit(entries: readonly Entry[], limit: number, seed: number): readonly Entry[] {
  if (limit === 0 || limit >= entries.length) return entries;
  const chosen = new Set(proportionalOrder(entries, seed, 'limit').slice(0, limit));
  return entries.filter((entry) => chosen.has(entry));
}

/** Counts what the limit leaves out. Both lists are in the order of the source. */
function dropOthers(entries: readonly Entry[], used: readonly Entry[], funnel: Funnel, store: RowStore): void {
  const stage = funnel.stage('beyond the limit');
  let at = 0;
  for (const entry of entries) {
    if (entry === used[at]) {
      at++;
      continue;
    }
    stage.drop(entry.label, () => store.read(entry.number).text, 'not drawn');
  }
}

/** Numbers of the training rows that lose what is known of them: all but `gold`. Fewer gold rows are a subset of more. */
function withhold(train: readonly Entry[], gold: number, seed: number, report: Reporter): ReadonlySet<number> {
  if (gold === 0) return new Set();
  const labelled = train.filter((entry) => entry.labelled);
  if (gold > labelled.length) {
    throw new StepFailure(
      'bad-gold',
      `gold: ${gold} training rows are to keep their label, but only ${labelled.length} have one`,
      'Use at most that number, or 0 for all.',
      '/gold',
    );
  }
  const kept = new Set(proportionalOrder(labelled, seed, 'gold').slice(0, gold));
  const seen = new Set([...kept].map((row) => row.label));
  const unseen = [...new Set(labelled.map((row) => row.label))].filter((label) => label !== null && !seen.has(label));
  if (unseen.length > 0) {
    const list = unseen.sort().map((label) => `"${label}"`);
    report.log('warning', `gold: no row with the label ${list.join(', ')} keeps it`);
  }
  return new Set(train.filter((entry) => !kept.has(entry)).map(({ number }) => number));
}

/** A row of which only texts are left, and where its words are. */
function withoutLabels({ labels: _, score: __, spans: ___, words, ...row }: Row): Row {
  return { ...row, label: null, ...(words && { words: words.map((word) => ({ ...word, tag: null })) }) };
}
