import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBiEncoder } from './bi-encoder.js';
import type { TrainedOn } from './checkpoint.js';
import type { Embedder } from './embedder.js';
import { copyFolder } from './linear-probe.js';
import type { PredictorFamily } from './predictor.js';
import type { Similarity } from './sentence-encoder.js';

const TYPE = 'similarity-probe';
const ENCODER = 'encoder';

/** Numbers that are learnt: scale and bias. */
const LEARNT = 2;

/**
 * Writes `recipe.json` and `encoder/`: a frozen encoder, and from which cosine on two texts belong together.
 * @param from the encoder's folder
 */
export async function saveSimilarityProbe(
  folder: string,
  labels: readonly string[],
  similarity: Similarity,
  encoder: Pick<Embedder, 'parameters'>,
  from: string,
  trainedOn: TrainedOn,
): Promise<void> {
  const parameters = encoder.parameters + LEARNT;
  const recipe = { type: TYPE, labels, parameters, trained_on: trainedOn, similarity };
  await writeFile(join(folder, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`);
  await copyFolder(from, join(folder, ENCODER));
}

export const similarityProbeFamily: PredictorFamily = {
  type: TYPE,
  async load(folder, backend, threads) {
    const model = await loadBiEncoder(folder, backend, threads, join(folder, ENCODER));
    return { ...model, parameters: model.parameters + LEARNT };
  },
};
