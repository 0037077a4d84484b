import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { architectures } from './architectures.js';
import { logisticFamily } from './logistic.js';
import type { Predictor, PredictorFamily } from './predictor.js';
import { transformerFamily } from './transformer-predictor.js';

/** Every kind of model there is. */
export const families: readonly PredictorFamily[] = [...architectures.map(transformerFamily), logisticFamily];

/**
 * Loads the model of an artifact folder, of whatever family `recipe.json` there names.
 *
 * @throws StepFailure when the folder holds no model or one of an unknown family
 */
export async function loadPredictor(folder: string, backend: Backend, threads: number): Promise<Predictor> {
  const { file, type } = await typeOf(folder);
  const family = families.find((candidate) => candidate.type === type);
  if (family === undefined) {
    throw new StepFailure(
      'unknown-model-type',
      `${file} names the model type ${JSON.stringify(type) ?? 'undefined'}, which is none of ${families.map((known) => known.type).join(', ')}`,
      'It was perhaps made by a newer version of recipe.',
    );
  }
  return family.load(folder, backend, threads);
}

/**
 * Whether the model of an artifact folder is a transformer, which has layers to look at.
 *
 * @throws StepFailure when the folder holds no model
 */
export async function isTransformer(folder: string): Promise<boolean> {
  const { type } = await typeOf(folder);
  return architectures.some((architecture) => architecture.type === type);
}

async function typeOf(folder: string): Promise<{ readonly file: string; readonly type: unknown }> {
  const file = join(folder, 'recipe.json');
  try {
    return { file, type: (JSON.parse(await readFile(file, 'utf8')) as { type?: unknown } | null)?.type };
  } catch (error) {
    throw new StepFailure('no-model', `cannot read a model from ${file}: ${(error as Error).message}`);
  }
}
