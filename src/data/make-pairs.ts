import { StepFailure } from '../util/failure.js';
import { Random } from '../util/random.js';
import { type Row, rowId } from './dataset.js';
import { PAIR } from './pair.js';
import { fieldsOf } from './template.js';

/** How rows with two texts become pairs that belong together and pairs that do not. */
export interface PairOptions {
  /** Fields that hold the two texts; `text` is the row's own. */
  readonly text: string;
  readonly pair: string;
  /** Fields of a row that its pairs keep, where it has them. */
  readonly fields?: readonly string[];
  /** A regular expression: what it matches tells no texts apart. */
  readonly ignore?: string;
  /** Negatives of each row. */
  readonly random: number;
  readonly hard: number;
  /** Of so many first texts the pairs keep their labels; 0 means of all. */
  readonly gold: number;
  /** Of pairs that do not belong together, and of those that do. */
  readonly labels: readonly [string, string];
}

/** A row's two texts, and what of them tells them from others. */
interface Two {
  readonly text: string;
  readonly pair: string;
  readonly textKey: string;
  readonly pairKey: string;
  readonly kept: Readonly<Record<string, string>>;
  /** A model wrote it. */
  readonly synthetic: boolean;
}

export interface Pairs {
  /** Each positive, and behind it its negatives: the drawn ones, then the hard ones, most similar first. */
  readonly rows: readonly Row[];
  /** Rows left out: with an empty text, or the same two texts as one before. */
  readonly empty: number;
  readonly repeated: number;
  /** Negatives that could not be had, since too few rows differ. */
  readonly lacking: number;
}

/** Similarity of every pair's second text to the first text of the pair at this place; more is more similar. */
export type Similarity = (place: number) => Promise<Float32Array>;

/**
 * Pairs of rows' two texts with the label of those that belong together, and pairs of a row's first text and another
 * row's second with the label of those that do not: some drawn, some most similar to the first text (hard negatives;
 * Karpukhin et al. 2020, arXiv:2004.04906, take what BM25 finds). No negative is a positive: rows whose first texts are
 * the same share their second texts. No pair comes twice.
 *
 * @param similarity of the rows that are used, asked for once, and only if there are hard ones
 * @throws StepFailure if a row lacks one of the fields, or none has both texts
 */
export async function makePairs(
  rows: readonly Row[],
  options: PairOptions,
  seed: number,
  similarity: (texts: readonly string[], pairs: readonly string[]) => Promise<Similarity>,
): Promise<Pairs> {
  const unknown = options.fields?.find((name) => rows.every((row) => row.fields?.[name] === undefined));
  if (unknown !== undefined) {
    throw new StepFailure(
      'no-field',
      `no row has a field "${unknown}" for its pairs to keep`,
      'The source of sample-data keeps the fields that its option "fields" names.',
    );
  }
  const used: Two[] = [];
  const seen = new Set<string>();
  let [empty, repeated] = [0, 0];
  for (const row of rows) {
    const two = twoOf(row, options);
    const key = JSON.stringify([two.textKey, two.pairKey]);
    if (two.text.trim() === '' || two.pair.trim() === '') empty++;
    else if (seen.has(key)) repeated++;
    else {
      seen.add(key);
      used.push(two);
    }
  }
  if (used.length === 0) {
    throw new StepFailure(
      'no-rows',
      `none of the ${rows.length} rows has both texts, "${options.text}" and "${options.pair}"`,
    );
  }
  const similar =
    options.hard === 0
      ? undefined
      : await similarity(
          used.map(({ text }) => text),
          used.map(({ pair }) => pair),
        );
  const made: Row[] = [];
  /** Of each first text, the second ones that it was set beside. */
  const beside = new Map<string, Set<string>>();
  const known = labelled(used, options.gold, seed);
  let lacking = 0;
  for (const [place, two] of used.entries()) {
    const chosen = beside.get(two.text) ?? new Set();
    beside.set(two.text, chosen);
    const taken = new Chooser(used, place, seen, chosen);
    const drawn = taken.draw(options.random, new Random(seed, `negatives ${place}`));
    const hard = similar ? taken.best(options.hard, await similar(place)) : [];
    lacking += options.random + options.hard - drawn.length - hard.length;
    const [no, yes] = known.has(two.text) ? options.labels : [null, null];
    made.push(rowOf(two, two.pair, yes, two.synthetic));
    for (const other of [...drawn, ...hard]) {
      const { pair, synthetic } = used[other] as Two;
      made.push(rowOf(two, pair, no, two.synthetic || synthetic));
    }
  }
  return { rows: made, empty, repeated, lacking };
}

