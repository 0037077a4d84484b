import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Backend, createRunner, type Runner } from '../backend/runner.js';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import { StepFailure } from '../util/failure.js';
import type { TransformerConfig } from './architecture.js';
import { countParameters, loadTransformer } from './checkpoint.js';
import type { Parameters } from './initialize.js';
import { weightBytes } from './weights.js';

/** A model that writes, ready to. */
export interface LanguageModel {
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
  readonly tokenizer: TextTokenizer;
  /** Ends what it writes. */
  readonly endId: number;
  /** Behind what it learnt to write responses; undefined: it learnt texts as a whole. */
  readonly prompt: string | undefined;
  /** Trainable numbers, embeddings included. */
  readonly size: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  readonly runner: Runner;
}

/**
 * Loads the language model of an artifact folder; whoever asks releases its runner.
 * @throws StepFailure if it holds none
 */
export async function loadLanguageModel(folder: string, backend: Backend, threads: number): Promise<LanguageModel> {
  const { config, parameters } = await loadTransformer(folder);
  const tokenizer = await loadTokenizer(folder);
  const endId = config.eosId ?? tokenizer.endId;
  if (config.head !== 'language-model' || endId === null) {
    throw new StepFailure(
      'no-writer',
      `the ${config.type} in ${folder} ${endId === null ? 'has no token that ends a text' : 'is no language model'}`,
      'Train it with task: generation.',
    );
  }
  const { prompt } = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { prompt?: string };
  return {
    config,
    parameters,
    tokenizer,
    endId,
    prompt,
    size: countParameters(parameters),
    bytes: await weightBytes(folder),
    runner: await createRunner(backend, threads),
  };
}
