import { type Tensor, tf } from './tf.js';
import { recording } from './trace.js';

/**
 * Operators of our own, with a backward written by hand in tfjs ops. Where no gradient is wanted and ONNX has such an
 * operator, the recording has that; else they are composed of plain tfjs ops, as on every other backend.
 */

/** Whether a backward pass will follow, so that what it needs is worth keeping. */
const differentiating = (): boolean => tf.engine().state.gradientDepth > 0;

type Save = (tensors: Tensor[]) => void;

/** `tf.customGrad` with types: `forward` gets the tensors and says what the backward needs. */
function withGradient(
  inputs: readonly Tensor[],
  forward: (save: Save) => Tensor,
  backward: (dy: Tensor, saved: Tensor[]) => Tensor[],
): Tensor {
  const op = tf.customGrad((...args: (Tensor | Save)[]) => ({
    value: forward(args[inputs.length] as Save),
    gradFunc: backward,
  }));
  return op(...inputs);
}

/** y = gamma · (x − mean) / √(var + epsilon) + beta over the last axis (Ba et al. 2016, arXiv:1607.06450). */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  const forward = (save: Save): Tensor => {
    // Where a backward follows, the normalised values are worth more than the one operator that hides them.
    if (recording() && !differentiating()) {
      return tf.engine().runKernel('RecipeLayerNorm', { x, gamma, beta }, { epsilon }) as unknown as Tensor;
    }
    const centred = tf.sub(x, meanOfLast(x));
    const inverse = tf.rsqrt(tf.add(meanOfLast(tf.square(centred)), epsilon));
    const normal = tf.mul(centred, inverse);
    save([normal, inverse, gamma]);
    return tf.add(tf.mul(normal, gamma), beta);
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [normal, inverse, gamma] = saved as [Tensor, Tensor, Tensor];
    const dNormal = tf.mul(dy, gamma);
    const centred = tf.sub(tf.sub(dNormal, tf.mul(normal, meanOfLast(tf.mul(dNormal, normal)))), meanOfLast(dNormal));
    const others = othersThanLast(dy);
    return [tf.mul(centred, inverse), tf.sum(tf.mul(dy, normal), others), tf.sum(dy, others)];
  };
  return withGradient([x, gamma, beta], forward, backward);
}

/** y = gamma · x / √(mean(x²) + epsilon) over the last axis (Zhang & Sennrich 2019, arXiv:1910.07467). */
export function rmsNorm(x: Tensor, gamma: Tensor, epsilon: number): Tensor {
  const forward = (save: Save): Tensor => {
    const inverse = tf.rsqrt(tf.add(meanOfLast(tf.square(x)), epsilon));
    const normal = tf.mul(x, inverse);
    save([normal, inverse, gamma]);
    return tf.mul(normal, gamma);
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [normal, inverse, gamma] = saved as [Tensor, Tensor, Tensor];
    const dNormal = tf.mul(dy, gamma);
    const dx = tf.mul(tf.sub(dNormal, tf.mul(normal, meanOfLast(tf.mul(dNormal, normal)))), inverse);
    return [dx, tf.sum(tf.mul(dy, normal), othersThanLast(dy))];
  };
  return withGradient([x, gamma], forward, backward);
}

/**
 * A mean over the last axis is a product with a column: ORT is faster at those than at reductions. The column is a
 * constant: with one that is computed, ORT's order of summation would depend on the number of threads.
 */
function meanOfLast(t: Tensor): Tensor {
  const n = t.shape.at(-1) as number;
  return tf.reshape(tf.matMul(tf.reshape(t, [-1, n]), tf.fill([n, 1], 1 / n)), [...t.shape.slice(0, -1), 1]);
}

const othersThanLast = (t: Tensor): number[] => t.shape.map((_, i) => i).slice(0, -1);

/**
 * x · Φ(x), the exact (erf) GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415).
 *
 * With u = x/√2 all of it is in u, so that the recorder can have the product before it give u and the product after it
 * take the √2: y = √2 · u·Φ, and y′ = Φ + u·exp(−u²)/√π, where Φ = (erf(u) + 1)/2 is kept from the forward pass.
 */
export function gelu(x: Tensor): Tensor {
  const forward = (save: Save): Tensor => {
    if (recording() && !differentiating()) return tf.engine().runKernel('RecipeGelu', { x }) as unknown as Tensor;
    const u = tf.mul(x, Math.SQRT1_2);
    const cumulative = tf.mul(tf.add(tf.erf(u), 1), 0.5);
    save([u, cumulative]);
    return tf.mul(tf.mul(u, cumulative), Math.SQRT2);
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [u, cumulative] = saved as [Tensor, Tensor];
    const density = tf.exp(tf.sub(-0.5 * Math.log(Math.PI), tf.mul(u, u)));
    return [tf.mul(dy, tf.add(cumulative, tf.mul(u, density)))];
  };
  return withGradient([x], forward, backward);
}

/**
 * GELU's tanh form, as GPT-2 has it: x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2.
 */
