import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { architectures } from './architectures.js';
import type { Embedder, EmbedderFamily } from './embedder.js';
import { familyOf } from './family.js';
import { importedEmbedders } from './imported/index.js';
import { transformerEmbedder } from './transformer-embedder.js';

/** Every kind of encoder there is. */
export const embedders: readonly EmbedderFamily[] = [...architectures.map(transformerEmbedder), ...importedEmbedders];

/**
 * Loads an artifact folder's model as an encoder of texts.
 *
 * @throws StepFailure when the folder holds no model or one that gives no embeddings
 */
export async function loadEmbedder(folder: string, backend: Backend, threads: number): Promise<Embedder> {
  const family = await familyOf(
    folder,
    embedders,
    (file, type, known) =>
      new StepFailure(
        'no-embeddings',
        `${file} names the model type ${type}, which gives no embeddings; ${known} do`,
        'Take an encoder, such as the output of an import-model step.',
      ),
  );
  return family.load(folder, backend, threads);
}
