import type { HostTensor, HostTensors } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import type { LogitsCache } from '../data/logits.js';
import { pairOf } from '../data/pair.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import { padTokens } from '../models/padding.js';
import { unitRows } from '../models/similarity.js';
import type { Batch } from './batches.js';
import { type Group, groupsOf, Known } from './candidates.js';
import { type Counts, knownRows, type Learnable, type Making, teacherFeeds } from './examples.js';
import { MATCH } from './match-feeds.js';

const EMPTY = new Int32Array(0);

/** Texts with their candidates as tokens: an example is a group, and a batch so many texts and all their candidates. */
export class MatchExamples implements Learnable {
  /** The first row of each group. */
  readonly rows: readonly Row[];
  readonly texts: number;
  /** Candidates that each text has room for. */
  private readonly room: number;

  private constructor(
    private readonly groups: readonly Group[],
    private readonly known: Known,
    private readonly tokens: EncodedBatch,
    /** Where a text's tokens are. */
    private readonly place: ReadonlyMap<string, number>,
    /** Of pairs that do not belong together, and of those that do. */
    private readonly labels: readonly [string, string],
    private readonly padId: number,
  ) {
    this.rows = groups.map(({ candidates }) => candidates[0] as Row);
    this.room = groups.reduce((most, { candidates }) => Math.max(most, candidates.length), 1);
    this.texts = 1 + this.room;
  }

  static async encode(
    rows: readonly Row[],
    labels: readonly [string, string],
    tokenizer: TextTokenizer,
    { maxLength, padId }: Pick<TransformerConfig, 'maxLength' | 'padId'>,
  ): Promise<MatchExamples> {
    const groups = groupsOf(rows, labels[1]);
    const texts = [...new Set(rows.flatMap((row) => [row.text, pairOf(row)]))];
    const place = new Map(texts.map((text, i) => [text, i]));
    const tokens = await tokenizer.encode(texts, maxLength);
    return new MatchExamples(groups, new Known(rows), tokens, place, labels, padId);
  }

  /** Tokens of the longest text of a group. */
  length(row: number): number {
    const { text, candidates } = this.groups[row] as Group;
    const own = (each: string): number => this.tokens.length(this.place.get(each) as number);
    return candidates.reduce((most, candidate) => Math.max(most, own(pairOf(candidate))), own(text));
  }

  labelled(row: number): boolean {
    return (this.groups[row] as Group).answered;
  }

  /**
   * `ids`, `mask` [(1 + candidates) · batch, length], the texts first and then each one's candidates; `rows` [batch]
   * (1 = real); which candidates belong to which text, under the names of `MATCH`; and of each teacher that is wanted the
   * scores of the candidates, [batch, candidates]: the logit of belonging together less that of not; and where they are
   * wanted its vectors of the texts, [batch, width], and of the candidates, [batch · candidates, width], of length 1.
   */
  batch({ rows, length }: Batch, size: number, { caches, wanted, partial }: Making): HostTensors {
    const groups = rows.map((r) => this.groups[r] as Group);
    const texts: Int32Array[] = Array.from({ length: size * this.texts }, () => EMPTY);
    const ids = (text: string): Int32Array => this.tokens.ids(this.place.get(text) as number);
    groups.forEach(({ text, candidates }, b) => {
      texts[b] = ids(text);
      candidates.forEach((row, c) => {
        texts[size + b * this.room + c] = ids(pairOf(row));
      });
    });
    const said = caches.map((cache, i) => ({
      ...(cache && wanted[i]?.logits && this.scores(i, groups, size, cache)),
      ...(cache && wanted[i]?.vectors && this.vectors(i, groups, size, cache)),
      ...(cache && partial[i] && { [teacherFeeds(i).rows]: knownRows(rows, this.rows, size, cache) }),
    }));
    const real = { dtype: 'float32', shape: [size], data: new Float32Array(size).fill(1, 0, rows.length) } as const;
    return Object.assign(
      { ...padTokens(texts, texts.length, length, this.padId), rows: real, ...this.relations(groups, size) },
      ...said,
    );
  }

  /** Answered groups count as labelled rows; the rest is of texts that stand alone. */
  counts({ rows: all }: Batch, teacher?: LogitsCache): Counts {
    const rows = teacher ? all.filter((row) => teacher.has((this.rows[row] as Row).id)) : all;
    const answered = rows.filter((r) => (this.groups[r] as Group).answered).length;
    const nothing = { texts: rows.length, tokens: 0, 'written-tokens': 0, 'token-pairs': 0, 'causal-pairs': 0 };
    return { rows: rows.length, labels: answered, ...nothing };
  }

  private relations(groups: readonly Group[], size: number): HostTensors {
    const all = size * this.room;
    const [real, negatives] = [new Float32Array(all), new Float32Array(all)];
    const [targets, compared] = [new Float32Array(size * all), new Float32Array(size * all)];
    groups.forEach(({ text, candidates, answered }, b) => {
      candidates.forEach(({ label }, c) => {
        real[b * this.room + c] = 1;
        if (label === this.labels[0]) negatives[b * this.room + c] = 1;
      });
      if (!answered) return;
      const target = b * all + b * this.room;
      [targets[target], compared[target]] = [1, 1];
      groups.forEach((other, o) => {
        other.candidates.forEach((row, c) => {
          const label = this.known.label(text, pairOf(row));
          // What is another text's, and nobody said belongs to this one, does not.
          if (label === this.labels[0] || label === undefined) compared[b * all + o * this.room + c] = 1;
        });
      });
    });
    const tensor = (shape: readonly number[], data: Float32Array): HostTensor => ({ dtype: 'float32', shape, data });
    return {
      [MATCH.real]: tensor([size, this.room], real),
      [MATCH.negatives]: tensor([size, this.room], negatives),
      [MATCH.targets]: tensor([size, all], targets),
      [MATCH.compared]: tensor([size, all], compared),
    };
  }

  private scores(place: number, groups: readonly Group[], size: number, cache: LogitsCache): HostTensors {
    const [no, yes] = this.labels.map((label) => cache.index.labels.indexOf(label)) as [number, number];
    const data = new Float32Array(size * this.room);
    groups.forEach(({ candidates }, b) => {
      // A teacher that knows the first of a group was asked about all, or of none is learnt.
      if (!cache.has((candidates[0] as Row).id)) return;
      candidates.forEach(({ id }, c) => {
        const logits = cache.classLogits(id);
        data[b * this.room + c] = (logits[yes] as number) - (logits[no] as number);
      });
    });
    return { [teacherFeeds(place).logits]: { dtype: 'float32', shape: [size, this.room], data } };
  }

  private vectors(place: number, groups: readonly Group[], size: number, cache: LogitsCache): HostTensors {
    const width = cache.index.vectors as number;
    const texts = new Float32Array(size * width);
    const candidates = new Float32Array(size * this.room * width);
    groups.forEach((group, b) => {
      group.candidates.forEach(({ id }, c) => {
        if (!cache.has(id)) return;
        const both = cache.pairVectors(id);
        if (c === 0) texts.set(both.subarray(0, width), b * width);
        candidates.set(both.subarray(width), (b * this.room + c) * width);
      });
    });
    const tensor = (data: Float32Array): HostTensor => ({
      dtype: 'float32',
      shape: [data.length / width, width],
      data: unitRows(data, width),
    });
    return { [teacherFeeds(place).texts]: tensor(texts), [teacherFeeds(place).candidates]: tensor(candidates) };
  }
}
