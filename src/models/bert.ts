import { attend, gelu, layerNorm } from '../backend/ops.js';
import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Architecture, ParameterSpec, TransformerConfig } from './architecture.js';
import { dropout, dropoutScale, linear, zeroed } from './layers.js';
import { settings } from './settings.js';

const EPSILON = 1e-12; // Hugging Face's layer_norm_eps for BERT
const MASKED = -1e9;

const weight = (...shape: number[]): ParameterSpec => ({ shape, initial: 'normal', decay: true });
const bias = (n: number): ParameterSpec => ({ shape: [n], initial: 'zeros', decay: false });

function linearSpec(name: string, inputs: number, outputs: number): Record<string, ParameterSpec> {
  return { [`${name}.weight`]: weight(outputs, inputs), [`${name}.bias`]: bias(outputs) };
}

function normSpec(name: string, n: number): Record<string, ParameterSpec> {
  return { [`${name}.weight`]: { shape: [n], initial: 'ones', decay: false }, [`${name}.bias`]: bias(n) };
}

const layerName = (i: number): string => `bert.encoder.layer.${i}`;

/** BERT with a sequence classification head (Devlin et al. 2018, arXiv:1810.04805). */
export const bert: Architecture = {
  type: 'bert',
  className: 'BertForSequenceClassification',

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    hidden_size: c.hidden,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    intermediate_size: c.intermediate,
    max_position_embeddings: c.maxLength,
    type_vocab_size: 2,
    hidden_act: 'gelu',
    hidden_dropout_prob: c.dropout,
    attention_probs_dropout_prob: c.dropout,
    layer_norm_eps: EPSILON,
    pad_token_id: 0,
  }),

  fromHuggingFace(json, labels) {
    const { number } = settings(json, {
      hidden_act: 'gelu',
      layer_norm_eps: EPSILON,
      type_vocab_size: 2,
      position_embedding_type: 'absolute',
    });
    return {
      type: 'bert',
      vocabulary: number('vocab_size'),
      hidden: number('hidden_size'),
      layers: number('num_hidden_layers'),
      heads: number('num_attention_heads'),
      intermediate: number('intermediate_size'),
      maxLength: number('max_position_embeddings'),
      labels,
      dropout: number('hidden_dropout_prob'),
    };
  },

  parameters(c) {
    const specs: Record<string, ParameterSpec> = {
      'bert.embeddings.word_embeddings.weight': weight(c.vocabulary, c.hidden),
      'bert.embeddings.position_embeddings.weight': weight(c.maxLength, c.hidden),
      'bert.embeddings.token_type_embeddings.weight': weight(2, c.hidden),
      ...normSpec('bert.embeddings.LayerNorm', c.hidden),
    };
    for (let i = 0; i < c.layers; i++) {
      const layer = layerName(i);
      Object.assign(
        specs,
        linearSpec(`${layer}.attention.self.query`, c.hidden, c.hidden),
        linearSpec(`${layer}.attention.self.key`, c.hidden, c.hidden),
        linearSpec(`${layer}.attention.self.value`, c.hidden, c.hidden),
        linearSpec(`${layer}.attention.output.dense`, c.hidden, c.hidden),
        normSpec(`${layer}.attention.output.LayerNorm`, c.hidden),
        linearSpec(`${layer}.intermediate.dense`, c.hidden, c.intermediate),
        linearSpec(`${layer}.output.dense`, c.intermediate, c.hidden),
        normSpec(`${layer}.output.LayerNorm`, c.hidden),
      );
    }
    return {
      ...specs,
      ...linearSpec('bert.pooler.dense', c.hidden, c.hidden),
      ...linearSpec('classifier', c.hidden, c.labels),
    };
  },

  dropoutSites(c, batch, length, lastTokens) {
    if (zeroed(c.dropout) === 0) return [];
    const layer = (_: unknown, i: number): number[][] => {
      const rows = i === c.layers - 1 && lastTokens === 'first' ? 1 : length;
      return [
        [batch, c.heads, rows, length],
        [batch, rows, c.hidden],
        [batch, rows, c.hidden],
      ];
    };
    return [[batch, length, c.hidden], ...Array.from({ length: c.layers }, layer).flat(), [batch, c.hidden]];
  },

  forward(c, p, input) {
    const [, length] = input.ids.shape as [number, number];
    let site = 0;
    const keep = (): Tensor | undefined => input.dropout[site++];
    const drop = (x: Tensor): Tensor => dropout(x, keep(), c.dropout);
    const norm = (name: string, x: Tensor): Tensor =>
      layerNorm(x, p[`${name}.weight`] as Tensor, p[`${name}.bias`] as Tensor, EPSILON);

    const words = tf.gather(p['bert.embeddings.word_embeddings.weight'] as tf.Tensor, input.ids as tf.Tensor1D);
    const positions = tf.slice(p['bert.embeddings.position_embeddings.weight'] as Tensor, [0, 0], [length, c.hidden]);
    // Single texts only: every token is of type 0.
    const types = tf.slice(p['bert.embeddings.token_type_embeddings.weight'] as Tensor, [0, 0], [1, c.hidden]);
    let x = drop(norm('bert.embeddings.LayerNorm', tf.add(tf.add(words, positions), types)));

    const blocked = tf.mul(tf.sub(1, tf.reshape(input.mask, [-1, 1, 1, length])), MASKED);
    const hiddenStates = [x];
    const attentionScores: (() => Tensor)[] = [];
    for (let i = 0; i < c.layers; i++) {
      const only = i === c.layers - 1 && input.lastTokens === 'first';
      const rows = only ? tf.slice(x, [0, 0, 0], [-1, 1, -1]) : x;
      const attended = attention(c, p, `${layerName(i)}.attention.self`, rows, x, blocked, keep());
      attentionScores.push(attended.scores);
      const projected = dense(p, `${layerName(i)}.attention.output.dense`, attended.context);
      const middle = norm(`${layerName(i)}.attention.output.LayerNorm`, tf.add(drop(projected), rows));
      const wide = gelu(dense(p, `${layerName(i)}.intermediate.dense`, middle));
      const narrow = dense(p, `${layerName(i)}.output.dense`, wide);
      x = norm(`${layerName(i)}.output.LayerNorm`, tf.add(drop(narrow), middle));
      hiddenStates.push(x);
    }

    const first = tf.reshape(tf.slice(x, [0, 0, 0], [-1, 1, -1]), [-1, c.hidden]);
    const pooled = drop(tf.tanh(linear(p, 'bert.pooler.dense', first)));
    return { logits: linear(p, 'classifier', pooled), hiddenStates, attentionScores };
  },
};