/**
 * First texts whose pairs keep their labels; fewer are a subset of more.
 * @throws StepFailure if there are not so many
 */
function labelled(used: readonly Two[], gold: number, seed: number): ReadonlySet<string> {
  const texts = [...new Set(used.map(({ text }) => text))];
  if (gold > texts.length) {
    throw new StepFailure(
      'bad-gold',
      `gold: the pairs of ${gold} texts are to keep their labels, but there are only ${texts.length} different ones`,
      'Use at most that number, or 0 for all.',
    );
  }
  return new Set(gold === 0 ? texts : new Random(seed, 'gold').shuffle(texts).slice(0, gold));
}

function rowOf({ text, kept }: Two, pair: string, label: string | null, synthetic: boolean): Row {
  const own = { [PAIR]: pair };
  return { id: rowId(text, own), text, label, fields: { ...kept, ...own }, ...(synthetic && { synthetic }) };
}

function twoOf(row: Row, { text, pair, ignore, fields: keep = [] }: PairOptions): Two {
  const fields = fieldsOf(row);
  const [first, second] = [text, pair].map((name): string => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value !== undefined) return value;
    const names = Object.keys(fields).map((field) => `"${field}"`);
    throw new StepFailure(
      'no-field',
      `row ${row.id} has no field "${name}" to make a pair of`,
      `It has ${names.join(', ')}. Name one of them, or let sample-data keep the field (option "fields" of its source).`,
    );
  }) as [string, string];
  const pattern = ignore === undefined ? undefined : new RegExp(ignore, 'giu');
  const key = (value: string): string =>
    (pattern ? value.replace(pattern, ' ') : value).toLowerCase().replace(/\s+/gu, ' ').trim();
  const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => keep.includes(name)));
  const keys = { textKey: key(first), pairKey: key(second) };
  return { text: first, pair: second, ...keys, kept, synthetic: row.synthetic ?? false };
}

/** Chooses negatives of one row, none of them twice. */
class Chooser {
  /** @param chosen keys of negatives that the row's first text already has; grows */
  constructor(
    private readonly all: readonly Two[],
    private readonly own: number,
    private readonly positives: ReadonlySet<string>,
    private readonly chosen: Set<string>,
  ) {}

  draw(count: number, random: Random): number[] {
    const found: number[] = [];
    // A permutation made as far as it is needed: the places that were swapped, all others are where they were.
    const moved = new Map<number, number>();
    const at = (i: number): number => moved.get(i) ?? i;
    for (let i = 0; i < this.all.length && found.length < count; i++) {
      const j = i + random.below(this.all.length - i);
      const place = at(j);
      moved.set(j, at(i));
      if (this.take(place)) found.push(place);
    }
    return found;
  }

  best(count: number, scores: Float32Array): number[] {
    const order = Array.from(scores.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
    const found: number[] = [];
    for (const place of order) {
      if (found.length === count) break;
      if (this.take(place)) found.push(place);
    }
    return found;
  }

  /** Whether it may be a negative, and was not chosen before. */
  private take(place: number): boolean {
    const [mine, other] = [this.all[this.own] as Two, this.all[place] as Two];
    if (other.textKey === mine.textKey || this.chosen.has(other.pairKey)) return false;
    if (this.positives.has(JSON.stringify([mine.textKey, other.pairKey]))) return false;
    this.chosen.add(other.pairKey);
    return true;
  }
}
