import { afterAll, describe, expect, it } from 'vitest';
import { dissect, generalize } from '../../src/backend/generalize.js';
import { recordFunction } from '../../src/backend/recorded-runner.js';
import { createRunner, type HostTensors, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { floats, ints } from './rig.js';

describe('a function at many sizes', async () => {
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());
  let number = 0;
  const fn = (call: TensorFunction['call'], int8 = false): TensorFunction => ({ key: `${number++}`, call, int8 });
  const w = floats('w', [6, 4]);
  const x = (rows: number, columns = 6) => floats(`x ${rows} ${columns}`, [rows, columns]);

  const anatomyOf = (f: TensorFunction, batch: HostTensors) =>
    dissect(recordFunction('forward', f, { w }, batch).recorded);

  /** What a runner of its own makes of a batch. */
  const alone = async (f: TensorFunction, batch: HostTensors, parameters: HostTensors = { w }) => {
    const own = await createRunner('onnx', 1);
    const results = await own.forward(f, parameters, batch);
    await own.release();
    return results;
  };
  const check = async (f: TensorFunction, batches: readonly HostTensors[], parameters: HostTensors = { w }) => {
    for (const batch of batches) {
      expect(await runner.forward(f, parameters, batch)).toEqual(await alone(f, batch, parameters));
    }
  };

  /** Shapes, tables, repeated numbers and factors that go with the size. */
  const various = fn(({ w }, { x }) => {
    const [rows, columns] = (x as Tensor).shape as [number, number];
    const table = tf.tensor(
      Float32Array.from({ length: rows * columns }, (_, i) => i),
      [rows, columns],
    );
    const means = tf.mul(tf.sum(tf.add(x as Tensor, table), 0), 1 / (rows + 1));
    return {
      y: tf.matMul(tf.reshape(x as Tensor, [-1, 6]), w as Tensor),
      means,
      ones: tf.concat([tf.fill([rows, columns], 0.5), x as Tensor], 0),
      part: tf.slice(x as Tensor, [1, 0], [rows - 1, columns]),
      number: tf.scalar(rows * columns),
    };
  });

  it('is one program, whose differences are fed', async () => {
    const sizes = [2, 5, 4];
    const recordings = sizes.map((n) => recordFunction('forward', various, { w }, { x: x(n) }));
    const anatomies = recordings.map(({ recorded }) => dissect(recorded));
    expect(new Set(anatomies.map(({ skeleton }) => skeleton)).size).toBe(1);
    const [{ graph, recorded }] = recordings as [(typeof recordings)[number]];
    const general = generalize(graph, recorded, anatomies.slice(0, 2));
    expect(anatomies.every(general.admits)).toBe(true);
    expect(general.program.inputs.some(({ dtype }) => dtype === 'int64')).toBe(true);
    await check(
      various,
      sizes.map((n) => ({ x: x(n) })),
    );
  });

  it('admits no size that differs in more than those it was made of', async () => {
    const f = fn((_, { a, b }) => ({ y: tf.reshape(tf.matMul(a as Tensor, b as Tensor), [-1]) }));
    const batch = (rows: number, inner: number, columns: number) => ({
      a: x(rows, inner),
      b: x(inner, columns),
    });
    // The first two have as many rows as columns, and all the same inner size.
    const sizes = [batch(3, 7, 3), batch(5, 7, 5), batch(4, 7, 6), batch(6, 2, 6)];
    const recordings = sizes.map((each) => recordFunction('forward', f, {}, each));
    const anatomies = recordings.map(({ recorded }) => dissect(recorded));
    const [{ graph, recorded }] = recordings as [(typeof recordings)[number]];
    const admitted = (count: number): boolean[] =>
      anatomies.map(generalize(graph, recorded, anatomies.slice(0, count)).admits);
    expect(admitted(1)).toEqual([true, false, false, false]);
    expect(admitted(2)).toEqual([true, true, false, false]);
    expect(admitted(4)).toEqual([true, true, true, true]);
    await check(f, sizes, {});
  });

  it('is several programs where sizes decide what is computed', async () => {
    const f = fn(({ w }, { x }) => {
      const product = tf.matMul(x as Tensor, w as Tensor);
      return { y: (x as Tensor).shape[0] === 3 ? tf.exp(product) : product };
    });
    const batches = [2, 3, 4, 3, 5, 2].map((n) => ({ x: x(n) }));
    expect(new Set(batches.map((batch) => anatomyOf(f, batch).skeleton)).size).toBe(2);
    await check(f, batches);
  });

  it('is several programs where an attribute goes with the size', async () => {
    const f = fn(({ w }, { x }) => ({
      y: tf.matMul(tf.mul(x as Tensor, 1 / ((x as Tensor).shape[0] as number)), w as Tensor),
    }));
    await check(
      f,
      [2, 3, 2].map((n) => ({ x: x(n) })),
    );
  });

  it('has outputs that are constants, or fed', async () => {
    const f = fn((_, { x }) => ({ same: x as Tensor, zeros: tf.zerosLike(x as Tensor) }));
    await check(
      f,
      [2, 3, 4].map((n) => ({ x: x(n) })),
      {},
    );
  });

  it('has 8-bit weights for all sizes', async () => {
    const wide = floats('wide', [48, 96]);
    const f = fn(({ w }, { x }) => ({ y: tf.matMul(x as Tensor, w as Tensor) }), true);
    const parameters = { w: wide };
    await check(
      f,
      [3, 9, 5].map((n) => ({ x: x(n, 48) })),
      parameters,
    );
  });

  it('gives gradients as rows of as many ids as there are', async () => {
    const f = fn((p, b) => ({ loss: tf.sum(tf.square(tf.gather(p.w as Tensor, b.ids as tf.Tensor1D))) }));
    for (const shape of [
      [2, 3],
      [4, 5],
      [1, 7],
    ]) {
      const ids = ints('ids', shape, 6);
      const { gradients } = await runner.gradients(f, { w }, { ids });
      const own = await createRunner('onnx', 1);
      expect(gradients).toEqual((await own.gradients(f, { w }, { ids })).gradients);
      expect(gradients.w).toMatchObject({ ids: ids.data, width: 4 });
      await own.release();
    }
  });

  it('may be prepared, and calls may overlap', async () => {
    const sizes = [5, 2, 7, 3, 4].map((n) => ({ x: x(n) }));
    const f = { ...various, key: 'prepared' };
    await runner.prepare('forward', f, { w }, sizes.slice(0, 2));
    const together = await Promise.all(sizes.map((batch) => runner.forward(f, { w }, batch)));
    expect(together).toEqual(await Promise.all(sizes.map((batch) => alone(f, batch))));
  });

  it('takes the memory of its largest size, not that of each', async () => {
    // 64 MB each, and several of them at the largest size: one graph a size would hold over 1 GB.
    const f = fn((_, { x }) => {
      const outer = tf.matMul(x as Tensor, x as Tensor, false, true);
      return { y: tf.sum(tf.mul(tf.exp(tf.tanh(outer)), outer)) };
    });
    const run = async (n: number): Promise<void> => {
      await runner.forward(f, {}, { x: x(n, 1) });
    };
    await run(4096);
    await run(64);
    await run(4096);
    const before = process.memoryUsage().rss;
    for (let n = 4080; n > 3900; n -= 20) await run(n);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});
