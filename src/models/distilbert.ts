import { gelu } from '../backend/ops.js';
import { tf } from '../backend/tf.js';
import type { Architecture, TransformerConfig } from './architecture.js';
import { className } from './class-name.js';
import { type EncoderKind, encoderParameters, encoderSites, encodeTexts, headSites } from './encoder.js';
import { readsTexts, tokenClassifierSpec } from './heads.js';
import { linear, linearSpec } from './layers.js';
import { type MaskedKind, maskedHead, maskedSpecs } from './masked-head.js';
import { settings } from './settings.js';

const layer = (i: number): string => `distilbert.transformer.layer.${i - 1}`;

const kind: EncoderKind = {
  names: {
    query: 'attention.q_lin',
    key: 'attention.k_lin',
    value: 'attention.v_lin',
    projection: 'attention.out_lin',
    attentionNorm: 'sa_layer_norm',
    up: 'ffn.lin1',
    down: 'ffn.lin2',
    outputNorm: 'output_layer_norm',
  },
  embeddings: 'distilbert.embeddings',
  layer,
  types: 0,
  offset: 0,
  activation: gelu,
  dropsProjection: false,
};

const masked: MaskedKind<TransformerConfig> = {
  dense: 'vocab_transform',
  norm: 'vocab_layer_norm',
  bias: 'vocab_projector.bias',
  words: 'distilbert.embeddings.word_embeddings.weight',
};

/** DistilBERT (Sanh et al. 2019, arXiv:1910.01108): BERT without token types and pooler. */
export const distilbert: Architecture = {
  type: 'distilbert',
  className: ({ head }) => className('DistilBert', head),
  prefix: 'distilbert.',

  // Its code has layer norm's epsilon built in.
  scratch: ({ kvHeads: _, ...shape }) => ({ ...shape, positions: shape.maxLength, eosId: null, epsilon: 1e-12 }),

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    dim: c.hidden,
    n_layers: c.layers,
    n_heads: c.heads,
    hidden_dim: c.intermediate,
    max_position_embeddings: c.positions,
    sinusoidal_pos_embds: false,
    activation: 'gelu',
    dropout: c.dropout,
    attention_dropout: c.dropout,
    seq_classif_dropout: c.dropout,
    pad_token_id: c.padId,
  }),

  fromHuggingFace(json, head, labels) {
    const { number, only } = settings(json);
    only({ activation: 'gelu' });
    if (head === 'masked-language-model') only({ tie_word_embeddings: true });
    const positions = number('max_position_embeddings', 512);
    return {
      type: 'distilbert',
      vocabulary: number('vocab_size'),
      hidden: number('dim'),
      layers: number('n_layers'),
      heads: number('n_heads'),
      intermediate: number('hidden_dim'),
      positions,
      maxLength: positions,
      head,
      labels,
      dropout: number('dropout', 0.1),
      epsilon: 1e-12,
      padId: number('pad_token_id', 0),
      eosId: null,
    };
  },

  parameters: (c) => ({
    ...encoderParameters(kind, c),
    ...(c.head === 'token-classifier' && tokenClassifierSpec(c)),
    ...(c.head === 'masked-language-model' && maskedSpecs(masked, c)),
    ...(readsTexts(c.head) && {
      ...linearSpec('head', 'pre_classifier', c.hidden, c.hidden),
      ...linearSpec('head', 'classifier', c.hidden, c.labels),
    }),
  }),

  layerPrefix: (_, i) => `${layer(i)}.`,

  dropoutSites: (c, batch, length, lastTokens) => [
    ...encoderSites(kind, c, batch, length, lastTokens),
    ...headSites(c, batch, length),
  ],

  encode: (c, p, input, drop) => encodeTexts(kind, c, p, input, drop),

  classify: (_, p, pooled, drop) => linear(p, 'classifier', drop.apply(tf.relu(linear(p, 'pre_classifier', pooled)))),

  labelsTokens: true,
  masked: maskedHead(masked),
};
