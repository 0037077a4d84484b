import type { HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import type { EncodedBatch } from '../data/tokenizer.js';
import type { TransformerConfig } from './architecture.js';
import { forward } from './forward.js';
import { batchRows, bucketLength, padTokens } from './padding.js';

const BATCH = 32;

/** A classifier's logits, nothing else. */
const logitsFunction = (config: TransformerConfig): TensorFunction => ({
  key: `logits ${JSON.stringify(config)}`,
  call: (p, b) => {
    const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
    return { logits: forward(config, p, { ids, mask, dropout: [], lastTokens: 'pooled' }).logits };
  },
});

/**
 * A classifier's logits of many texts, row-major [texts, labels]. One text alone runs as a batch of one; more in batches
 * of 32 at most, texts of like length together.
 */
export async function classifyTexts(
  runner: Runner,
  config: TransformerConfig,
  parameters: HostTensors,
  tokens: EncodedBatch,
): Promise<Float32Array> {
  const fn = logitsFunction(config);
  const { labels, padId, maxLength } = config;
  const logits = new Float32Array(tokens.texts * labels);
  const size = tokens.texts === 1 ? 1 : BATCH;
  const order = Array.from({ length: tokens.texts }, (_, i) => i);
  order.sort((a, b) => tokens.length(a) - tokens.length(b) || a - b);
  for (let start = 0; start < order.length; start += size) {
    const chunk = order.slice(start, start + size);
    const length = bucketLength(Math.max(...chunk.map((i) => tokens.length(i))), maxLength);
    const rows = size === 1 ? 1 : batchRows(chunk.length, size);
    const ids = chunk.map((i) => tokens.ids(i));
    const { logits: answers } = await runner.forward(fn, parameters, padTokens(ids, rows, length, padId));
    chunk.forEach((row, i) => {
      logits.set((answers as Float32Array).subarray(i * labels, (i + 1) * labels), row * labels);
    });
  }
  return logits;
}
