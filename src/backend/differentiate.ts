import type { TensorFunction, Tensors } from './runner.js';
import './sum-gradient.js';
import { type Tensor, tf } from './tf.js';

export interface Differentiated {
  readonly values: Tensors;
  /** By parameter name; absent where the loss does not depend on the parameter. */
  readonly gradients: Tensors;
}

/** Value and gradients of `fn`'s `loss` by tfjs's own tape, on whichever backend is set. */
export function differentiate(fn: TensorFunction, parameters: Tensors, batch: Tensors): Differentiated {
  const names = Object.keys(parameters).filter((name) => fn.trainable?.includes(name) ?? true);
  let values: Tensors = {};
  // `tf.valueAndGrads` throws for a parameter that the loss does not reach; a stage that trains only some layers
  // is normal here, so the engine is asked itself.
  const { grads } = tf.engine().gradients(
    () => {
      values = fn.call(parameters, batch);
      for (const t of Object.values(values)) tf.keep(t);
      return tf.clone(values.loss as Tensor);
    },
    names.map((n) => parameters[n] as Tensor),
    undefined,
    true,
  );
  const gradients: Record<string, Tensor> = {};
  names.forEach((name, i) => {
    const g = grads[i] as Tensor | undefined;
    if (g) gradients[name] = g;
  });
  return { values, gradients };
}
