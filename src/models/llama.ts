import { rmsNorm, silu } from '../backend/ops.js';
import type { HostTensors, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import { StepFailure } from '../util/failure.js';
import type {
  Architecture,
  LookBack,
  ModelInput,
  ParameterSpecs,
  Part,
  PlacedSpec,
  TransformerConfig,
} from './architecture.js';
import { className } from './class-name.js';
import { causal, lastTokens, pooledOf, rowCount, rowsOf, scoresOf } from './decoder.js';
import { readsTexts } from './heads.js';
import { type Dropout, dense, joinHeads, linear, splitHeads, weight } from './layers.js';
import { frequencies, type RopeScaling, readRope, rotate, writeRope } from './rope.js';
import { settings } from './settings.js';

interface LlamaConfig extends TransformerConfig {
  /** Heads of keys and values; each is shared by heads / kvHeads heads (Ainslie et al. 2023, arXiv:2305.13245). */
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  /** The output embeddings are the input embeddings. */
  readonly tied: boolean;
  /** Whether the maps to queries, keys and values, and back, have a bias. */
  readonly bias: { readonly qkv: boolean; readonly output: boolean };
  /** Whether queries and keys are normalised, head by head. */
  readonly headNorms: boolean;
}

/** In what the members of the family differ. */
interface Member {
  readonly type: string;
  /** Of its classes in transformers. */
  readonly name: string;
  readonly headNorms: boolean;
  /** What transformers takes where `config.json` does not say: heads of keys and values, and a head's width. */
  readonly usual?: { readonly kvHeads: number; readonly headWidth?: number };
  bias(attentionBias: boolean): LlamaConfig['bias'];
}

const layerName = (i: number): string => `model.layers.${i - 1}`;
const ones = (part: Part, n: number): PlacedSpec => ({ shape: [n], initial: 'ones', decay: false, part });

const norm = (c: LlamaConfig, p: Tensors, name: string, x: Tensor): Tensor =>
  rmsNorm(x, p[`${name}.weight`] as Tensor, c.epsilon);

/** cos and sin of each position's angles: [positions, width / 2] each. */
interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

interface LayerOutput {
  readonly x: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly scores: () => Tensor;
}

/**
 * One layer: x [batch, length, hidden] gives keys and values, `rows` (x or the last tokens) ask.
 *
 * @param rotations of x, and of `rows`
 */
function runLayer(
  c: LlamaConfig,
  p: Tensors,
  i: number,
  x: Tensor,
  rows: Tensor,
  rotations: { readonly all: Rotation; readonly rows: Rotation },
  lookBack: LookBack,
): LayerOutput {
  const at = (name: string): string => `${layerName(i)}.${name}`;
  const normal = norm(c, p, at('input_layernorm'), x);
  const heads = (name: 'q' | 'k', t: Tensor, count: number, { cos, sin }: Rotation): Tensor => {
    const split = splitHeads(dense(p, at(`self_attn.${name}_proj`), t), count);
    return rotate(c.headNorms ? norm(c, p, at(`self_attn.${name}_norm`), split) : split, cos, sin);
  };
  const asking = rows === x ? normal : norm(c, p, at('input_layernorm'), rows);
  const q = heads('q', asking, c.heads, rotations.rows);
  const keys = heads('k', normal, c.kvHeads, rotations.all);
  const values = splitHeads(dense(p, at('self_attn.v_proj'), normal), c.kvHeads);
  const context = joinHeads(lookBack(q, { keys, values }, i));
  const middle = tf.add(rows, dense(p, at('self_attn.o_proj'), context));
  const normalMiddle = norm(c, p, at('post_attention_layernorm'), middle);
  const gated = tf.mul(silu(dense(p, at('mlp.gate_proj'), normalMiddle)), dense(p, at('mlp.up_proj'), normalMiddle));
  return {
    x: tf.add(middle, dense(p, at('mlp.down_proj'), gated)),
    keys,
    values,
    scores: () => scoresOf(rows === x ? q : heads('q', normal, c.heads, rotations.all), keys),
  };
}

const embeddings = (p: Tensors, ids: Tensor): Tensor =>
  tf.gather(p['model.embed_tokens.weight'] as Tensor, ids as tf.Tensor1D);

/**
 * The Llama family (Touvron et al. 2023, arXiv:2302.13971): RMSNorm, rotary positions, SwiGLU, shared keys and values.
 * SmolLM2 is a Llama.
 */
const member = ({ type, name, headNorms, usual, bias }: Member): Architecture<LlamaConfig> => ({
  type,
  className: ({ head }) => className(name, head),
  prefix: 'model.',

  scratch: ({ kvHeads, ...shape }) => ({
    ...shape,
    positions: shape.maxLength,
    eosId: null,
    epsilon: 1e-6,
    kvHeads,
    headWidth: shape.hidden / shape.heads,
    ropeTheta: 10_000,
    ropeScaling: undefined,
    tied: true,
    bias: bias(false),
    headNorms,
  }),

  toHuggingFace: (c) => ({
    vocab_size: c.vocabulary,
    hidden_size: c.hidden,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headWidth,
    intermediate_size: c.intermediate,
    max_position_embeddings: c.positions,
    hidden_act: 'silu',
    attention_dropout: c.dropout,
    attention_bias: c.bias.output,
    rms_norm_eps: c.epsilon,
    ...writeRope(c),
    tie_word_embeddings: c.tied,
    pad_token_id: c.padId,
    bos_token_id: null,
    eos_token_id: c.eosId,
  }),

  fromHuggingFace(json, head, labels) {
    const { number, flag, tokenId, only } = settings(json);
    if ([json.layer_types].flat().includes('sliding_attention')) {
      throw new StepFailure('unsupported-model', 'config.json has layers that attend to a sliding window only');
    }
    only({ hidden_act: 'silu', mlp_bias: false, use_sliding_window: false, pretraining_tp: 1 });
    const [hidden, heads, positions] = [
      number('hidden_size'),
      number('num_attention_heads'),
      number('max_position_embeddings'),
    ];
    return {
      type,
      vocabulary: number('vocab_size'),
      hidden,
      layers: number('num_hidden_layers'),
      heads,
      // Null means that no heads share; only what is left out has the family's usual value.
      kvHeads:
        json.num_key_value_heads === undefined ? (usual?.kvHeads ?? heads) : number('num_key_value_heads', heads),
      headWidth: number('head_dim', usual?.headWidth ?? hidden / heads),
      intermediate: number('intermediate_size'),
      positions,
      maxLength: positions,
      head,
      labels,
      dropout: number('attention_dropout', 0),
      epsilon: number('rms_norm_eps', 1e-6),
      ...readRope(json),
      tied: flag('tie_word_embeddings', false),
      bias: bias(flag('attention_bias', false)),
      headNorms,
      padId: number('pad_token_id', tokenId('eos_token_id') ?? 0),
      eosId: tokenId('eos_token_id'),
    };
  },

  parameters(c) {
    const specs: Record<string, PlacedSpec> = {
      'model.embed_tokens.weight': weight('embeddings', c.vocabulary, c.hidden),
    };
    for (let i = 1; i <= c.layers; i++) {
      const map = (name: string, inputs: number, outputs: number, biased: boolean): ParameterSpecs => ({
        [`${layerName(i)}.${name}.weight`]: weight(i, outputs, inputs),
        ...(biased && {
          [`${layerName(i)}.${name}.bias`]: { shape: [outputs], initial: 'zeros', decay: false, part: i } as const,
        }),
      });
      Object.assign(
        specs,
        map('self_attn.q_proj', c.hidden, c.heads * c.headWidth, c.bias.qkv),
        map('self_attn.k_proj', c.hidden, c.kvHeads * c.headWidth, c.bias.qkv),
        map('self_attn.v_proj', c.hidden, c.kvHeads * c.headWidth, c.bias.qkv),
        map('self_attn.o_proj', c.heads * c.headWidth, c.hidden, c.bias.output),
        c.headNorms && {
          [`${layerName(i)}.self_attn.q_norm.weight`]: ones(i, c.headWidth),
          [`${layerName(i)}.self_attn.k_norm.weight`]: ones(i, c.headWidth),
        },
        map('mlp.gate_proj', c.hidden, c.intermediate, false),
        map('mlp.up_proj', c.hidden, c.intermediate, false),
        map('mlp.down_proj', c.intermediate, c.hidden, false),
        {
          [`${layerName(i)}.input_layernorm.weight`]: ones(i, c.hidden),
          [`${layerName(i)}.post_attention_layernorm.weight`]: ones(i, c.hidden),
        },
      );
    }
    return {
      ...specs,
      'model.norm.weight': ones(c.layers, c.hidden),
      ...(readsTexts(c.head) && { 'score.weight': weight('head', c.labels, c.hidden) }),
      ...(c.head === 'language-model' && !c.tied && { 'lm_head.weight': weight('head', c.vocabulary, c.hidden) }),
    };
  },

  layerPrefix: (_, i) => `${layerName(i)}.`,

  dropoutSites: (c, batch, length, lastTokens) =>
    Array.from({ length: c.layers }, (_, i) => [batch, c.heads, rowCount(c, i + 1, length, lastTokens), length]),

  encode(c, p, input, drop: Dropout) {
    const [, length] = input.ids.shape as [number, number];
    let x = embeddings(p, input.ids);
    const hiddenStates = [x];
    const attentionScores: (() => Tensor)[] = [];
    const memory: { keys: Tensor; values: Tensor }[] = [];
    const lookBack = causal(input, drop);
    const table = angles(
      c,
      Array.from({ length }, (_, position) => position),
    );
    const all = { cos: tf.tensor(table.cos, table.shape), sin: tf.tensor(table.sin, table.shape) };
    for (let i = 1; i <= c.layers; i++) {
      const rows = rowsOf(x, i, c, input);
      const layer = runLayer(c, p, i, x, rows, { all, rows: rows === x ? all : lastRotation(all, input) }, lookBack);
      x = i === c.layers ? norm(c, p, 'model.norm', layer.x) : layer.x;
      hiddenStates.push(x);
      attentionScores.push(layer.scores);
      memory.push(layer);
    }
    const values = memory.map((layer) => layer.values);
    return { hiddenStates, attentionScores, values, memory, pooled: pooledOf(x, c, input) };
  },

  classify: (_, p, pooled) => linear(p, 'score', pooled),

  decoder: {
    output: (c, p) => p[c.tied ? 'model.embed_tokens.weight' : 'lm_head.weight'] as Tensor,
    kvHeads: (c) => c.kvHeads,
    headWidth: (c) => c.headWidth,
    positionFeeds(c, positions): HostTensors {
      const {
        cos,
        sin,
        shape: [count, rates],
      } = angles(c, positions);
      const shape = [count, 1, 1, rates];
      return { cos: { dtype: 'float32', shape, data: cos }, sin: { dtype: 'float32', shape, data: sin } };
    },
    placed(c, positions) {
      const [batch, length] = positions.shape as [number, number];
      const rates = tf.tensor(frequencies(c.headWidth, c), [1, 1, 1, c.headWidth / 2]);
      const angles = tf.mul(tf.cast(tf.reshape(positions, [batch, 1, length, 1]), 'float32'), rates);
      return { cos: tf.cos(angles), sin: tf.sin(angles) };
    },
    step(c, p, { ids, lookBack, position }) {
      let x = embeddings(p, ids);
      const here = position as unknown as Rotation;
      const memory: { keys: Tensor; values: Tensor }[] = [];
      for (let i = 1; i <= c.layers; i++) {
        const layer = runLayer(c, p, i, x, x, { all: here, rows: here }, lookBack);
        memory.push(layer);
        x = layer.x;
      }
      return { x: norm(c, p, 'model.norm', x), memory };
    },
  },
});

/** cos and sin of positions: [positions, width / 2]. */
function angles(c: LlamaConfig, positions: readonly number[]) {
  const rates = frequencies(c.headWidth, c);
  const shape: [number, number] = [positions.length, rates.length];
  const of = (fn: (angle: number) => number): Float32Array =>
    Float32Array.from({ length: shape[0] * shape[1] }, (_, k) => {
      const position = positions[Math.floor(k / rates.length)] as number;
      return fn(position * (rates[k % rates.length] as number));
    });
  return { shape, cos: of(Math.cos), sin: of(Math.sin) };
}

/** Each text's last token's rotation: [batch, 1, 1, width / 2]. */
function lastRotation({ cos, sin }: Rotation, { mask }: ModelInput): Rotation {
  const last = (t: Tensor): Tensor => tf.reshape(lastTokens(mask, t), [mask.shape[0] as number, 1, 1, -1]);
  return { cos: last(cos), sin: last(sin) };
}

export const llama = member({
  type: 'llama',
  name: 'Llama',
  headNorms: false,
  bias: (asked) => ({ qkv: asked, output: asked }),
});

/** Qwen 2 and 2.5: queries, keys and values have a bias. */
export const qwen2 = member({
  type: 'qwen2',
  name: 'Qwen2',
  usual: { kvHeads: 32 },
  headNorms: false,
  bias: () => ({ qkv: true, output: false }),
});

/** Qwen 3: no bias, but norms of queries and keys. */
export const qwen3 = member({
  type: 'qwen3',
  name: 'Qwen3',
  usual: { kvHeads: 32, headWidth: 128 },
  headNorms: true,
  bias: (asked) => ({ qkv: asked, output: asked }),
});
