import { StepFailure } from '../util/failure.js';
import type { CorpusOptions, Entry } from './corpus.js';
import { type Names, type Row, rowId } from './dataset.js';
import { Deduplicator } from './deduplicate.js';
import type { Funnel } from './funnel.js';
import type { Quarantine } from './quarantine.js';
import type { RowStore } from './row-store.js';
import { readSource } from './sources/index.js';
import { type Annotations, type BadItem, badItem, type Reporter, type TextItem } from './sources/source.js';
import { SplitKeys } from './split-keys.js';
import { cutText, wellFormed } from './text.js';
import { isTagged } from './words.js';

/** Reasons are logged one by one up to here, and then counted. */
const SPOKEN = 5;

export interface Collected {
  /** Of the rows that were kept, in the order of the source; row `number` is in the store. */
  readonly entries: Entry[];
  /** Sorted. */
  readonly labels: readonly string[];
  readonly names: Names;
  /** Rows that a model wrote. */
  readonly synthetic: number;
  /** What rows are split by, by their number. */
  readonly keys: SplitKeys;
}

/** Reads a source into a store, without what is unreadable, empty or there already. What is unpacked is in `scratch`. */
export class Collector {
  private readonly entries: Entry[] = [];
  private readonly labels = new Set<string>();
  private readonly tags = new Set<string>();
  private readonly spanLabels = new Set<string>();
  private contradictions = 0;
  private synthetic = 0;
  private readonly deduplicator: Deduplicator;
  private readonly stages;
  private readonly keys: SplitKeys;

  constructor(
    private readonly options: CorpusOptions,
    seed: number,
    private readonly report: Reporter,
    private readonly store: RowStore,
    private readonly funnel: Funnel,
    private readonly quarantine: Quarantine,
    private readonly scratch: string,
  ) {
    this.deduplicator = new Deduplicator(options.deduplicate, seed, (position) => store.read(position).text);
    this.keys = new SplitKeys(options.split);
    this.stages = {
      unreadable: funnel.stage('unreadable'),
      empty: funnel.stage('empty'),
      exact: funnel.stage('exact duplicates'),
      near: funnel.stage('near duplicates'),
    };
  }

  /** @throws StepFailure for input that has to be mended */
  async collect(): Promise<Collected> {
    const { read } = this.funnel;
    for await (const item of readSource(this.options.source, this.report, this.keys.fields, this.scratch)) {
      read.add(item.label);
      if ('unreadable' in item) await this.leaveOut(item);
      else await this.take(item);
    }
    await this.quarantine.check(read.total);
    const silent = this.stages.unreadable.dropped.total - SPOKEN;
    if (silent > 0) this.report.log('warning', `${silent} more could not be read and were left out`);
    if (this.contradictions > 0) {
      this.report.log('warning', `${this.contradictions} duplicates have another label than the row that was kept`);
    }
    return {
      entries: this.entries,
      labels: [...this.labels].sort(),
      names: { tags: [...this.tags].sort(), span_labels: [...this.spanLabels].sort() },
      synthetic: this.synthetic,
      keys: this.keys,
    };
  }

  private async leaveOut(item: BadItem): Promise<void> {
    await this.quarantine.add(item);
    const { unreadable } = this.stages;
    unreadable.drop(item.label, () => item.raw ?? item.where, item.unreadable);
    if (unreadable.dropped.total <= SPOKEN) this.report.log('warning', `${item.where} left out: ${item.unreadable}`);
  }

  private async take(item: TextItem): Promise<void> {
    const { label } = item;
    const time = await this.timeOf(item);
    if (time === undefined) return;
    const clean = (text: string): string => cutText(wellFormed(text), this.options.max_characters);
    const text = clean(item.text);
    if (text.trim() === '') {
      this.stages.empty.drop(label, () => text, 'no text');
      return;
    }
    const fields = item.fields && mapTexts(item.fields, clean);
    const id = rowId(text, fields);
    const judgement = this.deduplicator.add(id, text);
    if (judgement.verdict !== 'kept') {
      const kept = this.entries[judgement.like] as Entry;
      this.stages[judgement.verdict].drop(label, () => text, `like row ${kept.number + 1} of those kept`);
      if (label !== null && kept.label !== null && kept.label !== label) this.contradictions++;
      return;
    }
    this.keys.add(item.keys, time);
    const responses = item.responses?.map(clean).filter((response) => response.trim() !== '') ?? [];
    this.keep({
      id,
      text,
      label,
      ...(fields && { fields }),
      ...(item.annotations && within(text, item.annotations)),
      ...(responses.length > 0 && { responses }),
      ...(item.synthetic && { synthetic: true }),
    });
  }

  /** Undefined of a row whose time is none, which is a bad row. */
  private async timeOf({ keys, label, text }: TextItem): Promise<number | undefined> {
    const place = this.funnel.read.total;
    try {
      return this.keys.timeOf(keys, `row ${place} of the source`);
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      await this.leaveOut({ ...badItem(error, 'row', 'row', place, text), where: `row ${place} of the source`, label });
      return undefined;
    }
  }

  private keep(row: Row): void {
    const { label, labels = [], words = [], spans = [] } = row;
    const labelled = label !== null || row.labels !== undefined || row.score !== undefined || isTagged(row);
    // One string for all rows of a label: a source makes a new one each time.
    this.entries.push({ number: this.store.length, label: label === null ? null : this.own(label), labelled });
    if (row.synthetic) this.synthetic++;
    for (const each of labels) this.labels.add(each);
    for (const { tag } of words) if (tag !== null) this.tags.add(tag);
    for (const span of spans) this.spanLabels.add(span.label);
    this.store.add(row);
  }

  private readonly owned = new Map<string, string>();

  private own(label: string): string {
    const known = this.owned.get(label);
    if (known !== undefined) return known;
    this.owned.set(label, label);
    this.labels.add(label);
    return label;
  }
}

const mapTexts = (fields: Readonly<Record<string, string>>, change: (text: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, change(text)]));

/** Words and spans that a text still has where its end was cut off. */
function within(text: string, { words, spans, ...others }: Annotations): Annotations {
  const there = ({ end }: { readonly end: number }): boolean => end <= text.length;
  return { ...others, ...(words && { words: words.filter(there) }), ...(spans && { spans: spans.filter(there) }) };
}
