import { tf } from '../backend/tf.js';
import type { Architecture } from './architecture.js';
import { type BertConfig, readBert, scratchBert, writeBert } from './bert-config.js';
import { className } from './class-name.js';
import { BERT_LAYER, type EncoderKind, encoderParameters, encoderSites, encodeTexts, headSites } from './encoder.js';
import { readsTexts, tokenClassifierSpec } from './heads.js';
import { linear, linearSpec } from './layers.js';
import { type MaskedKind, maskedHead, maskedSpecs } from './masked-head.js';

const layer = (i: number): string => `roberta.encoder.layer.${i - 1}`;

/** Its positions count from the padding token's id on, so a text's first token stands at the one after it. */
const kind = ({ types, padId }: Pick<BertConfig, 'types' | 'padId'>): EncoderKind => ({
  ...BERT_LAYER,
  embeddings: 'roberta.embeddings',
  layer,
  types,
  offset: padId + 1,
});

const masked: MaskedKind<BertConfig> = {
  dense: 'lm_head.dense',
  norm: 'lm_head.layer_norm',
  bias: 'lm_head.bias',
  words: 'roberta.embeddings.word_embeddings.weight',
};

/** RoBERTa (Liu et al. 2019, arXiv:1907.11692). */
export const roberta: Architecture<BertConfig> = {
  type: 'roberta',
  className: ({ head }) => className('Roberta', head),
  prefix: 'roberta.',

  scratch: (shape) => scratchBert(shape, 1e-5, 1),
  toHuggingFace: (c) => writeBert(c, kind(c).offset),
  fromHuggingFace: (json, head, labels) =>
    readBert(json, { type: 'roberta', head, labels }, { padId: 1, types: 1 }, (padId) => padId + 1),

  parameters: (c) => ({
    ...encoderParameters(kind(c), c),
    ...(c.head === 'token-classifier' && tokenClassifierSpec(c)),
    ...(c.head === 'masked-language-model' && maskedSpecs(masked, c)),
    ...(readsTexts(c.head) && {
      ...linearSpec('head', 'classifier.dense', c.hidden, c.hidden),
      ...linearSpec('head', 'classifier.out_proj', c.hidden, c.labels),
    }),
  }),

  layerPrefix: (_, i) => `${layer(i)}.`,

  dropoutSites: (c, batch, length, lastTokens) => [
    ...encoderSites(kind(c), c, batch, length, lastTokens),
    ...headSites(c, batch, length, 2),
  ],

  encode: (c, p, input, drop) => encodeTexts(kind(c), c, p, input, drop),

  classify: (_, p, pooled, drop) =>
    linear(p, 'classifier.out_proj', drop.apply(tf.tanh(linear(p, 'classifier.dense', drop.apply(pooled))))),

  labelsTokens: true,
  masked: maskedHead(masked),
};