export function geluTanh(x: Tensor): Tensor {
  const root = Math.sqrt(2 / Math.PI);
  const forward = (save: Save): Tensor => {
    const square = tf.mul(x, x);
    const t = tf.tanh(tf.mul(x, tf.add(tf.mul(square, 0.044715 * root), root)));
    const half = tf.mul(tf.add(t, 1), 0.5);
    save([x, square, t, half]);
    return tf.mul(x, half);
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [x, square, t, half] = saved as [Tensor, Tensor, Tensor, Tensor];
    const slope = tf.add(tf.mul(square, 1.5 * 0.044715 * root), 0.5 * root);
    return [tf.mul(dy, tf.add(half, tf.mul(tf.mul(x, slope), tf.sub(1, tf.mul(t, t)))))];
  };
  return withGradient([x], forward, backward);
}

/** x · σ(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415), Llama's activation. */
export function silu(x: Tensor): Tensor {
  const forward = (save: Save): Tensor => {
    const gate = tf.sigmoid(x);
    const y = tf.mul(x, gate);
    save([gate, y]);
    return y;
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [gate, y] = saved as [Tensor, Tensor];
    return [tf.mul(dy, tf.add(gate, tf.mul(y, tf.sub(1, gate))))];
  };
  return withGradient([x], forward, backward);
}

/**
 * softmax(q·kᵀ/√d + bias)·v, with dropout on the probabilities (Vaswani et al. 2017, arXiv:1706.03762).
 *
 * The backward never forms the softmax's own sum over keys: Σₖ dPₖ·Pₖ = dO·O, a sum over d numbers instead of as many as
 * there are keys (Dao 2023, arXiv:2307.08691, §3.1), dropout or not.
 *
 * @param q [batch, heads, rows, d]
 * @param k, v [batch, heads, length, d]
 * @param bias added to the scores and not learnt, e.g. −10⁹ at padding; broadcast to [batch, heads, rows, length]
 * @param keep 1 where a probability is kept, else 0, of the scores' shape; undefined without dropout
 * @param scale of what is kept
 * @returns [batch, heads, rows, d]
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, keep: Tensor | undefined, scale: number): Tensor {
  const root = 1 / Math.sqrt(q.shape.at(-1) as number);
  const masked = (t: Tensor, mask: Tensor | undefined): Tensor => (mask ? tf.mul(t, tf.cast(mask, 'float32')) : t);
  const forward = (save: Save): Tensor => {
    const probabilities = tf.softmax(tf.add(tf.matMul(tf.mul(q, root), k, false, true), bias));
    const context = tf.matMul(masked(probabilities, keep), tf.mul(v, scale));
    save([q, k, v, probabilities, context, ...(keep ? [keep] : [])]);
    return context;
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [q, k, v, probabilities, context, keep] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor?];
    const dyScaled = tf.mul(dy, scale);
    const dProbabilities = masked(tf.matMul(dyScaled, v, false, true), keep);
    const dScores = tf.mul(probabilities, tf.sub(dProbabilities, tf.sum(tf.mul(dy, context), -1, true)));
    return [
      tf.matMul(dScores, tf.mul(k, root)),
      tf.matMul(dScores, tf.mul(q, root), true, false),
      tf.matMul(masked(probabilities, keep), dyScaled, true, false),
    ];
  };
  return withGradient([q, k, v], forward, backward);
}

/**
 * −log softmax(x·wᵀ + b)[target] of each row: the cross-entropy with one class of many. Of the classes' [n, classes] only
 * what a softmax needs is computed: the target's own logit is x·w[target] + b[target], so nothing is picked and nothing
 * is one-hot.
 *
 * @param x [n, width]
 * @param w [classes, width]
 * @param targets int32 [n]
 * @param b [classes]; undefined: none
 * @returns [n]
 */
export function crossEntropy(x: Tensor, w: Tensor, targets: Tensor, b?: Tensor): Tensor {
  const [n] = x.shape as [number, number];
  const column = (t: Tensor): Tensor => tf.reshape(t, [n, 1]);
  const own = (w: Tensor): Tensor => tf.gather(w, targets as tf.Tensor1D);
  const forward = (save: Save): Tensor => {
    const scores = tf.matMul(x, w, false, true);
    const logits = b ? tf.add(scores, b) : scores;
    const top = tf.max(logits, -1, true);
    const masses = tf.exp(tf.sub(logits, top));
    const total = tf.sum(masses, -1, true);
    save([x, w, masses, total]);
    const product = tf.sum(tf.mul(x, own(w)), -1);
    return tf.sub(tf.reshape(tf.add(tf.log(total), top), [n]), b ? tf.add(product, own(b)) : product);
  };
  const backward = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [x, w, masses, total] = saved as [Tensor, Tensor, Tensor, Tensor];
    const dLogits = tf.mul(masses, tf.div(column(dy), total));
    const [classes] = w.shape as [number, number];
    return [
      tf.sub(tf.matMul(dLogits, w), tf.mul(own(w), column(dy))),
      tf.sub(
        tf.matMul(dLogits, x, true, false),
        tf.unsortedSegmentSum(tf.mul(x, column(dy)), targets as tf.Tensor1D, classes),
      ),
      ...(b ? [tf.sub(tf.sum(dLogits, 0), tf.unsortedSegmentSum(dy, targets as tf.Tensor1D, classes))] : []),
    ];
  };
  return withGradient(b ? [x, w, b] : [x, w], forward, backward);
}
