import type { Outputs, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Signal, TokenSignal } from '../data/logits/signal.js';
import { highBits, splitIds } from '../data/logits/token-ids.js';
import type { RowParts } from '../data/logits/write-shard.js';
import { float16Bits } from '../util/float16.js';
import type { Random } from '../util/random.js';

/** What a teacher computes of a language model's next tokens, and how that becomes a row of a shard. */

/** Outputs that are kept in the cache's own type; the others are exact. */
export const ROUNDED: readonly string[] = ['full.logits', 'topk.logprobs', 'topk.tail', 'topk.tail_at_1'];

/**
 * The part of a teacher's graph that comes after its logits, so that of a large vocabulary only what is kept leaves it.
 * @param logits [n, vocabulary]
 * @returns tensors [n, …] for `tokenParts`
 */
export function nextTokenTensors(logits: Tensor, tokens: TokenSignal): Tensors {
  if (tokens.keep === 'full') return { 'full.logits': logits };
  const { temperature } = tokens;
  if (tokens.keep === 'sampled') {
    const scaled = temperature === 1 ? logits : tf.div(logits, temperature);
    const probabilities = tf.softmax(scaled);
    if (temperature === 1) return { probabilities };
    const top = tf.max(logits, -1, true);
    const total = (t: number): Tensor => tf.log(tf.sum(tf.exp(tf.div(tf.sub(logits, top), t)), -1));
    return { probabilities, shift: tf.sub(tf.mul(total(temperature), temperature), total(1)) };
  }
  const { k, vocabulary } = tokens;
  const [n] = logits.shape as [number, number];
  const { values, indices } = tf.topk(logits, k);
  const top = tf.slice(values, [0, 0], [n, 1]);
  const last = tf.slice(values, [0, k - 1], [n, 1]);
  // Who is below the k-th for sure; of those that equal it some are among the k, and how many are not is counted.
  const below = tf.cast(tf.less(logits, last), 'float32');
  const equal = tf.sub(vocabulary - k, tf.sum(below, -1));
  const far = tf.sub(logits, top);
  const [kept, least] = [tf.sub(values, top), tf.reshape(tf.sub(last, top), [n])];
  /** Logs of the mass of all tokens, and of all but the k, both relative to the most likely one. */
  const masses = (t: number): { readonly all: Tensor; readonly tail: Tensor; readonly covered: Tensor } => {
    const at = (x: Tensor): Tensor => tf.exp(t === 1 ? x : tf.div(x, t));
    // Added up by itself: 1 − what is kept would lose what a small tail is.
    const tail = tf.add(tf.sum(tf.mul(at(far), below), -1), tf.mul(equal, at(least)));
    const head = tf.sum(at(kept), -1);
    const all = tf.add(head, tail);
    return { all: tf.log(all), tail: tf.sub(tf.log(tail), tf.log(all)), covered: tf.div(head, all) };
  };
  const { all, tail, covered } = masses(temperature);
  const scaled = temperature === 1 ? kept : tf.div(kept, temperature);
  const outputs = {
    'topk.ids': indices,
    'topk.logprobs': tf.sub(scaled, tf.reshape(all, [n, 1])),
    'topk.tail': tail,
    covered,
  };
  if (temperature === 1) return outputs;
  const one = masses(1);
  return { ...outputs, 'topk.shift': tf.sub(tf.mul(all, temperature), one.all), 'topk.tail_at_1': one.tail };
}

/**
 * One text's part of what `nextTokenTensors` gave.
 * @param dtype in which the outputs named in `ROUNDED` are
 * @param first of the outputs' n, that of its first token
 * @param n its tokens
 * @param random draws its tokens
 */
export function tokenParts(
  tokens: TokenSignal,
  dtype: Signal['dtype'],
  outputs: Outputs,
  first: number,
  n: number,
  random: Random,
): RowParts {
  const cut = (name: string, width: number) =>
    (outputs[name] as Float32Array | Uint16Array).slice(first * width, (first + n) * width);
  const mean = (values: Float32Array): Float32Array =>
    Float32Array.of(n === 0 ? 1 : values.reduce((sum, x) => sum + x, 0) / n);
  const bits = highBits(tokens.vocabulary);
  switch (tokens.keep) {
    case 'full':
      return { 'full.logits': cut('full.logits', tokens.vocabulary), covered: Float32Array.of(1) };
    case 'top-k': {
      const { low, high } = splitIds(cut('topk.ids', tokens.k), tokens.k, bits);
      return {
        'topk.low': low,
        'topk.high': high,
        'topk.logprobs': cut('topk.logprobs', tokens.k),
        'topk.tail': cut('topk.tail', 1),
        covered: mean(cut('covered', 1) as Float32Array),
        ...(tokens.temperature !== 1 && {
          'topk.shift': cut('topk.shift', 1),
          'topk.tail_at_1': cut('topk.tail_at_1', 1),
        }),
      };
    }
    case 'sampled': {
      const { vocabulary, samples, temperature } = tokens;
      const ids: number[] = [];
      const counts: number[] = [];
      const ratios: number[] = [];
      const [unique, covered] = [new Uint8Array(n), new Float32Array(n)];
      for (let t = 0; t < n; t++) {
        const from = (first + t) * vocabulary;
        const p = (outputs.probabilities as Float32Array).subarray(from, from + vocabulary);
        const drawn = drawTokens(p, samples, random);
        ids.push(...drawn.ids);
        counts.push(...drawn.counts);
        unique[t] = drawn.ids.length;
        covered[t] = drawn.ids.reduce((sum, id) => sum + (p[id] as number), 0);
        if (temperature === 1) continue;
        // log p₁ − log p_T, where log p₁ = T · log p_T + shift
        const shift = (outputs.shift as Float32Array)[first + t] as number;
        ratios.push(...drawn.ids.map((id) => (temperature - 1) * Math.log(p[id] as number) + shift));
      }
      const { low, high } = splitIds(ids, ids.length, bits);
      const ratio = Float32Array.from(ratios);
      return {
        'sampled.draws': Int32Array.of(ids.length),
        'sampled.unique': unique,
        'sampled.low': low,
        'sampled.high': high,
        'sampled.counts': Uint8Array.from(counts),
        covered: mean(covered),
        ...(temperature !== 1 && { 'sampled.log_ratio': dtype === 'float16' ? float16Bits(ratio) : ratio }),
      };
    }
  }
}

export interface Drawn {
  /** Different ones, ascending. */
  readonly ids: readonly number[];
  /** How often each was drawn. */
  readonly counts: readonly number[];
}

/** Draws tokens, with replacement, by their probabilities. */
export function drawTokens(probabilities: Float32Array, samples: number, random: Random): Drawn {
  let total = 0;
  for (let id = 0; id < probabilities.length; id++) total += probabilities[id] as number;
  // Rounding must not put a point at the very end, where no token is.
  const end = total * (1 - Number.EPSILON);
  const points = Float64Array.from({ length: samples }, () => Math.min(random.uniform() * total, end)).sort();
  const ids: number[] = [];
  const counts: number[] = [];
  let [sum, next] = [0, 0];
  for (let id = 0; id < probabilities.length && next < samples; id++) {
    sum += probabilities[id] as number;
    const before = next;
    while (next < samples && (points[next] as number) < sum) next++;
    if (next === before) continue;
    ids.push(id);
    counts.push(next - before);
  }
  return { ids, counts };
}
