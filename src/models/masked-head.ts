import { gelu, layerNorm } from '../backend/ops.js';
import type { Tensor } from '../backend/tf.js';
import type { MaskedHead, ParameterSpecs, TransformerConfig } from './architecture.js';
import { biasSpec, linear, linearSpec, normSpec } from './layers.js';

/** The head by which BERT, DistilBERT and RoBERTa name hidden tokens differs in its parameters' names alone. */
export interface MaskedNames {
  readonly dense: string;
  readonly norm: string;
  /** The vocabulary's biases. */
  readonly bias: string;
  /** The word embeddings, which are the output embeddings too. */
  readonly words: string;
}

export const maskedSpecs = ({ dense, norm, bias }: MaskedNames, c: TransformerConfig): ParameterSpecs => ({
  [bias]: biasSpec('head', c.vocabulary),
  ...linearSpec('head', dense, c.hidden, c.hidden),
  ...normSpec('head', norm, c.hidden),
});

export const maskedHead = ({ dense, norm, bias, words }: MaskedNames): MaskedHead => ({
  transform: (c, p, x) =>
    layerNorm(gelu(linear(p, dense, x)), p[`${norm}.weight`] as Tensor, p[`${norm}.bias`] as Tensor, c.epsilon),
  output: (_, p) => ({ weight: p[words] as Tensor, bias: p[bias] as Tensor }),
});
