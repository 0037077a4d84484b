import type { HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import type { EncodedBatch } from '../data/tokenizer.js';
import type { TransformerConfig } from './architecture.js';
import { inBatches, longestOf } from './batches.js';
import { forward } from './forward.js';
import { batchRows, bucketLength, padTokens } from './padding.js';

/** A classifier's logits, nothing else. */
const logitsFunction = (config: TransformerConfig): TensorFunction => ({
  key: `logits ${JSON.stringify(config)}`,
  call: (p, b) => {
    const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
    return { logits: forward(config, p, { ids, mask, types: b.types, dropout: [], lastTokens: 'pooled' }).logits };
  },
});

/** A classifier's logits of many texts, row-major [texts, labels]. */
export async function classifyTexts(
  runner: Runner,
  config: TransformerConfig,
  parameters: HostTensors,
  tokens: EncodedBatch,
): Promise<Float32Array> {
  const fn = logitsFunction(config);
  return inBatches(tokens, config.labels, async (ids, size, seconds) => {
    const length = bucketLength(longestOf(ids), config.maxLength);
    const rows = batchRows(ids.length, size);
    const batch = padTokens(ids, rows, length, config.padId, config.pairs && seconds);
    return (await runner.forward(fn, parameters, batch)).logits as Float32Array;
  });
}
