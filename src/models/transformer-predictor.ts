import { createRunner, type TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { Architecture } from './architecture.js';
import { countParameters, loadTransformer, weightBytes } from './checkpoint.js';
import { bucketLength, padTokens } from './padding.js';
import type { Predictor, PredictorFamily } from './predictor.js';

const BATCH = 32;

/** A transformer's folder, ready to answer. One text at a time runs as a batch of one; more in batches of 32. */
export const transformerFamily = (architecture: Architecture): PredictorFamily => ({
  type: architecture.type,
  async load(folder, threads): Promise<Predictor> {
    const { config, labels, parameters } = await loadTransformer(folder);
    const tokenizer = await loadTokenizer(folder);
    const runner = await createRunner('onnx', threads);
    const fn: TensorFunction = {
      key: 'logits',
      call: (p, b) => {
        const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
        const { logits } = architecture.forward(config, p, { ids, mask, dropout: [], lastTokens: 'first' });
        return { logits };
      },
    };
    return {
      type: architecture.type,
      labels,
      parameters: countParameters(parameters),
      bytes: await weightBytes(folder),
      async predict(texts) {
        const tokens = await tokenizer.encode(texts, config.maxLength);
        const logits = new Float32Array(texts.length * labels.length);
        const size = texts.length === 1 ? 1 : BATCH;
        // Texts of like length together: less padding. The order of answers stays that of the texts.
        const order = texts.map((_, i) => i).sort((a, b) => tokens.length(a) - tokens.length(b) || a - b);
        for (let start = 0; start < order.length; start += size) {
          const chunk = order.slice(start, start + size);
          const length = bucketLength(Math.max(...chunk.map((i) => tokens.length(i))), config.maxLength);
          const batch = padTokens(
            chunk.map((i) => tokens.ids(i)),
            size,
            length,
            tokenizer.padId,
          );
          const { logits: answers } = await runner.forward(fn, parameters, batch);
          chunk.forEach((row, i) => {
            logits.set(
              (answers as Float32Array).subarray(i * labels.length, (i + 1) * labels.length),
              row * labels.length,
            );
          });
        }
        return logits;
      },
      close: () => runner.release(),
    };
  },
});
