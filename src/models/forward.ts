import { crossEntropy } from '../backend/ops.js';
import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Encoded, LastTokens, ModelInput, ModelOutput, TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import { readsTexts, TOKEN_CLASSIFIER } from './heads.js';
import { Dropout, dense, zeroed } from './layers.js';

/** A model's layers without a head. */
export function encode(config: TransformerConfig, parameters: Tensors, input: ModelInput): Encoded {
  return architectureOf(config).encode(config, parameters, input, new Dropout(input.dropout, config.dropout));
}

/** A model with its head; one that labels tokens needs all of the last layer's. Throws (a bug) if it has none. */
export function forward(config: TransformerConfig, parameters: Tensors, input: ModelInput): ModelOutput {
  const drop = new Dropout(input.dropout, config.dropout);
  return withHead(config, parameters, architectureOf(config).encode(config, parameters, input, drop), drop);
}

/** The head, on what a model's layers have computed. */
export function withHead(config: TransformerConfig, parameters: Tensors, encoded: Encoded, drop: Dropout): ModelOutput {
  if (readsTexts(config.head)) {
    return { ...encoded, logits: architectureOf(config).classify(config, parameters, encoded.pooled, drop) };
  }
  const last = encoded.hiddenStates.at(-1) as Tensor;
  if (config.head === 'token-classifier') {
    return { ...encoded, logits: dense(parameters, TOKEN_CLASSIFIER, drop.apply(last)) };
  }
  const [batch, length] = last.shape as [number, number];
  const rows = vocabularyLogits(config, parameters, tf.reshape(last, [batch * length, config.hidden]));
  return { ...encoded, logits: tf.reshape(rows, [batch, length, config.vocabulary]) };
}

/**
 * Logits [n, vocabulary], from last hidden states x [n, hidden]: of the token after each, or, of a masked language
 * model, of the token at each.
 */
export function vocabularyLogits(config: TransformerConfig, parameters: Tensors, x: Tensor): Tensor {
  const { rows, weight, bias } = comparedWith(config, parameters, x);
  const product = tf.matMul(rows, weight, false, true);
  return bias ? tf.add(product, bias) : product;
}

/**
 * −log p of tokens, each as the one that follows, or, of a masked language model, as the one that is hidden there.
 *
 * @param x last hidden states [batch, length, hidden]
 * @param positions int32 [n]: before each token, or of a masked language model its own, row · length + place
 * @param targets int32 [n]: the tokens
 * @returns [n]
 */
export function tokenLosses(
  config: TransformerConfig,
  parameters: Tensors,
  x: Tensor,
  positions: Tensor,
  targets: Tensor,
): Tensor {
  const { rows, weight, bias } = comparedWith(config, parameters, rowsAt(config, x, positions));
  return crossEntropy(rows, weight, targets, bias);
}

/**
 * Logits of these tokens, at the same positions: [n, vocabulary].
 * @param x last hidden states [batch, length, hidden]
 */
export const tokenLogits = (config: TransformerConfig, parameters: Tensors, x: Tensor, positions: Tensor): Tensor =>
  vocabularyLogits(config, parameters, rowsAt(config, x, positions));

const rowsAt = ({ hidden }: TransformerConfig, x: Tensor, positions: Tensor): Tensor =>
  tf.gather(tf.reshape(x, [-1, hidden]), positions as tf.Tensor1D);

/**
 * What is compared with the output embeddings [vocabulary, width], these, and what is added.
 * Throws (a bug) if the model tells no tokens.
 */
function comparedWith(
  config: TransformerConfig,
  parameters: Tensors,
  x: Tensor,
): { readonly rows: Tensor; readonly weight: Tensor; readonly bias?: Tensor } {
  const { decoder, masked } = architectureOf(config);
  if (config.head === 'language-model' && decoder) return { rows: x, weight: decoder.output(config, parameters) };
  if (config.head === 'masked-language-model' && masked) {
    return { rows: masked.transform(config, parameters, x), ...masked.output(config, parameters) };
  }
  throw new Error(`a ${config.type} with head ${config.head} tells no tokens`);
}

/** Whether a model tells tokens: the next one, or a hidden one. */
export const tellsTokens = ({ head }: Pick<TransformerConfig, 'head'>): boolean =>
  head === 'language-model' || head === 'masked-language-model';

/** Shapes of the values that dropout may zero, in order of use; none where the rate is 0. */
export function dropoutSites(
  config: TransformerConfig,
  batch: number,
  length: number,
  lastTokens: LastTokens,
): readonly (readonly number[])[] {
  return zeroed(config.dropout) === 0 ? [] : architectureOf(config).dropoutSites(config, batch, length, lastTokens);
}
