import { type Backend, createRunner, type Runner } from '../backend/runner.js';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import { StepFailure } from '../util/failure.js';
import type { TransformerConfig } from './architecture.js';
import { describeTransformer, readParameters } from './checkpoint.js';
import { isTransformer } from './index.js';
import type { Parameters } from './initialize.js';

/** A model that tells hidden tokens, ready to. */
export interface MaskedModel {
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
  readonly tokenizer: TextTokenizer;
  readonly runner: Runner;
}

/** @throws StepFailure if the folder holds no model */
export async function isMasked(folder: string): Promise<boolean> {
  return (await isTransformer(folder)) && (await describeTransformer(folder)).config.head === 'masked-language-model';
}

/**
 * Loads the masked language model of an artifact folder; whoever asks releases its runner.
 * @throws StepFailure if it holds none
 */
export async function loadMasked(folder: string, backend: Backend, threads: number): Promise<MaskedModel> {
  if (!(await isMasked(folder))) {
    throw new StepFailure(
      'no-masked-model',
      `the model in ${folder} tells no hidden tokens`,
      'Train one with task: masked-language-model, or import one (BertForMaskedLM and the like).',
    );
  }
  const { config } = await describeTransformer(folder);
  const parameters = await readParameters(folder, config, new Set());
  const tokenizer = await loadTokenizer(folder);
  return { config, parameters, tokenizer, runner: await createRunner(backend, threads) };
}
