import { attend, gelu, layerNorm } from '../backend/ops.js';
import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Encoded, LastTokens, ModelInput, ParameterSpecs, TransformerConfig } from './architecture.js';
import { type Dropout, dense, joinHeads, linearSpec, normSpec, splitHeads, weight } from './layers.js';

/**
 * The encoder that BERT, DistilBERT, RoBERTa and ALBERT share: embeddings, then layers of self-attention and a
 * feed-forward net, each added to its input and normalised after it (Vaswani et al. 2017, arXiv:1706.03762). They differ
 * in names and in little else, which is said here.
 */
export interface EncoderKind {
  /** Names of a layer's linear maps and norms, after `layer(i)`. */
  readonly names: {
    readonly query: string;
    readonly key: string;
    readonly value: string;
    readonly projection: string;
    readonly attentionNorm: string;
    readonly up: string;
    readonly down: string;
    readonly outputNorm: string;
  };
  /** Name of the embeddings, without a dot at the end. */
  readonly embeddings: string;
  /** Of a layer, counted from 1, what its parameters' names begin with, without a dot; layers of one name share them. */
  layer(i: number): string;
  /** Where embeddings have a width of their own: that, and the name of the linear map to the hidden states' width. */
  readonly factorised?: { readonly width: number; readonly map: string };
  /** Of the feed-forward net. */
  readonly activation: (x: Tensor) => Tensor;
  /** Token types in the embeddings: of the second are the tokens of a pair's second text, all others of the first. */
  readonly types: number;
  /** Position embeddings before that of the first token. */
  readonly offset: number;
  /** Whether dropout follows the attention's projection. */
  readonly dropsProjection: boolean;
}

/** What a layer of BERT and of RoBERTa is. */
export const BERT_LAYER: Pick<EncoderKind, 'names' | 'activation' | 'dropsProjection'> = {
  names: {
    query: 'attention.self.query',
    key: 'attention.self.key',
    value: 'attention.self.value',
    projection: 'attention.output.dense',
    attentionNorm: 'attention.output.LayerNorm',
    up: 'intermediate.dense',
    down: 'output.dense',
    outputNorm: 'output.LayerNorm',
  },
  activation: gelu,
  dropsProjection: true,
};

const MASKED = -1e9;

export function encoderParameters(kind: EncoderKind, c: TransformerConfig): ParameterSpecs {
  const { names, embeddings, factorised } = kind;
  const width = factorised?.width ?? c.hidden;
  const specs: Record<string, ParameterSpecs[string]> = {
    [`${embeddings}.word_embeddings.weight`]: weight('embeddings', c.vocabulary, width),
    [`${embeddings}.position_embeddings.weight`]: weight('embeddings', c.positions + kind.offset, width),
    ...(kind.types > 0 && {
      [`${embeddings}.token_type_embeddings.weight`]: weight('embeddings', kind.types, width),
    }),
    ...normSpec('embeddings', `${embeddings}.LayerNorm`, width),
    ...(factorised && linearSpec('embeddings', factorised.map, width, c.hidden)),
  };
  for (let i = 1; i <= c.layers; i++) {
    if (i > 1 && kind.layer(i) === kind.layer(i - 1)) continue;
    const at = (name: string): string => `${kind.layer(i)}.${name}`;
    Object.assign(
      specs,
      linearSpec(i, at(names.query), c.hidden, c.hidden),
      linearSpec(i, at(names.key), c.hidden, c.hidden),
      linearSpec(i, at(names.value), c.hidden, c.hidden),
      linearSpec(i, at(names.projection), c.hidden, c.hidden),
      normSpec(i, at(names.attentionNorm), c.hidden),
      linearSpec(i, at(names.up), c.hidden, c.intermediate),
      linearSpec(i, at(names.down), c.intermediate, c.hidden),
      normSpec(i, at(names.outputNorm), c.hidden),
    );
  }
  return specs;
}

