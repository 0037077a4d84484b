import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Encoded, LastTokens, ModelInput, ModelOutput, TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import { Dropout, zeroed } from './layers.js';

/** A model's layers without a head. */
export function encode(config: TransformerConfig, parameters: Tensors, input: ModelInput): Encoded {
  return architectureOf(config).encode(config, parameters, input, new Dropout(input.dropout, config.dropout));
}

/** A model with its head. Throws (a bug) if it has none. */
export function forward(config: TransformerConfig, parameters: Tensors, input: ModelInput): ModelOutput {
  const architecture = architectureOf(config);
  const drop = new Dropout(input.dropout, config.dropout);
  const encoded = architecture.encode(config, parameters, input, drop);
  if (config.head === 'classifier') {
    return { ...encoded, logits: architecture.classify(config, parameters, encoded.pooled, drop) };
  }
  if (config.head === 'none' || !architecture.decoder) throw new Error(`a ${config.type} without a head has no logits`);
  const last = encoded.hiddenStates.at(-1) as Tensor;
  const [batch, length] = last.shape as [number, number];
  const rows = architecture.decoder.nextToken(config, parameters, tf.reshape(last, [batch * length, config.hidden]));
  return { ...encoded, logits: tf.reshape(rows, [batch, length, config.vocabulary]) };
}

/** Shapes of the values that dropout may zero, in order of use; none where the rate is 0. */
export function dropoutSites(
  config: TransformerConfig,
  batch: number,
  length: number,
  lastTokens: LastTokens,
): readonly (readonly number[])[] {
  return zeroed(config.dropout) === 0 ? [] : architectureOf(config).dropoutSites(config, batch, length, lastTokens);
}
