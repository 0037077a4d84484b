import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { architectures } from './architectures.js';
import { familyOf, typeOf } from './family.js';
import { hashedLogisticFamily } from './hashed-logistic.js';
import { importedPredictors } from './imported/index.js';
import { linearProbeFamily } from './linear-probe.js';
import { logisticFamily } from './logistic.js';
import type { Predictor, PredictorFamily } from './predictor.js';
import { similarityProbeFamily } from './similarity-probe.js';
import { transformerFamily } from './transformer-predictor.js';

/** Every kind of model there is. */
export const families: readonly PredictorFamily[] = [
  ...architectures.map(transformerFamily),
  logisticFamily,
  hashedLogisticFamily,
  linearProbeFamily,
  similarityProbeFamily,
  ...importedPredictors,
];

/**
 * Loads the model of an artifact folder, of whatever family `recipe.json` there names.
 *
 * @throws StepFailure when the folder holds no model or one of an unknown family
 */
export async function loadPredictor(folder: string, backend: Backend, threads: number): Promise<Predictor> {
  const family = await familyOf(
    folder,
    families,
    (file, type, known) =>
      new StepFailure(
        'unknown-model-type',
        `${file} names the model type ${type}, which is none of ${known}`,
        'It was perhaps made by a newer version of recipe.',
      ),
  );
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
