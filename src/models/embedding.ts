import type { HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { EncodedBatch } from '../data/tokenizer.js';
import type { TransformerConfig } from './architecture.js';
import { inBatches, longestOf } from './batches.js';
import { encode } from './forward.js';
import { bucketLength, padTokens } from './padding.js';

/**
 * The mean of the last hidden states of a text's tokens, special ones too, as sentence encoders pool (Reimers & Gurevych
 * 2019, arXiv:1908.10084).
 *
 * @param states [batch, length, hidden]
 * @param mask 1 for a token, 0 for padding: [batch, length]
 * @returns [batch, hidden]
 */
export function meanPooled(states: Tensor, mask: Tensor): Tensor {
  const [batch, length] = mask.shape as [number, number];
  const tokens = tf.maximum(tf.sum(mask, 1, true), 1);
  return tf.div(tf.sum(tf.mul(states, tf.reshape(mask, [batch, length, 1])), 1), tokens);
}

const meanFunction = (config: TransformerConfig): TensorFunction => ({
  key: `mean ${JSON.stringify(config)}`,
  call: (p, b) => {
    const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
    const states = encode(config, p, { ids, mask, dropout: [], lastTokens: 'all' }).hiddenStates.at(-1) as Tensor;
    return { mean: meanPooled(states, mask) };
  },
});

/** The vectors of many texts, row-major [texts, hidden]. */
export async function embedTexts(
  runner: Runner,
  config: TransformerConfig,
  parameters: HostTensors,
  tokens: EncodedBatch,
): Promise<Float32Array> {
  const fn = meanFunction(config);
  return inBatches(tokens, config.hidden, async (ids, size) => {
    const length = bucketLength(longestOf(ids), config.maxLength);
    const { mean } = await runner.forward(fn, parameters, padTokens(ids, size, length, config.padId));
    return mean as Float32Array;
  });
}
