import { type Backend, createRunner } from '../backend/runner.js';
import { loadTokenizer } from '../data/tokenizer.js';
import { StepFailure } from '../util/failure.js';
import { classifyTexts } from './answers.js';
import { countParameters, describeTransformer, loadTransformer } from './checkpoint.js';
import { weightBytes } from './weights.js';

/** A trained model that gives a text any of its labels, or a score. */
export interface TextModel {
  readonly type: string;
  /** Order of the logits; of a score its name. */
  readonly labels: readonly string[];
  /** Trainable numbers, embeddings included. */
  readonly parameters: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  /** What it says of each text, row-major [texts, labels]: a label's logit, or the score. */
  logits(texts: readonly string[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Loads an artifact folder's model that was trained with that head.
 * @throws StepFailure `task` if it was trained for something else
 */
export async function loadTextModel(
  folder: string,
  head: 'multi-label' | 'regression',
  backend: Backend,
  threads: number,
): Promise<TextModel> {
  const { config: described } = await describeTransformer(folder);
  if (described.head !== head) {
    throw new StepFailure(
      'task',
      `the ${described.type} in ${folder} was not trained for task: ${head}`,
      `Train it first: a train step with task: ${head}.`,
    );
  }
  const { config, labels, parameters } = await loadTransformer(folder);
  const tokenizer = await loadTokenizer(folder);
  const runner = await createRunner(backend, threads);
  return {
    type: config.type,
    labels,
    parameters: countParameters(parameters),
    bytes: await weightBytes(folder),
    async logits(texts) {
      return classifyTexts(runner, config, parameters, await tokenizer.encode(texts, config.maxLength));
    },
    close: () => runner.release(),
  };
}
