import { type Tensor, tf } from './tf.js';
import { TRACE } from './trace.js';

/**
 * Operators of our own: one node each when recorded, composed of plain tfjs ops on every other backend. Their
 * backward is written by hand in tfjs ops either way.
 */

const recording = (): boolean => tf.getBackend() === TRACE;

/** y = gamma · (x − mean) / √(var + epsilon) + beta over the last axis (Ba et al. 2016, arXiv:1607.06450). */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  const op = tf.customGrad((...args: (Tensor | ((t: Tensor[]) => void))[]) => {
    const [x, gamma, beta] = args as [Tensor, Tensor, Tensor];
    const save = args[3] as (t: Tensor[]) => void;
    let y: Tensor;
    let mean: Tensor;
    let inverse: Tensor;
    if (recording()) {
      [y, mean, inverse] = tf.engine().runKernel('RecipeLayerNorm', { x, gamma, beta }, { epsilon }) as unknown as [
        Tensor,
        Tensor,
        Tensor,
      ];
    } else {
      mean = tf.mean(x, -1, true);
      inverse = tf.rsqrt(tf.add(tf.mean(tf.square(tf.sub(x, mean)), -1, true), epsilon));
      y = tf.add(tf.mul(tf.mul(tf.sub(x, mean), inverse), gamma), beta);
    }
    save([x, gamma, mean, inverse]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const [x, gamma, mean, inverse] = saved as [Tensor, Tensor, Tensor, Tensor];
      const normal = tf.mul(tf.sub(x, mean), inverse);
      const g = tf.mul(dy, gamma);
      const correction = tf.add(tf.mean(g, -1, true), tf.mul(normal, tf.mean(tf.mul(g, normal), -1, true)));
      const others = x.shape.map((_, i) => i).slice(0, -1);
      return [tf.mul(tf.sub(g, correction), inverse), tf.sum(tf.mul(dy, normal), others), tf.sum(dy, others)];
    };
    return { value: y, gradFunc };
  });
  return op(x, gamma, beta);
}

/** x · Φ(x), the exact (erf) GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
export function gelu(x: Tensor): Tensor {
  const cumulative = (x: Tensor): Tensor => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
  const op = tf.customGrad((...args: (Tensor | ((t: Tensor[]) => void))[]) => {
    const x = args[0] as Tensor;
    (args[1] as (t: Tensor[]) => void)([x]);
    const value = recording()
      ? (tf.engine().runKernel('RecipeGelu', { x }) as unknown as Tensor)
      : tf.mul(x, cumulative(x));
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const [x] = saved as [Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [tf.mul(dy, tf.add(cumulative(x), tf.mul(x, density)))];
    };
    return { value, gradFunc };
  });
  return op(x);
}
