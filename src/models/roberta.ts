import { tf } from '../backend/tf.js';
import type { Architecture, TransformerConfig } from './architecture.js';
import { BERT_NAMES, type EncoderKind, encoderParameters, encoderSites, encodeTexts } from './encoder.js';
import { linear, linearSpec } from './layers.js';
import { settings } from './settings.js';

interface RobertaConfig extends TransformerConfig {
  readonly types: number;
}

const layer = (i: number): string => `roberta.encoder.layer.${i - 1}`;

/** Its positions count from the padding token's id on, so a text's first token stands at the one after it. */
const kind = ({ types, padId }: Pick<RobertaConfig, 'types' | 'padId'>): EncoderKind => ({
  ...BERT_NAMES,
  embeddings: 'roberta.embeddings',
  layer,
  types,
  offset: padId + 1,
});

/** RoBERTa (Liu et al. 2019, arXiv:1907.11692). */
export const roberta: Architecture<RobertaConfig> = {
  type: 'roberta',
  className: ({ head }) => (head === 'classifier' ? 'RobertaForSequenceClassification' : 'RobertaModel'),
  prefix: 'roberta.',

  scratch: ({ kvHeads: _, ...shape }) => ({
    ...shape,
    positions: shape.maxLength,
    eosId: null,
    epsilon: 1e-5,
    types: 1,
  }),

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    hidden_size: c.hidden,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    intermediate_size: c.intermediate,
    max_position_embeddings: c.positions + c.padId + 1,
    type_vocab_size: c.types,
    hidden_act: 'gelu',
    hidden_dropout_prob: c.dropout,
    attention_probs_dropout_prob: c.dropout,
    layer_norm_eps: c.epsilon,
    pad_token_id: c.padId,
  }),

  fromHuggingFace(json, head, labels) {
    const { number, only } = settings(json);
    only({ hidden_act: 'gelu', position_embedding_type: 'absolute', is_decoder: false });
    const padId = number('pad_token_id', 1);
    const positions = number('max_position_embeddings') - padId - 1;
    return {
      type: 'roberta',
      vocabulary: number('vocab_size'),
      hidden: number('hidden_size'),
      layers: number('num_hidden_layers'),
      heads: number('num_attention_heads'),
      intermediate: number('intermediate_size'),
      positions,
      maxLength: positions,
      head,
      labels,
      dropout: number('hidden_dropout_prob', 0.1),
      epsilon: number('layer_norm_eps', 1e-12),
      padId,
      eosId: null,
      types: number('type_vocab_size', 1),
    };
  },

  parameters: (c) => ({
    ...encoderParameters(kind(c), c),
    ...(c.head === 'classifier' && {
      ...linearSpec('head', 'classifier.dense', c.hidden, c.hidden),
      ...linearSpec('head', 'classifier.out_proj', c.hidden, c.labels),
    }),
  }),

  layerPrefix: (i) => `${layer(i)}.`,

  dropoutSites: (c, batch, length, lastTokens) => [
    ...encoderSites(kind(c), c, batch, length, lastTokens),
    [batch, c.hidden],
    [batch, c.hidden],
  ],

  encode: (c, p, input, drop) => encodeTexts(kind(c), c, p, input, drop),

  classify: (_, p, pooled, drop) =>
    linear(p, 'classifier.out_proj', drop.apply(tf.tanh(linear(p, 'classifier.dense', drop.apply(pooled))))),
};
