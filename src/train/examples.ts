import type { HostTensor, HostTensors } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import type { LogitsCache, Wanted } from '../data/logits.js';
import { encodeRows } from '../data/pair.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import type { Counted } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { padTokens } from '../models/padding.js';
import type { Batch } from './batches.js';

/** Names under which a batch's signal of one of the teachers is fed, the first being 0. */
export const teacherFeeds = (teacher: number) => ({
  logits: `teacher.${teacher}.logits`,
  hidden: (layer: number): string => `teacher.${teacher}.hidden.${layer}`,
  attention: (layer: number): string => `teacher.${teacher}.attention.${layer}`,
});

export type Counts = Readonly<Record<Counted, number>>;

/** What a training run asks of what there is to learn from. */
export type Learnable = Pick<Examples, 'rows' | 'length' | 'batch' | 'counts'>;

/** Training rows as tokens, and how to make a batch of them. */
export class Examples {
  private constructor(
    readonly rows: readonly Row[],
    private readonly tokens: EncodedBatch,
    private readonly labels: readonly string[],
    private readonly config: Pick<TransformerConfig, 'padId' | 'pairs'>,
  ) {}

  static async encode(
    rows: readonly Row[],
    labels: readonly string[],
    tokenizer: TextTokenizer,
    config: Pick<TransformerConfig, 'maxLength' | 'padId' | 'pairs'>,
  ): Promise<Examples> {
    return new Examples(rows, await encodeRows(rows, tokenizer, config), labels, config);
  }

  length(row: number): number {
    return this.tokens.length(row);
  }

  /**
   * `ids`, `mask` [batch, length], of pairs `types` of the same shape, `rows` [batch] (1 = real), `labels` one-hot [batch, labels], and what is wanted of
   * each teacher, all padded to the batch size with rows that count for nothing.
   */
  batch(
    { rows, length }: Batch,
    batchSize: number,
    teachers: readonly LogitsCache[],
    wanted: readonly Wanted[],
  ): HostTensors {
    const tokens = rows.map((r) => this.tokens.ids(r));
    const { padId, pairs } = this.config;
    const seconds = pairs && rows.map((r) => this.tokens.second(r));
    const real = new Float32Array(batchSize).fill(1, 0, rows.length);
    const labels = new Float32Array(batchSize * this.labels.length);
    rows.forEach((r, i) => {
      const { label } = this.rows[r] as Row;
      if (label !== null) labels[i * this.labels.length + this.labels.indexOf(label)] = 1;
    });
    const said = teachers.map((cache, i) =>
      this.teacher(i, rows, tokens, length, batchSize, cache, wanted[i] as Wanted),
    );
    return Object.assign(
      {
        ...padTokens(tokens, batchSize, length, padId, seconds),
        rows: { dtype: 'float32', shape: [batchSize], data: real },
        labels: { dtype: 'float32', shape: [batchSize, this.labels.length], data: labels },
      },
      ...said,
    );
  }

  /** How many things of each kind a batch has: what losses are means over. */
  counts({ rows }: Batch): Counts {
    const tokens = rows.map((row) => this.tokens.length(row));
    return {
      rows: rows.length,
      labels: rows.filter((row) => (this.rows[row] as Row).label !== null).length,
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
    const order = this.labels.map((label) => labels.indexOf(label));
    if (wanted.logits) allocate(feeds.logits, [batch, this.labels.length]);
    for (const layer of wanted.hiddenStates) allocate(feeds.hidden(layer), [batch, length, hidden]);
    for (const layer of wanted.attention) allocate(feeds.attention(layer), [batch, heads, length, length]);

    rows.forEach((r, i) => {
      const own = tokens[i] as Int32Array;
      const signal = cache.read((this.rows[r] as Row).id, own, wanted);
      for (const [k, from] of order.entries()) {
        if (signal.logits) into(feeds.logits)[i * order.length + k] = signal.logits[from] as number;
      }
      for (const [layer, data] of signal.hiddenStates) into(feeds.hidden(layer)).set(data, i * length * hidden);
      for (const [layer, data] of signal.attention) {
        // Unpadded [heads, tokens, tokens] into padded [heads, length, length]: one line of scores at a time.
        const target = into(feeds.attention(layer));
        const n = own.length;
        for (let line = 0; line < heads * n; line++) {
          const head = Math.floor(line / n);
          target.set(data.subarray(line * n, (line + 1) * n), ((i * heads + head) * length + (line % n)) * length);
        }
      }
    });
    return tensors;
  }
}
