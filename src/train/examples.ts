import type { HostTensor, HostTensors } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import { type LogitsCache, valuesWidth, type Wanted } from '../data/logits.js';
import { encodeRows } from '../data/pair.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import type { Counted } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { padTokens } from '../models/padding.js';
import type { Random } from '../util/random.js';
import type { Batch } from './batches.js';
import type { Asked } from './objective-parts.js';
import type { Rollouts } from './rollouts.js';
import type { TargetEncoding } from './targets/encoding.js';
import { oneLabel } from './targets/one-label.js';

/** Names under which a batch's signal of one of the teachers is fed, the first being 0. */
export const teacherFeeds = (teacher: number) => ({
  rows: `teacher.${teacher}.rows`,
  logits: `teacher.${teacher}.logits`,
  texts: `teacher.${teacher}.texts`,
  candidates: `teacher.${teacher}.candidates`,
  hidden: (layer: number): string => `teacher.${teacher}.hidden.${layer}`,
  attention: (layer: number): string => `teacher.${teacher}.attention.${layer}`,
  values: (layer: number): string => `teacher.${teacher}.values.${layer}`,
});

export type Counts = Readonly<Record<Counted, number>>;

/** What goes into a batch besides its rows. */
export interface Making {
  /** What each teacher said; undefined of one that is asked in the graph. */
  readonly caches: readonly (LogitsCache | undefined)[];
  /** What is wanted of each. */
  readonly wanted: readonly Asked[];
  /** Of each whether it knows only some of the rows. */
  readonly partial: readonly boolean[];
  /** What the student wrote instead of the rows' own texts; undefined: it learns of these. */
  readonly rollouts?: Rollouts | undefined;
  /** Numbers of this batch's own, the same in whatever order batches are made. */
  readonly random: (purpose: string) => Random;
}

/** What a training run asks of what there is to learn from. */
export interface Learnable {
  /** The row of each example. */
  readonly rows: readonly Row[];
  /** Texts that are computed for each example; one where it does not say. */
  readonly texts?: number;
  /** Tokens of an example. */
  length(example: number): number;
  /** Whether it has a real label. */
  labelled(example: number): boolean;
  /** Of what a model writes: the tokens that are given. */
  prompt?(example: number): Int32Array;
  batch(batch: Batch, batchSize: number, making: Making): HostTensors;
  /** How many things of each kind a batch has, of the rows that a teacher knows: what losses are means over. */
  counts(batch: Batch, teacher?: LogitsCache): Counts;
}

/** The tokens of rows' texts, as many as a model reads. */
export const tokensOf = (
  rows: readonly Row[],
  tokenizer: TextTokenizer,
  { maxLength }: Pick<TransformerConfig, 'maxLength'>,
): Promise<EncodedBatch> =>
  tokenizer.encode(
    rows.map((r) => r.text),
    maxLength,
  );

/** Training rows as tokens with what they are to be answered with, and how to make a batch of them. */
export class Examples implements Learnable {
  constructor(
    readonly rows: readonly Row[],
    private readonly tokens: EncodedBatch,
    private readonly targets: TargetEncoding,
    private readonly padId: number,
  ) {}

  /** Texts that have one of some labels. */
  static async encode(
    rows: readonly Row[],
    labels: readonly string[],
    tokenizer: TextTokenizer,
    config: Pick<TransformerConfig, 'maxLength' | 'padId' | 'pairs'>,
  ): Promise<Examples> {
    return new Examples(rows, await encodeRows(rows, tokenizer, config), oneLabel(rows, labels), config.padId);
  }

  length(row: number): number {
    return this.tokens.length(row);
  }

  labelled(row: number): boolean {
    return this.targets.counts(row).labels > 0;
  }

  /**
   * `ids`, `mask` [batch, length], of pairs `types` of the same shape, what the task's targets feed, and what is wanted
   * of each teacher, all padded to the batch size with rows that count for nothing; of a teacher that knows only some of
   * the rows also which [batch].
   */
  batch({ rows, length }: Batch, batchSize: number, { caches, wanted, partial }: Making): HostTensors {
    const tokens = rows.map((r) => this.tokens.ids(r));
    const seconds = this.tokens.pairs ? rows.map((r) => this.tokens.second(r)) : undefined;
    const said = caches.map((cache, i) => ({
      ...(cache && this.teacher(i, rows, tokens, length, batchSize, cache, wanted[i] as Wanted)),
      ...(cache && partial[i] && { [teacherFeeds(i).rows]: knownRows(rows, this.rows, batchSize, cache) }),
    }));
    return Object.assign(
      {
        ...padTokens(tokens, batchSize, length, this.padId, seconds),
        ...this.targets.feeds(rows, batchSize, length),
      },
      ...said,
    );
  }

