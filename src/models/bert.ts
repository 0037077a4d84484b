import { tf } from '../backend/tf.js';
import type { Architecture } from './architecture.js';
import { type BertConfig, readBert, scratchBert, writeBert } from './bert-config.js';
import { className } from './class-name.js';
import { BERT_LAYER, type EncoderKind, encoderParameters, encoderSites, encodeTexts, headSites } from './encoder.js';
import { readsTexts, tokenClassifierSpec } from './heads.js';
import { linear, linearSpec } from './layers.js';
import { type MaskedKind, maskedHead, maskedSpecs } from './masked-head.js';

const layer = (i: number): string => `bert.encoder.layer.${i - 1}`;

const kind = ({ types }: Pick<BertConfig, 'types'>): EncoderKind => ({
  ...BERT_LAYER,
  embeddings: 'bert.embeddings',
  layer,
  types,
  offset: 0,
});

const masked: MaskedKind<BertConfig> = {
  dense: 'cls.predictions.transform.dense',
  norm: 'cls.predictions.transform.LayerNorm',
  bias: 'cls.predictions.bias',
  words: 'bert.embeddings.word_embeddings.weight',
};

/** BERT (Devlin et al. 2018, arXiv:1810.04805); MiniLM is one. */
export const bert: Architecture<BertConfig> = {
  type: 'bert',
  className: ({ head }) => className('Bert', head),
  prefix: 'bert.',

  scratch: (shape) => scratchBert(shape, 1e-12, 2),
  toHuggingFace: (c) => writeBert(c, 0),
  fromHuggingFace: (json, head, labels) =>
    readBert(json, { type: 'bert', head, labels }, { padId: 0, types: 2 }, () => 0),

  parameters: (c) => ({
    ...encoderParameters(kind(c), c),
    ...(c.head === 'token-classifier' && tokenClassifierSpec(c)),
    ...(c.head === 'masked-language-model' && maskedSpecs(masked, c)),
    ...((c.head === 'none' || readsTexts(c.head)) && linearSpec('head', 'bert.pooler.dense', c.hidden, c.hidden)),
    ...(readsTexts(c.head) && linearSpec('head', 'classifier', c.hidden, c.labels)),
  }),

  layerPrefix: (_, i) => `${layer(i)}.`,

  dropoutSites: (c, batch, length, lastTokens) => [
    ...encoderSites(kind(c), c, batch, length, lastTokens),
    ...headSites(c, batch, length),
  ],

  encode: (c, p, input, drop) => encodeTexts(kind(c), c, p, input, drop),

  classify: (_, p, pooled, drop) =>
    linear(p, 'classifier', drop.apply(tf.tanh(linear(p, 'bert.pooler.dense', pooled)))),

  labelsTokens: true,
  masked: maskedHead(masked),
};
