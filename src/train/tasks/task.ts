import type { HostTensors, Runner } from '../../backend/runner.js';
import type { Row } from '../../data/dataset.js';
import type { TextTokenizer } from '../../data/tokenizer.js';
import type { StepContext } from '../../engine/step.js';
import type { Head, TransformerConfig } from '../../models/architecture.js';
import type { TrainedOn, WrittenFrom } from '../../models/checkpoint.js';
import type { Similarity } from '../../models/sentence-encoder.js';
import type { Stage, TrainOptions } from '../../options/train.js';
import type { Learnable } from '../examples.js';
import type { Judge, Metric } from '../validate.js';

/** What a model is to learn of a dataset: to tell labels apart, or to write. */
export interface Task {
  readonly name: TrainOptions['task'];
  readonly head: Exclude<Head, 'none'>;
  /** It is to read two texts at once. */
  readonly pairs?: true;
  /** As many as its head has outputs; none if it writes. */
  readonly labels: readonly string[];
  /** By which `validate` judges where it does not say; all that it may name. */
  readonly metrics: readonly [Metric, ...Metric[]];
  examples(rows: readonly Row[], tokenizer: TextTokenizer, config: TransformerConfig): Promise<Learnable>;
  judge(rows: readonly Row[], tokenizer: TextTokenizer, config: TransformerConfig): Promise<Judge>;
  trainedOn(rows: readonly Row[], stages: readonly Stage[]): TrainedOn;
  written(tokenizer: TextTokenizer): Promise<WrittenFrom | undefined>;
  /** Of one that compares vectors: how their cosine says whether two texts belong together, by rows that say it. */
  similarity?(
    rows: readonly Row[],
    tokenizer: TextTokenizer,
    runner: Runner,
    config: TransformerConfig,
    parameters: HostTensors,
  ): Promise<Similarity>;
}

/** What a task may look at before there is a model. */
export type TaskContext = Pick<StepContext<TrainOptions>, 'options' | 'log' | 'seed'>;