  counts({ rows: all }: Batch, teacher?: LogitsCache): Counts {
    const rows = teacher ? all.filter((row) => teacher.has((this.rows[row] as Row).id)) : all;
    const tokens = rows.map((row) => this.tokens.length(row));
    const asked = rows.map((row) => this.targets.counts(row));
    return {
      texts: rows.length,
      rows: asked.reduce((sum, each) => sum + each.rows, 0),
      labels: asked.reduce((sum, each) => sum + each.labels, 0),
      tokens: tokens.reduce((sum, n) => sum + n, 0),
      'written-tokens': 0,
      'token-pairs': tokens.reduce((sum, n) => sum + n * n, 0),
      'causal-pairs': tokens.reduce((sum, n) => sum + (n * (n + 1)) / 2, 0),
    };
  }

  private teacher(
    place: number,
    rows: readonly number[],
    tokens: readonly Int32Array[],
    length: number,
    batch: number,
    cache: LogitsCache,
    wanted: Wanted,
  ): HostTensors {
    const { dtype, labels, teacher, values } = cache.index;
    const { hidden, heads } = teacher;
    const valued = values ? valuesWidth(values) : 0;
    const feeds = teacherFeeds(place);
    const tensors: Record<string, HostTensor & { data: Float32Array | Uint16Array }> = {};
    const allocate = (name: string, shape: readonly number[]): void => {
      const size = shape.reduce((a, b) => a * b, 1);
      tensors[name] = { dtype, shape, data: dtype === 'float16' ? new Uint16Array(size) : new Float32Array(size) };
    };
    const into = (name: string) => (tensors[name] as { data: Float32Array | Uint16Array }).data;
    // The teacher may have the same labels in another order.
    const { labels: own, perToken } = this.targets;
    const order = own.map((label) => labels.indexOf(label));
    const width = order.length;
    if (wanted.logits) allocate(feeds.logits, perToken ? [batch, length, width] : [batch, width]);
    for (const layer of wanted.hiddenStates) allocate(feeds.hidden(layer), [batch, length, hidden]);
    for (const layer of wanted.values ?? []) allocate(feeds.values(layer), [batch, length, valued]);
    for (const layer of wanted.attention) allocate(feeds.attention(layer), [batch, heads, length, length]);

    rows.forEach((r, i) => {
      const ids = tokens[i] as Int32Array;
      const { id } = this.rows[r] as Row;
      if (!cache.has(id)) return;
      const signal = cache.read(id, ids, wanted);
      const first = i * (perToken ? length : 1);
      for (let line = 0; signal.logits && line < signal.logits.length / width; line++) {
        for (const [k, from] of order.entries()) {
          into(feeds.logits)[(first + line) * width + k] = signal.logits[line * width + from] as number;
        }
      }
      for (const [layer, data] of signal.hiddenStates) into(feeds.hidden(layer)).set(data, i * length * hidden);
      for (const [layer, data] of signal.values) into(feeds.values(layer)).set(data, i * length * valued);
      for (const [layer, data] of signal.attention) {
        // Unpadded [heads, tokens, tokens] into padded [heads, length, length]: one line of scores at a time.
        const target = into(feeds.attention(layer));
        const n = ids.length;
        for (let line = 0; line < heads * n; line++) {
          const head = Math.floor(line / n);
          target.set(data.subarray(line * n, (line + 1) * n), ((i * heads + head) * length + (line % n)) * length);
        }
      }
    });
    return tensors;
  }
}

/** 1 for each row of a batch that a teacher knows: [batch]. */
export function knownRows(
  batch: readonly number[],
  rows: readonly Row[],
  batchSize: number,
  cache: LogitsCache,
): HostTensor {
  const data = new Float32Array(batchSize);
  batch.forEach((row, i) => {
    data[i] = Number(cache.has((rows[row] as Row).id));
  });
  return { dtype: 'float32', shape: [batchSize], data };
}
