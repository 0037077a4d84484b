import { tf } from './tf.js';

/** Numbers that are the same in every run: constants, and what is computed of them. */
export interface Known {
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** What tfjs's cpu backend is asked for here. */
interface Cpu {
  makeTensorInfo(shape: number[], dtype: string, values: Known['values']): tf.TensorInfo;
  readSync(dataId: object): Known['values'];
  disposeData(dataId: object): boolean;
}

/** A kernel's inputs as tfjs passes them: by name, or as a list. */
export type Inputs<T> = Readonly<Record<string, T>> | readonly T[];

/**
 * What a kernel makes of known numbers, by tfjs's cpu backend. Graphs of others compute their shapes in tensors; where
 * one is read while recording, this says what it holds.
 */
export function evaluate(kernelName: string, inputs: Inputs<Known>, attrs: object): Known[] {
  const kernel = tf.getKernel(kernelName, 'cpu');
  if (!kernel) throw new Error(`tfjs's cpu backend has no kernel "${kernelName}"`);
  const cpu = tf.engine().findBackend('cpu') as unknown as Cpu;
  const given: tf.TensorInfo[] = [];
  const give = ({ shape, dtype, values }: Known): tf.TensorInfo => {
    const info = cpu.makeTensorInfo([...shape], dtype, values);
    given.push(info);
    return info;
  };
  const made = [
    kernel.kernelFunc({
      inputs: mapInputs(inputs, give) as tf.NamedTensorInfoMap,
      attrs: attrs as tf.NamedAttrMap,
      backend: cpu,
    }),
  ].flat();
  const known = made.map(({ dataId, shape, dtype }) => ({
    dtype: dtype as Known['dtype'],
    shape,
    values: cpu.readSync(dataId).slice(),
  }));
  for (const { dataId } of [...made, ...given]) cpu.disposeData(dataId);
  return known;
}

/** A list stays one: some kernels look at the order. */
export function mapInputs<T, U>(inputs: Inputs<T>, fn: (input: T) => U): Inputs<U> {
  if (Array.isArray(inputs)) return (inputs as readonly T[]).map(fn);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, fn(input as T)]));
}

/** Places of the elements that are not 0, [count, rank], in order. */
export function placesOf({ shape, values }: Pick<Known, 'shape' | 'values'>): Int32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const places: number[] = [];
  values.forEach((value, i) => {
    if (value !== 0) places.push(...strides.map((stride, axis) => Math.floor(i / stride) % (shape[axis] as number)));
  });
  return Int32Array.from(places);
}
