import type { HostTensors, Runner } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import type { TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import { meanLoss, surpriseOf } from '../models/continuations.js';
import { MaskedTexts } from '../models/masked-texts.js';
import { StepFailure } from '../util/failure.js';
import type { Batch } from './batches.js';
import type { Counts, Learnable, Making } from './examples.js';
import type { Judge, Metric } from './validate.js';

/** @throws StepFailure `no-rows` if no row has a token to tell, `no-mask` */
async function encode(
  input: 'data' | 'validation',
  rows: readonly Row[],
  tokenizer: TextTokenizer,
  { maxLength }: Pick<TransformerConfig, 'maxLength'>,
  seed: number,
): Promise<{ readonly rows: readonly Row[]; readonly texts: MaskedTexts }> {
  const some = rows.filter(({ text }) => text.trim() !== '');
  if (some.length === 0) throw new StepFailure('no-rows', `no row of the input "${input}" has a text`);
  const tokens = await tokenizer.encode(
    some.map(({ text }) => text),
    maxLength,
  );
  const ids = some.map(({ id }) => id);
  return { rows: some, texts: new MaskedTexts(tokens, ids, tokenizer, seed) };
}

/** Texts whose hidden tokens are to be told, hidden anew in each batch. */
export class MaskedExamples implements Learnable {
  private constructor(
    readonly rows: readonly Row[],
    private readonly masked: MaskedTexts,
    private readonly padId: number,
  ) {}

  static async encode(
    rows: readonly Row[],
    tokenizer: TextTokenizer,
    config: Pick<TransformerConfig, 'maxLength' | 'padId'>,
    seed: number,
  ): Promise<MaskedExamples> {
    const found = await encode('data', rows, tokenizer, config, seed);
    return new MaskedExamples(found.rows, found.texts, config.padId);
  }

  length(row: number): number {
    return this.masked.length(row);
  }

  labelled(): boolean {
    return false;
  }

  batch({ rows, length }: Batch, batchSize: number, { random }: Pick<Making, 'random'>): HostTensors {
    const room = this.masked.room(batchSize)(rows, length);
    const real = new Float32Array(batchSize).fill(1, 0, rows.length);
    return {
      ...this.masked.feeds(rows, batchSize, length, room, this.padId, random('masks')),
      rows: { dtype: 'float32', shape: [batchSize], data: real },
    };
  }

  counts({ rows }: Batch): Counts {
    const sum = (of: (row: number) => number): number => rows.reduce((total, row) => total + of(row), 0);
    return {
      texts: rows.length,
      rows: rows.length,
      labels: 0,
      tokens: sum((row) => this.length(row)),
      'written-tokens': sum((row) => this.masked.count(row)),
      'token-pairs': sum((row) => this.length(row) ** 2),
      'causal-pairs': sum((row) => (this.length(row) * (this.length(row) + 1)) / 2),
    };
  }
}

/** Texts by whose hidden tokens, the same in each evaluation, a model is judged while it learns. */
export class MaskedValidation implements Judge {
  private constructor(private readonly texts: MaskedTexts) {}

  static async encode(
    rows: readonly Row[],
    tokenizer: TextTokenizer,
    config: Pick<TransformerConfig, 'maxLength'>,
    seed: number,
  ): Promise<MaskedValidation> {
    return new MaskedValidation((await encode('validation', rows, tokenizer, config, seed)).texts);
  }

  /** Mean cross-entropy of the hidden tokens in nats, or its exponential. */
  async measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const mean = meanLoss(await surpriseOf(runner, config, parameters, this.texts));
    return metric === 'perplexity' ? Math.exp(mean) : mean;
  }
}
