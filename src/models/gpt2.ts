import { geluTanh, layerNorm } from '../backend/ops.js';
import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Architecture, LookBack, ParameterSpecs, TransformerConfig } from './architecture.js';
import { className } from './class-name.js';
import { causal, pooledOf, rowCount, rowsOf, scoresOf } from './decoder.js';
import { readsTexts } from './heads.js';
import { conv1dSpec, Dropout, flat, joinHeads, linear, normSpec, splitHeads, weight } from './layers.js';
import { settings } from './settings.js';

const layerName = (i: number): string => `transformer.h.${i - 1}`;

const norm = (c: TransformerConfig, p: Tensors, name: string, x: Tensor): Tensor =>
  layerNorm(x, p[`${name}.weight`] as Tensor, p[`${name}.bias`] as Tensor, c.epsilon);

/** A linear map whose weight is [in, out], or some of its columns. */
function conv1d(p: Tensors, name: string, x: Tensor, from?: number, count?: number): Tensor {
  let [w, b] = [p[`${name}.weight`] as Tensor, p[`${name}.bias`] as Tensor];
  if (from !== undefined && count !== undefined) {
    [w, b] = [tf.slice(w, [0, from], [-1, count]), tf.slice(b, [from], [count])];
  }
  return flat(x, (rows) => tf.add(tf.matMul(rows, w), b));
}

interface LayerOutput {
  readonly x: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly scores: () => Tensor;
}

/** One layer: x [batch, length, hidden] gives keys and values, `rows` (x or some of it) ask. */
function runLayer(
  c: TransformerConfig,
  p: Tensors,
  i: number,
  x: Tensor,
  rows: Tensor,
  lookBack: LookBack,
  drop: Dropout,
): LayerOutput {
  const at = (name: string): string => `${layerName(i)}.${name}`;
  const normal = norm(c, p, at('ln_1'), x);
  const qkv = at('attn.c_attn');
  const parts =
    rows === x
      ? tf.split(conv1d(p, qkv, normal), 3, 2)
      : [
          conv1d(p, qkv, norm(c, p, at('ln_1'), rows), 0, c.hidden),
          ...tf.split(conv1d(p, qkv, normal, c.hidden, 2 * c.hidden), 2, 2),
        ];
  const [q, keys, values] = parts.map((t) => splitHeads(t, c.heads)) as [Tensor, Tensor, Tensor];
  const context = joinHeads(lookBack(q, { keys, values }, i));
  const middle = tf.add(rows, drop.apply(conv1d(p, at('attn.c_proj'), context)));
  const wide = geluTanh(conv1d(p, at('mlp.c_fc'), norm(c, p, at('ln_2'), middle)));
  return {
    x: tf.add(middle, drop.apply(conv1d(p, at('mlp.c_proj'), wide))),
    keys,
    values,
    scores: () => scoresOf(rows === x ? q : splitHeads(conv1d(p, qkv, normal, 0, c.hidden), c.heads), keys),
  };
}

