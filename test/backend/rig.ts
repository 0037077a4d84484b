import { expect } from 'vitest';
import type { Gradient, HostTensor, HostTensors } from '../../src/backend/runner.js';
import { sizeOf } from '../../src/backend/shape.js';
import { Random } from '../../src/util/random.js';

/** Random numbers, uniform in [from, to). */
export function floats(name: string, shape: readonly number[], from = -2, to = 2): HostTensor & { data: Float32Array } {
  const random = new Random(11, name);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => from + (to - from) * random.uniform());
  return { dtype: 'float32', shape, data };
}

/** Random whole numbers in 0 … below − 1. */
export function ints(name: string, shape: readonly number[], below: number): HostTensor & { data: Int32Array } {
  const random = new Random(11, name);
  return { dtype: 'int32', shape, data: Int32Array.from({ length: sizeOf(shape) }, () => random.below(below)) };
}

export const float32 = (shape: readonly number[], data: readonly number[]): HostTensor & { data: Float32Array } => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(data),
});

/** A gradient as one array, rows added up. */
export function dense(gradient: Gradient | undefined, like: HostTensors[string]): Float32Array {
  if (!gradient) throw new Error('no gradient came');
  if ('dense' in gradient) return gradient.dense;
  const sum = new Float32Array(like.data.length);
  gradient.ids.forEach((id, i) => {
    for (let j = 0; j < gradient.width; j++) {
      sum[id * gradient.width + j] =
        (sum[id * gradient.width + j] as number) + (gradient.rows[i * gradient.width + j] as number);
    }
  });
  return sum;
}

/** |a − b| ≤ 1e-5 + `relative` · max|b|. */
export function expectClose(
  a: ArrayLike<number> | undefined,
  b: ArrayLike<number> | undefined,
  what = '',
  relative = 1e-4,
): void {
  if (!a || !b) throw new Error(`${what}: nothing to compare`);
  expect(a.length, `${what}: length`).toBe(b.length);
  const largest = Array.from(b).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    if (!(Math.abs(x - y) <= 1e-5 + relative * largest) && !(Number.isNaN(x) && Number.isNaN(y))) {
      expect.fail(`${what}: element ${i} is ${x}, expected ${y}`);
    }
  }
}
