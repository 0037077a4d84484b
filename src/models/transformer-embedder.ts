import { createRunner } from '../backend/runner.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { Architecture, Part } from './architecture.js';
import { countParameters, describeTransformer, readParameters } from './checkpoint.js';
import type { Embedder, EmbedderFamily } from './embedder.js';
import { embedTexts } from './embedding.js';
import { weightBytes } from './weights.js';

/** A transformer's folder as an encoder of texts, whatever head it has. */
export const transformerEmbedder = (architecture: Architecture): EmbedderFamily => ({
  type: architecture.type,
  async load(folder, backend, threads): Promise<Embedder> {
    const { config } = await describeTransformer(folder);
    const parameters = await readParameters(folder, config, new Set<Part>(['head']));
    const tokenizer = await loadTokenizer(folder);
    const runner = await createRunner(backend, threads);
    return {
      type: architecture.type,
      width: config.hidden,
      parameters: countParameters(parameters),
      bytes: await weightBytes(folder),
      async embed(texts) {
        const tokens = await tokenizer.encode(texts, config.maxLength);
        return embedTexts(runner, config, parameters, tokens);
      },
      close: () => runner.release(),
    };
  },
});
