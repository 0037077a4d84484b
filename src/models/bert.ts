import { tf } from '../backend/tf.js';
import type { Architecture, TransformerConfig } from './architecture.js';
import { BERT_NAMES, type EncoderKind, encoderParameters, encoderSites, encodeTexts } from './encoder.js';
import { linear, linearSpec } from './layers.js';
import { settings } from './settings.js';

interface BertConfig extends TransformerConfig {
  /** Token types that the embeddings know; texts here are all of the first. */
  readonly types: number;
}

const layer = (i: number): string => `bert.encoder.layer.${i - 1}`;

const kind = ({ types }: Pick<BertConfig, 'types'>): EncoderKind => ({
  ...BERT_NAMES,
  embeddings: 'bert.embeddings',
  layer,
  types,
  offset: 0,
});

/** BERT (Devlin et al. 2018, arXiv:1810.04805); MiniLM is one. */
export const bert: Architecture<BertConfig> = {
  type: 'bert',
  className: ({ head }) => (head === 'classifier' ? 'BertForSequenceClassification' : 'BertModel'),
  prefix: 'bert.',

  scratch: ({ kvHeads: _, ...shape }) => ({
    ...shape,
    positions: shape.maxLength,
    eosId: null,
    epsilon: 1e-12,
    types: 2,
  }),

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    hidden_size: c.hidden,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    intermediate_size: c.intermediate,
    max_position_embeddings: c.positions,
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
    const positions = number('max_position_embeddings');
    return {
      type: 'bert',
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
      padId: number('pad_token_id', 0),
      eosId: null,
      types: number('type_vocab_size', 2),
    };
  },

  parameters: (c) => ({
    ...encoderParameters(kind(c), c),
    ...linearSpec('head', 'bert.pooler.dense', c.hidden, c.hidden),
    ...(c.head === 'classifier' && linearSpec('head', 'classifier', c.hidden, c.labels)),
  }),

  layerPrefix: (i) => `${layer(i)}.`,

  dropoutSites: (c, batch, length, lastTokens) => [
    ...encoderSites(kind(c), c, batch, length, lastTokens),
    [batch, c.hidden],
  ],

  encode: (c, p, input, drop) => encodeTexts(kind(c), c, p, input, drop),

  classify: (_, p, pooled, drop) =>
    linear(p, 'classifier', drop.apply(tf.tanh(linear(p, 'bert.pooler.dense', pooled)))),
};
