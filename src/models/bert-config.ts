import type { Head, Shape, TransformerConfig } from './architecture.js';
import { settings } from './settings.js';

/** The settings that BERT and RoBERTa share, and how `config.json` names them. */
export interface BertConfig extends TransformerConfig {
  /** Token types that the embeddings know. */
  readonly types: number;
}

export const scratchBert = ({ kvHeads: _, ...shape }: Shape, epsilon: number, types: number): BertConfig => ({
  ...shape,
  positions: shape.maxLength,
  eosId: null,
  epsilon,
  types,
});

/** @param before position embeddings that stand before the first token's */
export const writeBert = (c: BertConfig, before: number): Readonly<Record<string, unknown>> => ({
  vocab_size: c.vocabulary,
  hidden_size: c.hidden,
  num_hidden_layers: c.layers,
  num_attention_heads: c.heads,
  intermediate_size: c.intermediate,
  max_position_embeddings: c.positions + before,
  type_vocab_size: c.types,
  hidden_act: 'gelu',
  hidden_dropout_prob: c.dropout,
  attention_probs_dropout_prob: c.dropout,
  layer_norm_eps: c.epsilon,
  pad_token_id: c.padId,
});

/**
 * @param usual where `config.json` does not say
 * @param before position embeddings that stand before the first token's, by the padding token's id
 * @throws StepFailure if it describes a model that is computed in another way
 */
export function readBert(
  json: Readonly<Record<string, unknown>>,
  is: { readonly type: string; readonly head: Head; readonly labels: number },
  usual: { readonly padId: number; readonly types: number },
  before: (padId: number) => number,
): BertConfig {
  const { number, only } = settings(json);
  only({ hidden_act: 'gelu', position_embedding_type: 'absolute', is_decoder: false });
  if (is.head === 'masked-language-model') only({ tie_word_embeddings: true });
  const padId = number('pad_token_id', usual.padId);
  const positions = number('max_position_embeddings') - before(padId);
  return {
    ...is,
    vocabulary: number('vocab_size'),
    hidden: number('hidden_size'),
    layers: number('num_hidden_layers'),
    heads: number('num_attention_heads'),
    intermediate: number('intermediate_size'),
    positions,
    maxLength: positions,
    dropout: number('hidden_dropout_prob', 0.1),
    epsilon: number('layer_norm_eps', 1e-12),
    padId,
    eosId: null,
    types: number('type_vocab_size', usual.types),
  };
}