/** Embeddings, then of each layer the attention's probabilities, its projection (some) and the feed-forward net. */
export function encoderSites(
  kind: EncoderKind,
  c: TransformerConfig,
  batch: number,
  length: number,
  lastTokens: LastTokens,
): number[][] {
  const layer = (_: unknown, i: number): number[][] => {
    const rows = i === c.layers - 1 && lastTokens === 'pooled' ? 1 : length;
    const output = [batch, rows, c.hidden];
    return [[batch, c.heads, rows, length], ...(kind.dropsProjection ? [output] : []), output];
  };
  return [[batch, length, kind.factorised?.width ?? c.hidden], ...Array.from({ length: c.layers }, layer).flat()];
}

/** What a head drops: nothing of a vector, or where tokens are told; of a text's one state, as often as it says; or of each token's. */
export function headSites(c: TransformerConfig, batch: number, length: number, ofText = 1): number[][] {
  if (c.head === 'embedding' || c.head === 'masked-language-model') return [];
  if (c.head === 'token-classifier') return [[batch, length, c.hidden]];
  return Array.from({ length: ofText }, () => [batch, c.hidden]);
}

export function encodeTexts(
  kind: EncoderKind,
  c: TransformerConfig,
  p: Tensors,
  input: ModelInput,
  drop: Dropout,
): Encoded {
  const { names, embeddings, factorised } = kind;
  const width = factorised?.width ?? c.hidden;
  const [, length] = input.ids.shape as [number, number];
  const norm = (name: string, x: Tensor): Tensor =>
    layerNorm(x, p[`${name}.weight`] as Tensor, p[`${name}.bias`] as Tensor, c.epsilon);

  const words = tf.gather(p[`${embeddings}.word_embeddings.weight`] as Tensor, input.ids as tf.Tensor1D);
  const positions = p[`${embeddings}.position_embeddings.weight`] as Tensor;
  let sum: Tensor = tf.add(words, tf.slice(positions, [kind.offset, 0], [length, width]));
  const types = p[`${embeddings}.token_type_embeddings.weight`];
  if (types) {
    const own = input.types ? tf.gather(types, input.types as tf.Tensor1D) : tf.slice(types, [0, 0], [1, width]);
    sum = tf.add(sum, own);
  }
  const embedded = drop.apply(norm(`${embeddings}.LayerNorm`, sum));
  let x = factorised ? dense(p, factorised.map, embedded) : embedded;

  const blocked = tf.mul(tf.sub(1, tf.reshape(input.mask, [-1, 1, 1, length])), MASKED);
  const hiddenStates = [x];
  const attentionScores: (() => Tensor)[] = [];
  const values: Tensor[] = [];
  for (let i = 1; i <= c.layers; i++) {
    const at = (name: string): string => `${kind.layer(i)}.${name}`;
    const all = x;
    const rows = i === c.layers && input.lastTokens === 'pooled' ? firstToken(x) : x;
    const query = (t: Tensor): Tensor => splitHeads(dense(p, at(names.query), t), c.heads);
    const [q, k, v] = [
      query(rows),
      ...[names.key, names.value].map((n) => splitHeads(dense(p, at(n), x), c.heads)),
    ] as [Tensor, Tensor, Tensor];
    values.push(v);
    const keep = drop.next();
    const context = joinHeads(attend(q, k, v, blocked, keep, drop.scale));
    // Where the rows are all of x, a product that `attend` has too: it is recorded once.
    const root = 1 / Math.sqrt(c.hidden / c.heads);
    attentionScores.push(() => tf.matMul(tf.mul(rows === all ? q : query(all), root), k, false, true));
    const projected = dense(p, at(names.projection), context);
    const middle = norm(
      at(names.attentionNorm),
      tf.add(kind.dropsProjection ? drop.apply(projected) : projected, rows),
    );
    const narrow = dense(p, at(names.down), kind.activation(dense(p, at(names.up), middle)));
    x = norm(at(names.outputNorm), tf.add(drop.apply(narrow), middle));
    hiddenStates.push(x);
  }
  return { hiddenStates, attentionScores, values, pooled: tf.reshape(firstToken(x), [-1, c.hidden]) };
}

const firstToken = (x: Tensor): Tensor => tf.slice(x, [0, 0, 0], [-1, 1, -1]);
