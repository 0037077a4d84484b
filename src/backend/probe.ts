import { type Backend, createRunner, type HostTensor, type TensorFunction } from './runner.js';
import { type Tensor, tf } from './tf.js';

/** What a matrix product of each size takes is timed, larger ones only where there is time. */
const SIZES = [64, 256, 1024];
/** A size that takes longer than this is the last. */
const ENOUGH_MS = 150;
const REPEATS = 5;

/**
 * Runs matrix products on a backend, checks one against plain JavaScript, and times the largest that is quick enough.
 *
 * @returns billions of floating point operations a second, reading the result included
 * @throws if the backend cannot be used, or computes something else
 */
export async function measureBackend(backend: Backend, threads: number): Promise<number> {
  const runner = await createRunner(backend, threads);
  try {
    let rate = 0;
    for (const n of SIZES) {
      const [a, b] = [matrix(n, 3), matrix(n, 5)];
      const product: TensorFunction = {
        key: `product ${n}`,
        call: (p, batch) => ({ y: tf.matMul(p.a as Tensor, batch.b as Tensor) }),
      };
      const times: number[] = [];
      for (let i = 0; i <= REPEATS; i++) {
        const started = performance.now();
        const { y } = await runner.forward(product, { a }, { b });
        if (i > 0)
          times.push(performance.now() - started); // the first one compiles
        else check(a, b, y as Float32Array, n);
      }
      const ms = times.sort((x, y) => x - y)[Math.floor(times.length / 2)] as number;
      rate = (2 * n ** 3) / ms / 1e6;
      if (ms > ENOUGH_MS) break;
    }
    return rate;
  } finally {
    await runner.release();
  }
}

const matrix = (n: number, step: number): HostTensor => ({
  dtype: 'float32',
  shape: [n, n],
  data: Float32Array.from({ length: n * n }, (_, i) => ((i * step) % 17) / 17 - 0.5),
});

function check(a: HostTensor, b: HostTensor, y: Float32Array, n: number): void {
  for (const [row, column] of [
    [0, 0],
    [n - 1, 1],
    [3, n - 2],
  ] as const) {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += (a.data[row * n + k] as number) * (b.data[k * n + column] as number);
    const found = y[row * n + column] as number;
    if (!(Math.abs(found - sum) < 1e-3 * Math.max(1, Math.abs(sum)))) {
      throw new Error(`it computes ${found} where ${sum} is right`);
    }
  }
}