/** A linear layer over the last axis of [batch, length, in]: one flat matrix product is the fastest form. */
function dense(p: Tensors, name: string, x: Tensor): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.reshape(linear(p, name, tf.reshape(x, [batch * length, width])), [batch, length, -1]);
}

/**
 * Multi-head self-attention of some rows to all of x.
 *
 * @param rows x [batch, length, hidden] itself, or its first token [batch, 1, hidden]
 * @returns context, of the shape of `rows`; scores of all of x, before the mask
 */
function attention(
  c: TransformerConfig,
  p: Tensors,
  name: string,
  rows: Tensor,
  x: Tensor,
  blocked: Tensor,
  keep: Tensor | undefined,
): { context: Tensor; scores: () => Tensor } {
  const width = c.hidden / c.heads;
  const split = (t: Tensor): Tensor =>
    tf.transpose(tf.reshape(t, [t.shape[0] as number, -1, c.heads, width]), [0, 2, 1, 3]);
  const query = split(dense(p, `${name}.query`, rows));
  const key = split(dense(p, `${name}.key`, x));
  const value = split(dense(p, `${name}.value`, x));
  const context = attend(query, key, value, blocked, keep, keep ? dropoutScale(c.dropout) : 1);
  return {
    context: tf.reshape(tf.transpose(context, [0, 2, 1, 3]), rows.shape),
    // Where the rows are all of x, a product that `attend` has too: it is recorded once.
    scores: () => {
      const every = rows === x ? query : split(dense(p, `${name}.query`, x));
      return tf.matMul(tf.mul(every, 1 / Math.sqrt(width)), key, false, true);
    },
  };
}
