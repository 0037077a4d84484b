import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/runner.js';
import { architectures } from '../models/architectures.js';
import { describeTransformer } from '../models/checkpoint.js';
import { typeOf } from '../models/family.js';
import { recipeOf } from '../models/sentence-encoder.js';
import { StepFailure } from '../util/failure.js';
import { tryLabels, trySimilarity, tryVectors } from './classifiers.js';
import { tryManyLabels, tryScore } from './numbers.js';
import { tryTags } from './tags.js';
import type { Trial } from './trial.js';
import { tryWriter } from './writer.js';

export interface TrialOptions {
  readonly backend: Backend;
  readonly threads: number;
  /** Tokens that a language model writes, at most. */
  readonly most: number;
}

/**
 * Loads the model of a folder that a recipe made, whatever its task, and lets it answer once: the first answer takes longer
 * than the others.
 * @throws StepFailure if there is none, or none that answers texts
 */
export async function loadTrial(folder: string, options: TrialOptions): Promise<Trial> {
  const trial = await load(folder, options);
  await trial.answer({ text: 'a', pair: 'b' });
  return trial;
}

async function load(folder: string, { backend, threads, most }: TrialOptions): Promise<Trial> {
  if (!(await stat(join(folder, 'recipe.json')).catch(() => undefined))) {
    throw new StepFailure(
      'no-model',
      `${folder} holds no model that recipe has made: there is no recipe.json`,
      'Name a folder such as out/<recipe>/<output>; a model of others becomes one by the step import-model.',
    );
  }
  const { type } = await typeOf(folder);
  if ((await recipeOf(folder)).similarity !== undefined) return trySimilarity(folder, backend, threads);
  if (!architectures.some((architecture) => architecture.type === type)) return tryLabels(folder, backend, threads);
  const { config } = await describeTransformer(folder);
  switch (config.head) {
    case 'classifier':
      return tryLabels(folder, backend, threads);
    case 'multi-label':
      return tryManyLabels(folder, backend, threads);
    case 'regression':
      return tryScore(folder, backend, threads);
    case 'token-classifier':
      return tryTags(folder, backend, threads);
    case 'none':
    case 'embedding':
      return tryVectors(folder, backend, threads);
    case 'language-model':
      return tryWriter(folder, backend, threads, most);
    case 'masked-language-model':
      throw new StepFailure(
        'task',
        `the ${config.type} in ${folder} tells hidden tokens, and answers no texts`,
        'Train a model on it that does: train with "init" and another task.',
      );
  }
}
