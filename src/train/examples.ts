import type { HostTensor, HostTensors } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import type { LogitsCache, Wanted } from '../data/logits.js';
import { encodeRows } from '../data/pair.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import type { Counted } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { padTokens } from '../models/padding.js';
import type { Batch } from './batches.js';
import type { TargetEncoding } from './targets/encoding.js';
import { oneLabel } from './targets/one-label.js';

/** Names under which a batch's signal of one of the teachers is fed, the first being 0. */
export const teacherFeeds = (teacher: number) => ({
  logits: `teacher.${teacher}.logits`,
  hidden: (layer: number): string => `teacher.${teacher}.hidden.${layer}`,
  attention: (layer: number): string => `teacher.${teacher}.attention.${layer}`,
});

export type Counts = Readonly<Record<Counted, number>>;

/** What a training run asks of what there is to learn from. */
export type Learnable = Pick<Examples, 'rows' | 'length' | 'batch' | 'counts'> & {
  /** Texts that are computed for each row of a batch; one where it does not say. */
  readonly texts?: number;
};

/** Training rows as tokens with what they are to be answered with, and how to make a batch of them. */
export class Examples {
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

  /**
   * `ids`, `mask` [batch, length], of pairs `types` of the same shape, what the task's targets feed, and what is wanted
   * of each teacher, all padded to the batch size with rows that count for nothing.
   */
  batch(
    { rows, length }: Batch,
    batchSize: number,
    teachers: readonly LogitsCache[],
    wanted: readonly Wanted[],
  ): HostTensors {
    const tokens = rows.map((r) => this.tokens.ids(r));
    const seconds = this.tokens.pairs ? rows.map((r) => this.tokens.second(r)) : undefined;
    const said = teachers.map((cache, i) =>
      this.teacher(i, rows, tokens, length, batchSize, cache, wanted[i] as Wanted),
    );
    return Object.assign(
      {
        ...padTokens(tokens, batchSize, length, this.padId, seconds),
        ...this.targets.feeds(rows, batchSize, length),
      },
      ...said,
    );
  }

  /** How many things of each kind a batch has: what losses are means over. */
  counts({ rows }: Batch): Counts {
    const tokens = rows.map((row) => this.tokens.length(row));
    const asked = rows.map((row) => this.targets.counts(row));
    return {
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
    const { dtype, labels, teacher } = cache.index;
    const { hidden, heads } = teacher;
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
    for (const layer of wanted.attention) allocate(feeds.attention(layer), [batch, heads, length, length]);

    rows.forEach((r, i) => {
      const ids = tokens[i] as Int32Array;
      const signal = cache.read((this.rows[r] as Row).id, ids, wanted);
      const first = i * (perToken ? length : 1);
      for (let line = 0; signal.logits && line < signal.logits.length / width; line++) {
        for (const [k, from] of order.entries()) {
          into(feeds.logits)[(first + line) * width + k] = signal.logits[line * width + from] as number;
        }
      }
      for (const [layer, data] of signal.hiddenStates) into(feeds.hidden(layer)).set(data, i * length * hidden);
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