/** GPT-2 (Radford et al. 2019): norms before what they feed, learnt positions, tied embeddings. */
export const gpt2: Architecture = {
  type: 'gpt2',
  className: ({ head }) => (head === 'language-model' ? 'GPT2LMHeadModel' : className('GPT2', head)),
  prefix: 'transformer.',

  scratch: ({ kvHeads: _, ...shape }) => ({ ...shape, positions: shape.maxLength, eosId: null, epsilon: 1e-5 }),

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    n_embd: c.hidden,
    n_layer: c.layers,
    n_head: c.heads,
    n_inner: c.intermediate,
    n_positions: c.positions,
    activation_function: 'gelu_new',
    embd_pdrop: c.dropout,
    attn_pdrop: c.dropout,
    resid_pdrop: c.dropout,
    layer_norm_epsilon: c.epsilon,
    pad_token_id: c.padId,
    bos_token_id: c.eosId,
    eos_token_id: c.eosId,
    tie_word_embeddings: true,
  }),

  fromHuggingFace(json, head, labels) {
    const { number, tokenId, only } = settings(json);
    only({
      activation_function: 'gelu_new',
      scale_attn_weights: true,
      scale_attn_by_inverse_layer_idx: false,
      add_cross_attention: false,
      tie_word_embeddings: true,
    });
    const [hidden, positions] = [number('n_embd'), number('n_positions', 1024)];
    return {
      type: 'gpt2',
      vocabulary: number('vocab_size'),
      hidden,
      layers: number('n_layer'),
      heads: number('n_head'),
      intermediate: number('n_inner', 4 * hidden),
      positions,
      maxLength: positions,
      head,
      labels,
      dropout: number('resid_pdrop', 0.1),
      epsilon: number('layer_norm_epsilon', 1e-5),
      padId: number('pad_token_id', tokenId('eos_token_id') ?? 0),
      eosId: tokenId('eos_token_id'),
    };
  },

  parameters(c) {
    const specs: Record<string, ParameterSpecs[string]> = {
      'transformer.wte.weight': weight('embeddings', c.vocabulary, c.hidden),
      'transformer.wpe.weight': weight('embeddings', c.positions, c.hidden),
    };
    for (let i = 1; i <= c.layers; i++) {
      const at = (name: string): string => `${layerName(i)}.${name}`;
      Object.assign(
        specs,
        normSpec(i, at('ln_1'), c.hidden),
        conv1dSpec(i, at('attn.c_attn'), c.hidden, 3 * c.hidden),
        conv1dSpec(i, at('attn.c_proj'), c.hidden, c.hidden),
        normSpec(i, at('ln_2'), c.hidden),
        conv1dSpec(i, at('mlp.c_fc'), c.hidden, c.intermediate),
        conv1dSpec(i, at('mlp.c_proj'), c.intermediate, c.hidden),
      );
    }
    return {
      ...specs,
      ...normSpec(c.layers, 'transformer.ln_f', c.hidden),
      ...(readsTexts(c.head) && { 'score.weight': weight('head', c.labels, c.hidden) }),
    };
  },

  layerPrefix: (_, i) => `${layerName(i)}.`,

  dropoutSites(c, batch, length, lastTokens) {
    const layer = (_: unknown, i: number): number[][] => {
      const rows = rowCount(c, i + 1, length, lastTokens);
      return [
        [batch, c.heads, rows, length],
        [batch, rows, c.hidden],
        [batch, rows, c.hidden],
      ];
    };
    return [[batch, length, c.hidden], ...Array.from({ length: c.layers }, layer).flat()];
  },

  encode(c, p, input, drop) {
    const [, length] = input.ids.shape as [number, number];
    const words = tf.gather(p['transformer.wte.weight'] as Tensor, input.ids as tf.Tensor1D);
    const positions = tf.slice(p['transformer.wpe.weight'] as Tensor, [0, 0], [length, c.hidden]);
    let x: Tensor = drop.apply(tf.add(words, positions));
    const hiddenStates = [x];
    const attentionScores: (() => Tensor)[] = [];
    const memory: { keys: Tensor; values: Tensor }[] = [];
    const lookBack = causal(input, drop);
    for (let i = 1; i <= c.layers; i++) {
      const layer = runLayer(c, p, i, x, rowsOf(x, i, c, input), lookBack, drop);
      x = i === c.layers ? norm(c, p, 'transformer.ln_f', layer.x) : layer.x;
      hiddenStates.push(x);
      attentionScores.push(layer.scores);
      memory.push(layer);
    }
    const values = memory.map((layer) => layer.values);
    return { hiddenStates, attentionScores, values, memory, pooled: pooledOf(x, c, input) };
  },

  classify: (_, p, pooled) => linear(p, 'score', pooled),

  decoder: {
    output: (_, p) => p['transformer.wte.weight'] as Tensor,
    kvHeads: (c) => c.heads,
    headWidth: (c) => c.hidden / c.heads,
    positionFeeds: (_, positions) => ({
      position: { dtype: 'int32', shape: [positions.length, 1], data: Int32Array.from(positions) },
    }),
    placed: (_, position) => ({ position }),
    step(c, p, { ids, lookBack, position }) {
      const words = tf.gather(p['transformer.wte.weight'] as Tensor, ids as tf.Tensor1D);
      const here = tf.gather(p['transformer.wpe.weight'] as Tensor, position.position as tf.Tensor1D);
      let x: Tensor = tf.add(words, here);
      const drop = new Dropout([], 0);
      const memory: { keys: Tensor; values: Tensor }[] = [];
      for (let i = 1; i <= c.layers; i++) {
        const layer = runLayer(c, p, i, x, x, lookBack, drop);
        memory.push(layer);
        x = layer.x;
      }
      return { x: norm(c, p, 'transformer.ln_f', x), memory };
    },
  },
};
