import type { HostTensors, Runner } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import { encodeRows } from '../data/pair.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import { classifyTexts } from '../models/answers.js';
import type { TransformerConfig } from '../models/architecture.js';
import type { Validate } from '../options/train.js';
import { argmaxRows, confusionOf, crossEntropyOf, qualityOf } from '../report/metrics.js';
import { StepFailure } from '../util/failure.js';

export type Metric = NonNullable<Validate['metric']>;

/** What a model is judged by while it learns. */
export interface Judge {
  measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number>;
}

/** Metrics of which less is better. */
const LESS: ReadonlySet<Metric> = new Set(['loss', 'perplexity', 'mae', 'rmse']);

/** Whether the first value of a metric is better than the second. */
export const isBetter = (metric: Metric, a: number, b: number): boolean => (LESS.has(metric) ? a < b : a > b);

/** Rows with labels that a model is judged by while it learns. */
export class Validation implements Judge {
  private constructor(
    private readonly tokens: EncodedBatch,
    /** Index of each row's label. */
    private readonly truth: Int32Array,
    private readonly labels: readonly string[],
  ) {}

  /** @throws StepFailure if no row has a label, or one has a label that the model does not know */
  static async encode(
    rows: readonly Row[],
    labels: readonly string[],
    tokenizer: TextTokenizer,
    config: Pick<TransformerConfig, 'maxLength' | 'pairs'>,
  ): Promise<Validation> {
    const labelled = rows.filter((row) => row.label !== null);
    if (labelled.length === 0) throw new StepFailure('no-rows', 'no row of the input "validation" has a label');
    const strange = labelled.find((row) => !labels.includes(row.label as string));
    if (strange) {
      const message = `the input "validation" has the label "${strange.label}", which the training data has not`;
      throw new StepFailure('labels', message);
    }
    const tokens = await encodeRows(labelled, tokenizer, config);
    const truth = Int32Array.from(labelled, (row) => labels.indexOf(row.label as string));
    return new Validation(tokens, truth, labels);
  }

  async measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const logits = await classifyTexts(runner, config, parameters, this.tokens);
    if (metric === 'loss') return crossEntropyOf(this.truth, logits, this.labels.length);
    const predicted = argmaxRows(logits, this.labels.length);
    const quality = qualityOf(confusionOf(this.truth, predicted, this.labels.length), this.labels);
    return metric === 'accuracy' ? quality.accuracy : quality.macroF1;
  }
}
