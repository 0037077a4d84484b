import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { floats } from './rig.js';

describe('products of 8-bit integers', async () => {
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());
  const [rows, width, columns] = [9, 48, 96];
  const x = floats('x', [rows, width]);
  const linear = (int8: boolean, transposed: boolean, biased: boolean): TensorFunction => ({
    key: `${int8} ${transposed} ${biased}`,
    int8,
    call: (p, b) => {
      const product = tf.matMul(b.x as Tensor, p.w as Tensor, false, transposed);
      return { y: biased ? tf.add(product, p.bias as Tensor) : product };
    },
  });

  it.each([
    [true, true],
    [false, true],
    [true, false],
    [false, false],
  ])('are near those of float32 (transposed %s, with a bias %s)', async (transposed, biased) => {
    const w = floats('w', transposed ? [columns, width] : [width, columns]);
    const parameters = { w, bias: floats('bias', [columns]) };
    const exact = (await runner.forward(linear(false, transposed, biased), parameters, { x })).y as Float32Array;
    const rounded = (await runner.forward(linear(true, transposed, biased), parameters, { x })).y as Float32Array;
    expect(rounded).not.toEqual(exact);
    const [error, size] = [Math.hypot(...exact.map((y, i) => y - (rounded[i] as number))), Math.hypot(...exact)];
    expect(error / size).toBeLessThan(0.02);
  });

  it('do not saturate where all numbers are as large as they can be', async () => {
    const ones = {
      dtype: 'float32' as const,
      shape: [columns, width],
      data: new Float32Array(columns * width).fill(1),
    };
    const same = { ...x, data: new Float32Array(rows * width).fill(1) };
    const { y } = await runner.forward(linear(true, true, false), { w: ones, bias: ones }, { x: same });
    for (const sum of y as Float32Array) expect(Math.abs(sum - width)).toBeLessThan(0.01 * width);
  });

  it('leave narrow products and computed operands as they are', async () => {
    const narrow = floats('narrow', [width, 8]);
    const of = (int8: boolean): TensorFunction => ({
      key: `narrow ${int8}`,
      int8,
      call: (p, b) => ({
        y: tf.matMul(b.x as Tensor, p.narrow as Tensor),
        z: tf.matMul(b.x as Tensor, b.x as Tensor, false, true),
      }),
    });
    expect(await runner.forward(of(true), { narrow }, { x })).toEqual(
      await runner.forward(of(false), { narrow }, { x }),
    );
  });
});
