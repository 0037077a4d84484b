import { gelu, layerNorm } from '../backend/ops.js';
import type { Tensor } from '../backend/tf.js';
import type { MaskedHead, ParameterSpecs, TransformerConfig } from './architecture.js';
import { biasSpec, linear, linearSpec, normSpec } from './layers.js';

/** The head by which BERT and its kin tell hidden tokens differs in its parameters' names, and in little else. */
export interface MaskedKind<C extends TransformerConfig> {
  readonly dense: string;
  readonly norm: string;
  /** The vocabulary's biases. */
  readonly bias: string;
  /** The word embeddings, which are the output embeddings too. */
  readonly words: string;
  /** Width of the word embeddings; absent: the hidden states'. */
  readonly width?: (config: C) => number;
  /** Absent: GELU. */
  readonly activation?: (config: C) => (x: Tensor) => Tensor;
}

export const maskedSpecs = <C extends TransformerConfig>(kind: MaskedKind<C>, c: C): ParameterSpecs => {
  const width = kind.width?.(c) ?? c.hidden;
  return {
    [kind.bias]: biasSpec('head', c.vocabulary),
    ...linearSpec('head', kind.dense, c.hidden, width),
    ...normSpec('head', kind.norm, width),
  };
};

export const maskedHead = <C extends TransformerConfig>(kind: MaskedKind<C>): MaskedHead<C> => ({
  transform(c, p, x) {
    const activation = kind.activation?.(c) ?? gelu;
    const [scale, shift] = [p[`${kind.norm}.weight`], p[`${kind.norm}.bias`]] as [Tensor, Tensor];
    return layerNorm(activation(linear(p, kind.dense, x)), scale, shift, c.epsilon);
  },
  output: (_, p) => ({ weight: p[kind.words] as Tensor, bias: p[kind.bias] as Tensor }),
});
