import { gelu, geluTanh } from '../backend/ops.js';
import { tf } from '../backend/tf.js';
import { StepFailure } from '../util/failure.js';
import type { Architecture, TransformerConfig } from './architecture.js';
import { className } from './class-name.js';
import { type EncoderKind, encoderParameters, encoderSites, encodeTexts, headSites } from './encoder.js';
import { readsTexts, tokenClassifierSpec } from './heads.js';
import { linear, linearSpec } from './layers.js';
import { type MaskedKind, maskedHead, maskedSpecs } from './masked-head.js';
import { settings } from './settings.js';

const ACTIVATIONS = { gelu_new: geluTanh, gelu } as const;
type Activation = keyof typeof ACTIVATIONS;

/** The paper's width of the token embeddings (§3.1). */
const EMBEDDING = 128;

interface AlbertConfig extends TransformerConfig {
  /** Width of the token embeddings. */
  readonly embedding: number;
  /** Groups of consecutive layers that share their parameters. */
  readonly groups: number;
  /** Token types that the embeddings know; texts here are all of the first. */
  readonly types: number;
  readonly activation: Activation;
}

/** The group of a layer, counted from 0, the layer from 1; sizes differ where `groups` does not divide `layers`. */
const groupOf = ({ layers, groups }: Pick<AlbertConfig, 'layers' | 'groups'>, layer: number): number =>
  Math.floor((layer - 1) / (layers / groups));

const layerName = (c: AlbertConfig, layer: number): string =>
  `albert.encoder.albert_layer_groups.${groupOf(c, layer)}.albert_layers.0`;

const kind = (c: AlbertConfig): EncoderKind => ({
  names: {
    query: 'attention.query',
    key: 'attention.key',
    value: 'attention.value',
    projection: 'attention.dense',
    attentionNorm: 'attention.LayerNorm',
    up: 'ffn',
    down: 'ffn_output',
    outputNorm: 'full_layer_layer_norm',
  },
  embeddings: 'albert.embeddings',
  layer: (i) => layerName(c, i),
  factorised: { width: c.embedding, map: 'albert.encoder.embedding_hidden_mapping_in' },
  activation: ACTIVATIONS[c.activation],
  types: c.types,
  offset: 0,
  dropsProjection: true,
});

const masked: MaskedKind<AlbertConfig> = {
  dense: 'predictions.dense',
  norm: 'predictions.LayerNorm',
  bias: 'predictions.bias',
  words: 'albert.embeddings.word_embeddings.weight',
  width: (c) => c.embedding,
  activation: (c) => ACTIVATIONS[c.activation],
};

/**
 * ALBERT (Lan et al. 2020, arXiv:1909.11942): BERT whose layers share their parameters, and whose token embeddings are
 * narrower than its hidden states. Dropout follows the feed-forward net, too, as in its authors' code and in BERT;
 * transformers leaves it out there.
 */
export const albert: Architecture<AlbertConfig> = {
  type: 'albert',
  className: ({ head }) => className('Albert', head),
  prefix: 'albert.',

  scratch: ({ kvHeads: _, embedding, groups, ...shape }) => ({
    ...shape,
    embedding: embedding ?? Math.min(EMBEDDING, shape.hidden),
    groups: groups ?? 1,
    positions: shape.maxLength,
    eosId: null,
    epsilon: 1e-12,
    types: 2,
    activation: 'gelu_new',
  }),

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    embedding_size: c.embedding,
    hidden_size: c.hidden,
    num_hidden_layers: c.layers,
    num_hidden_groups: c.groups,
    inner_group_num: 1,
    num_attention_heads: c.heads,
    intermediate_size: c.intermediate,
    max_position_embeddings: c.positions,
    type_vocab_size: c.types,
    hidden_act: c.activation,
    hidden_dropout_prob: c.dropout,
    attention_probs_dropout_prob: c.dropout,
    classifier_dropout_prob: c.dropout,
    layer_norm_eps: c.epsilon,
    pad_token_id: c.padId,
  }),

  fromHuggingFace(json, head, labels) {
    const { number, choice, only } = settings(json);
    only({ inner_group_num: 1, position_embedding_type: 'absolute' });
    if (head === 'masked-language-model') only({ tie_word_embeddings: true });
    const positions = number('max_position_embeddings');
    return {
      type: 'albert',
      vocabulary: number('vocab_size'),
      embedding: number('embedding_size', EMBEDDING),
      hidden: number('hidden_size'),
      layers: number('num_hidden_layers'),
      groups: number('num_hidden_groups', 1),
      heads: number('num_attention_heads'),
      intermediate: number('intermediate_size'),
      positions,
      maxLength: positions,
      head,
      labels,
      dropout: number('hidden_dropout_prob', 0),
      epsilon: number('layer_norm_eps', 1e-12),
      padId: number('pad_token_id', 0),
      eosId: null,
      types: number('type_vocab_size', 2),
      activation: choice('hidden_act', ['gelu_new', 'gelu'], 'gelu_new'),
    };
  },

  parameters: (c) => ({
    ...encoderParameters(kind(c), c),
    ...(c.head === 'token-classifier' && tokenClassifierSpec(c)),
    ...(c.head === 'masked-language-model' && maskedSpecs(masked, c)),
    ...((c.head === 'none' || readsTexts(c.head)) && linearSpec('head', 'albert.pooler', c.hidden, c.hidden)),
    ...(readsTexts(c.head) && linearSpec('head', 'classifier', c.hidden, c.labels)),
  }),

  layerPrefix: (c, i) => `${layerName(c, i)}.`,

  withLayers(c, layers) {
    const sources = layers.map((layer) => groupOf(c, layer));
    const made = { ...c, layers: layers.length, groups: new Set(sources).size };
    const fits = sources.every(
      (source, i) => i === 0 || (source === sources[i - 1]) === (groupOf(made, i + 1) === groupOf(made, i)),
    );
    if (fits) return made;
    throw new StepFailure(
      'layers',
      `layers [${layers.join(', ')}] are of ${made.groups} groups that share parameters, and the groups of a model have equally many`,
      'Take as many layers of one group as of another.',
    );
  },

  dropoutSites: (c, batch, length, lastTokens) => [
    ...encoderSites(kind(c), c, batch, length, lastTokens),
    ...headSites(c, batch, length),
  ],

  encode: (c, p, input, drop) => encodeTexts(kind(c), c, p, input, drop),

  classify: (_, p, pooled, drop) => linear(p, 'classifier', drop.apply(tf.tanh(linear(p, 'albert.pooler', pooled)))),

  labelsTokens: true,
  masked: maskedHead(masked),
};
