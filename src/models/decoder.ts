import { attend } from '../backend/ops.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { KeysValues, LastTokens, LookBack, ModelInput, TransformerConfig } from './architecture.js';
import type { Dropout } from './layers.js';

/** What GPT-2 and Llama share: tokens that look back only, in training and while a text is being made. */

const MASKED = -1e9;

/**
 * The rows [batch, 1, n] of x that belong to each text's last token; zeros for a text without tokens.
 * @param mask [batch, length]
 * @param x [batch, length, n], or [length, n] for all texts
 */
export function lastTokens(mask: Tensor, x: Tensor): Tensor {
  const [batch, length] = mask.shape as [number, number];
  const next = tf.pad(tf.slice(mask, [0, 1], [batch, length - 1]), [
    [0, 0],
    [0, 1],
  ]);
  const last = tf.sub(mask, next);
  if (x.rank === 2) return tf.reshape(tf.matMul(last, x), [batch, 1, -1]);
  return tf.matMul(tf.reshape(last, [batch, 1, length]), x);
}

/** The rows of a layer: all of x [batch, length, hidden], or of the last layer the last token alone [batch, 1, hidden]. */
export function rowsOf(x: Tensor, layer: number, c: TransformerConfig, input: ModelInput): Tensor {
  return layer === c.layers && input.lastTokens === 'pooled' ? lastTokens(input.mask, x) : x;
}

/** Of the last hidden states, each text's last token's: [batch, hidden]. */
export function pooledOf(x: Tensor, c: TransformerConfig, input: ModelInput): Tensor {
  return tf.reshape(input.lastTokens === 'pooled' ? x : lastTokens(input.mask, x), [-1, c.hidden]);
}

/**
 * Attention within whole texts: to itself and what is before it. Padding is at the end, so no real token sees it; where
 * only the last token asks, padding is masked instead.
 */
export function causal(input: ModelInput, drop: Dropout): LookBack {
  const [, length] = input.ids.shape as [number, number];
  let future: Tensor | undefined; // that of all layers is one
  return (q, { keys, values }) => {
    const [batch, heads, rows, width] = q.shape as [number, number, number, number];
    const kvHeads = keys.shape[1] as number;
    const group = heads / kvHeads;
    // Heads that share keys stand one below the other: no keys are repeated.
    const all = rows === length && length > 1;
    if (all) future ??= above(length, group);
    const bias = all ? (future as Tensor) : tf.mul(tf.sub(1, tf.reshape(input.mask, [-1, 1, 1, length])), MASKED);
    const keep = drop.next();
    const stacked = tf.reshape(q, [batch, kvHeads, group * rows, width]);
    const kept = keep && tf.reshape(keep, [batch, kvHeads, group * rows, length]);
    return tf.reshape(attend(stacked, keys, values, bias, kept, drop.scale), [batch, heads, rows, width]);
  };
}

/** −10⁹ where a column is after its row, [1, 1, group · length, length]. */
function above(length: number, group: number): Tensor {
  const mask = new Float32Array(group * length * length);
  for (let row = 0; row < group * length; row++) {
    mask.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length);
  }
  return tf.tensor(mask, [1, 1, group * length, length]);
}

/** Q·Kᵀ/√d of all heads, before the mask: [batch, heads, length, length]. */
export function scoresOf(q: Tensor, keys: Tensor): Tensor {
  const [batch, heads, rows, width] = q.shape as [number, number, number, number];
  const [, kvHeads, length] = keys.shape as [number, number, number];
  const stacked = tf.reshape(tf.mul(q, 1 / Math.sqrt(width)), [batch, kvHeads, (heads / kvHeads) * rows, width]);
  return tf.reshape(tf.matMul(stacked, keys, false, true), [batch, heads, rows, length]);
}

/**
 * Attention of one new token of each text to those before it, whose keys and values are kept, and to itself. The kept
 * ones are only read: joining the new to them would copy all of them for each token.
 *
 * @param past of each layer: [batch, kv heads, capacity, width]
 * @param free −10⁹ where a place of the capacity is not used yet: [batch, 1, 1, capacity]
 */
export function cached(past: readonly KeysValues[], free: Tensor): LookBack {
  return (q, own, layer) => {
    const { keys, values } = past[layer - 1] as KeysValues;
    const [batch, heads, , width] = q.shape as [number, number, number, number];
    const [, kvHeads, capacity] = keys.shape as [number, number, number];
    const stacked = tf.mul(tf.reshape(q, [batch, kvHeads, heads / kvHeads, width]), 1 / Math.sqrt(width));
    const before = tf.add(tf.matMul(stacked, keys, false, true), free);
    const self = tf.matMul(stacked, own.keys, false, true);
    const probabilities = tf.softmax(tf.concat([before, self], 3));
    const [toPast, toSelf] = tf.split(probabilities, [capacity, 1], 3) as [Tensor, Tensor];
    const context = tf.add(tf.matMul(toPast, values), tf.mul(toSelf, own.values));
    return tf.reshape(context, [batch, heads, 1, width]);
  };
}

/** Rows that a layer computes. */
export const rowCount = (c: TransformerConfig, layer: number, length: number, last: LastTokens): number =>
  layer === c.layers && last === 'pooled' ? 1 : length;
