import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { ParameterSpecs, Part, PlacedSpec } from './architecture.js';

/** A weight that is drawn, of any shape. */
export const weight = (part: Part, ...shape: number[]): PlacedSpec => ({
  shape,
  initial: 'normal',
  decay: true,
  part,
});
/** A bias. */
export const biasSpec = (part: Part, n: number): PlacedSpec => ({ shape: [n], initial: 'zeros', decay: false, part });

/** What `linear` reads. */
export function linearSpec(part: Part, name: string, inputs: number, outputs: number): ParameterSpecs {
  return { [`${name}.weight`]: weight(part, outputs, inputs), [`${name}.bias`]: biasSpec(part, outputs) };
}

/** GPT-2's `Conv1D`: a linear layer whose weight is [in, out]. */
export function conv1dSpec(part: Part, name: string, inputs: number, outputs: number): ParameterSpecs {
  return { [`${name}.weight`]: weight(part, inputs, outputs), [`${name}.bias`]: biasSpec(part, outputs) };
}

/** Scale and shift of a layer norm. */
export function normSpec(part: Part, name: string, n: number): ParameterSpecs {
  return {
    [`${name}.weight`]: { shape: [n], initial: 'ones', decay: false, part },
    [`${name}.bias`]: biasSpec(part, n),
  };
}

/** x [n, in] · Wᵀ + b → [n, out], with W [out, in] as PyTorch stores it; b may be absent. */
export function linear(parameters: Tensors, name: string, x: Tensor): Tensor {
  const product = tf.matMul(x, parameters[`${name}.weight`] as Tensor, false, true);
  const b = parameters[`${name}.bias`];
  return b ? tf.add(product, b) : product;
}

/** A linear layer over the last axis of [batch, length, in]: one flat matrix product is the fastest form. */
export function dense(parameters: Tensors, name: string, x: Tensor): Tensor {
  return flat(x, (rows) => linear(parameters, name, rows));
}

/** Applies a function of rows [n, in] → [n, out] to [batch, length, in]. */
export function flat(x: Tensor, fn: (rows: Tensor) => Tensor): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.reshape(fn(tf.reshape(x, [batch * length, width])), [batch, length, -1]);
}

/** [batch, length, heads · width] → [batch, heads, length, width] */
export const splitHeads = (x: Tensor, heads: number): Tensor => {
  const [batch, length, all] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, length, heads, all / heads]), [0, 2, 1, 3]);
};

/** [batch, heads, length, width] → [batch, length, heads · width] */
export const joinHeads = (x: Tensor): Tensor => {
  const [batch, heads, length, width] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
};

/** What is kept by a dropout of `rate` is multiplied by this, by the true rate (see `zeroed`), so that means are kept. */
export const dropoutScale = (rate: number): number => 256 / (256 - zeroed(rate));

/** Out of 256 values so many are zeroed on average: rates are multiples of 1/256. */
export const zeroed = (rate: number): number => Math.min(255, Math.round(rate * 256));

/**
 * Zeroes values and scales the rest. Which ones comes from outside: the generator's counter is part of a checkpoint, and
 * the graph stays free of state. A forward pass takes the masks one after the other.
 */
export class Dropout {
  private site = 0;

  /** @param masks 1 where a value is kept, 0 where it is zeroed, one a site; none when not training */
  constructor(
    private readonly masks: readonly Tensor[],
    private readonly rate: number,
  ) {}

  get scale(): number {
    return this.masks.length === 0 ? 1 : dropoutScale(this.rate);
  }

  /** The mask of the next site, for an operator that drops by itself. */
  next(): Tensor | undefined {
    return this.masks[this.site++];
  }

  apply(x: Tensor): Tensor {
    const keep = this.next();
    return keep ? tf.mul(x, tf.mul(tf.cast(keep, 'float32'), this.scale)) : x;
  }
}
