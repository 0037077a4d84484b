import type { InputArtifact } from '../engine/step.js';
import { isTransformer } from '../models/index.js';
import { isBiEncoder } from '../models/sentence-encoder.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { StepFailure } from '../util/failure.js';
import { installedVersion } from '../util/installed-version.js';
import type { Json } from '../util/json.js';
import { predictorTeacher } from './predictor-teacher.js';
import type { Teacher } from './teacher.js';
import { transformerTeacher } from './transformer-teacher.js';

/** Raised whenever the same teacher and options give other numbers: older shards are then left alone. */
const NUMBERS = 1;
/** What the numbers depend on beside our own code. */
const PACKAGES = ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'];

/**
 * A model on this machine as a teacher. It has to be closed.
 * @throws StepFailure if it has not what is asked of it
 */
export async function localTeacher(
  artifact: InputArtifact,
  options: CacheLogitsOptions,
  seed: number,
  threads: number,
): Promise<Teacher> {
  const compares = await isBiEncoder(artifact.path);
  if (options.vectors && !compares) {
    throw new StepFailure(
      'not-used',
      'vectors are kept of a teacher that compares those of two texts, and this one does not',
      'Leave it out, or take a teacher that was trained with task: matching.',
      '/vectors',
    );
  }
  // Of a model that compares vectors nobody reads the layers: they are those of single texts.
  return (await isTransformer(artifact.path)) && !compares
    ? transformerTeacher(artifact, options, seed, threads)
    : predictorTeacher(artifact, options, threads);
}

/** What its numbers depend on, beside the teacher and what is kept of it. */
export function numbersKey(seed: number, { about }: Teacher): Json {
  return {
    numbers: NUMBERS,
    // Only drawn tokens depend on it.
    seed: about.tokens?.keep === 'sampled' ? seed : null,
    packages: Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(name)])),
  };
}
