import { createRunner, type TensorFunction } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { Architecture, Part, TransformerConfig } from './architecture.js';
import { inBatches, longestOf } from './batches.js';
import { countParameters, describeTransformer, readParameters } from './checkpoint.js';
import type { Embedder, EmbedderFamily } from './embedder.js';
import { encode } from './forward.js';
import { bucketLength, padTokens } from './padding.js';
import { weightBytes } from './weights.js';

/**
 * The mean of the last hidden states of a text's tokens, special ones too, as sentence encoders pool (Reimers & Gurevych
 * 2019, arXiv:1908.10084).
 */
const meanFunction = (config: TransformerConfig): TensorFunction => ({
  key: `mean ${JSON.stringify(config)}`,
  call: (p, b) => {
    const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
    const [batch, length] = ids.shape as [number, number];
    const states = encode(config, p, { ids, mask, dropout: [], lastTokens: 'all' }).hiddenStates.at(-1) as Tensor;
    const tokens = tf.maximum(tf.sum(mask, 1, true), 1);
    return { mean: tf.div(tf.sum(tf.mul(states, tf.reshape(mask, [batch, length, 1])), 1), tokens) };
  },
});

/** A transformer's folder as an encoder of texts, whatever head it has. */
export const transformerEmbedder = (architecture: Architecture): EmbedderFamily => ({
  type: architecture.type,
  async load(folder, backend, threads): Promise<Embedder> {
    const { config } = await describeTransformer(folder);
    const parameters = await readParameters(folder, config, new Set<Part>(['head']));
    const tokenizer = await loadTokenizer(folder);
    const runner = await createRunner(backend, threads);
    const fn = meanFunction(config);
    return {
      type: architecture.type,
      width: config.hidden,
      parameters: countParameters(parameters),
      bytes: await weightBytes(folder),
      async embed(texts) {
        const tokens = await tokenizer.encode(texts, config.maxLength);
        return inBatches(tokens, config.hidden, async (ids, size) => {
          const length = bucketLength(longestOf(ids), config.maxLength);
          const { mean } = await runner.forward(fn, parameters, padTokens(ids, size, length, config.padId));
          return mean as Float32Array;
        });
      },
      close: () => runner.release(),
    };
  },
});
