import type { HostTensors, Runner } from '../../backend/runner.js';
import { type DatasetInfo, type Row, realLabels } from '../../data/dataset.js';
import { checkManyLabels, presenceOf } from '../../data/many-labels.js';
import type { EncodedBatch, TextTokenizer } from '../../data/tokenizer.js';
import { classifyTexts } from '../../models/answers.js';
import type { TransformerConfig } from '../../models/architecture.js';
import { labelsAbove, labelsQuality } from '../../report/many-labels.js';
import { StepFailure } from '../../util/failure.js';
import { Examples, tokensOf } from '../examples.js';
import { manyLabels } from '../targets/many-labels.js';
import type { Judge, Metric } from '../validate.js';
import { isTaught } from './classification.js';
import type { Task } from './task.js';

/** Any number of labels for a text. */
export function multiLabel(info: DatasetInfo): Task {
  const { labels } = info;
  if (labels.length === 0) {
    throw new StepFailure(
      'labels',
      'a model for task "multi-label" needs labels, and the data has none',
      'A jsonl source reads them from the field that its option labels names.',
    );
  }
  return {
    name: 'multi-label',
    head: 'multi-label',
    labels,
    metrics: ['micro_f1', 'macro_f1', 'accuracy', 'loss'],
    async examples(rows, tokenizer, config) {
      const tokens = await tokensOf(rows, tokenizer, config);
      return new Examples(rows, tokens, manyLabels(rows, labels), config.padId);
    },
    judge: (rows, tokenizer, config) => LabelsValidation.encode(rows, labels, tokenizer, config),
    trainedOn(rows, stages) {
      const labelled = rows.filter((row) => row.labels !== undefined);
      return {
        rows: isTaught(stages) ? rows.length : labelled.length,
        labelled: info.labelled_by === undefined ? labelled.length : realLabels(info, labelled),
      };
    },
    written: async () => undefined,
  };
}

/** Rows with labels that a model is judged by while it learns. */
class LabelsValidation implements Judge {
  private constructor(
    private readonly tokens: EncodedBatch,
    /** Of each row, 1 for a label that it has. */
    private readonly truth: readonly Uint8Array[],
    private readonly labels: readonly string[],
  ) {}

  /** @throws StepFailure if no row's labels are known, or one has a label that the model does not know */
  static async encode(
    rows: readonly Row[],
    labels: readonly string[],
    tokenizer: TextTokenizer,
    config: TransformerConfig,
  ): Promise<LabelsValidation> {
    const labelled = rows.filter((row) => row.labels !== undefined);
    if (labelled.length === 0) throw new StepFailure('no-rows', 'no row of the input "validation" has labels');
    checkManyLabels(labelled, labels, 'validation', 'the training data');
    const truth = labelled.map((row) => presenceOf(row, labels));
    return new LabelsValidation(await tokensOf(labelled, tokenizer, config), truth, labels);
  }

  async measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const n = this.labels.length;
    const logits = await classifyTexts(runner, config, parameters, this.tokens);
    if (metric === 'loss') {
      // −log σ(z), or −log σ(−z): softplus(z) − z where the label is there.
      const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
      return (
        logits.reduce((sum, z, i) => sum + softplus(z) - (this.truth[Math.floor(i / n)]?.[i % n] ? z : 0), 0) /
        logits.length
      );
    }
    const predicted = this.truth.map((_, row) => labelsAbove(logits.subarray(row * n, (row + 1) * n)));
    const { microF1, macroF1, accuracy } = labelsQuality(this.truth, predicted, this.labels);
    return metric === 'accuracy' ? accuracy : metric === 'macro_f1' ? macroF1 : microF1;
  }
}
