import { afterAll, describe, expect, it } from 'vitest';
import { finish } from '../../src/backend/finish.js';
import { encode } from '../../src/backend/onnx/encode.js';
import { createRunner, type HostTensors, type TensorFunction, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { type Feed, record, TRACE } from '../../src/backend/trace.js';
import { float16Bits } from '../../src/util/float16.js';
import { dense, expectClose, float32, floats, ints } from './rig.js';

const feeds = (tensors: HostTensors): Record<string, Feed> => ({ ...tensors });
const matrix = floats('matrix', [3, 4]);

/** Operators that are left of a function when it is recorded. */
function operators(tensors: HostTensors, call: (t: Tensors) => Tensors, asRows = (_: string) => false): string[] {
  return finish(record(feeds(tensors), call), asRows).nodes.map((node) => node.op);
}

describe('recording', async () => {
  const recorded = await createRunner('onnx', 2);
  const cpu = await createRunner('cpu', 1);
  afterAll(() => recorded.release());
  let number = 0;
  const fn = (call: (p: Tensors, b: Tensors) => Tensors, half: string[] = []): TensorFunction => ({
    key: `${number++}`,
    call,
    half,
  });

  /** Both runners' values agree; gives the recorded ones. */
  const both = async (call: (p: Tensors, b: Tensors) => Tensors, parameters: HostTensors, batch: HostTensors = {}) => {
    const f = fn(call);
    const [a, b] = [await recorded.forward(f, parameters, batch), await cpu.forward(f, parameters, batch)];
    expect(Object.keys(a)).toEqual(Object.keys(b));
    for (const name of Object.keys(b)) expectClose(a[name], b[name], name, 1e-6);
    return a;
  };
  const bothGradients = async (call: TensorFunction['call'], parameters: HostTensors, batch: HostTensors) => {
    const f = fn(call);
    const [a, b] = [await recorded.gradients(f, parameters, batch), await cpu.gradients(f, parameters, batch)];
    expect(Object.keys(a.gradients).sort()).toEqual(Object.keys(b.gradients).sort());
    for (const [name, like] of Object.entries(parameters)) {
      if (!b.gradients[name]) continue;
      expectClose(dense(a.gradients[name], like), dense(b.gradients[name], like), name);
    }
    expectClose(a.values.loss, b.values.loss, 'loss');
    return a;
  };

  it('computes a common expression once, and nothing that no output needs', () => {
    const twice = operators({ x: matrix }, ({ x }) => {
      tf.exp(x as Tensor); // dead
      return { y: tf.add(tf.tanh(x as Tensor), tf.relu(tf.tanh(x as Tensor))) };
    });
    expect(twice.sort()).toEqual(['Add', 'Relu', 'Tanh']);
  });

  it('feeds only what is used', () => {
    const program = finish(
      record(feeds({ x: matrix, unused: matrix }), ({ x }) => ({ y: tf.neg(x as Tensor) })),
      () => false,
    );
    expect(program.inputs.map((v) => v.input)).toEqual(['x']);
  });

  it('gives outputs that are inputs, constants, or named twice', async () => {
    const a = await both(
      ({ x }) => {
        const y = tf.exp(x as Tensor);
        return {
          same: x as Tensor,
          constant: tf.scalar(3),
          many: tf.fill([40, 40], 0.5),
          y,
          again: y,
          z: tf.add(y, 1),
        };
      },
      { x: matrix },
    );
    expect(a.same).toEqual(matrix.data);
    expect(a.many).toHaveLength(1600);
  });

  it('folds scalar factors into a matrix product', () => {
    const scaled = ({ x, y }: Tensors): Tensors => ({
      z: tf.matMul(tf.mul(x as Tensor, 0.5), tf.mul(y as Tensor, 3), false, true),
    });
    const program = finish(record(feeds({ x: matrix, y: matrix }), scaled), () => false);
    expect(program.nodes.map((n) => [n.op, n.attributes])).toEqual([
      ['com.microsoft.FusedMatMul', { transA: 0, transB: 1, alpha: 1.5 }],
    ]);
    // Where the factor is no scalar constant there is nothing to fold.
    const other = operators({ x: matrix, y: matrix }, ({ x, y }) => ({
      z: tf.matMul(tf.mul(x as Tensor, x as Tensor), y as Tensor, false, true),
    }));
    expect(other).toEqual(['Mul', 'com.microsoft.FusedMatMul']);
  });

  it('says what is wrong when a tensor is read', () => {
    const reads = () =>
      record(feeds({ x: matrix }), ({ x }) => ({ y: tf.scalar((x as Tensor).dataSync()[0] as number) }));
    expect(reads).toThrow('read a tensor while it was being recorded; use tensor ops instead');
  });

  it('names a kernel that cannot be recorded, and goes on working', async () => {
    const bad = fn(({ x }) => ({ y: tf.cumsum(x as Tensor) }));
    await expect(recorded.forward(bad, { x: matrix }, {})).rejects.toThrow(
      'the tfjs kernel "Cumsum" cannot be recorded: say in src/backend/lower how to',
    );
    await both(({ x }) => ({ y: tf.neg(x as Tensor) }), { x: matrix });
    const fresh = await createRunner('onnx', 1);
    await expect(fresh.forward(bad, { x: matrix }, {})).rejects.toThrow('Cumsum');
    await fresh.release();
  });

  it('leaves no backend behind on which everything would be recorded', async () => {
    record({}, () => ({}));
    expect(tf.getBackend()).not.toBe(TRACE);
    expect(await tf.add(1, 2).data()).toEqual(Float32Array.of(3));
  });

  it('refuses tensors of another backend', () => {
    const outside = tf.tensor1d([1, 2]);
    const use = () => record(feeds({ x: float32([2], [1, 2]) }), ({ x }) => ({ y: tf.add(x as Tensor, outside) }));
    expect(use).toThrow(); // tfjs would move it over, which reads nothing while recording
    outside.dispose();
  });

  it('takes and gives float16, and compares bytes', async () => {
    const half = { dtype: 'float16' as const, shape: [4], data: float16Bits(Float32Array.of(1, -0.5, 1024, 1e-3)) };
    const bytes = { dtype: 'uint8' as const, shape: [4], data: Uint8Array.of(0, 7, 200, 255) };
    const f = fn(
      (_, { half, bytes }) => {
        const [h, b] = [half as Tensor, bytes as Tensor];
        const at = (op: typeof tf.greater, c: number): Tensor => tf.cast(op(b, tf.scalar(c, 'int32')), 'float32');
        return {
          double: tf.mul(h, 2),
          constant: tf.fill([2], 0.25),
          limit: at(tf.greaterEqual, 200),
          beyond: at(tf.less, 256),
          below: at(tf.greater, -1),
          equal: tf.cast(tf.equal(tf.tensor1d([0, 1, 200, 999], 'int32'), b), 'float32'),
        };
      },
      ['double', 'constant'],
    );
    const [a, b] = [await recorded.forward(f, {}, { half, bytes }), await cpu.forward(f, {}, { half, bytes })];
    expect(a).toEqual(b);
    expect(a.double).toEqual(float16Bits(Float32Array.of(2, -1, 2048, 2 * 1e-3)));
    expect(a.limit).toEqual(Float32Array.of(0, 0, 1, 1));
    expect([a.beyond, a.below]).toEqual([Float32Array.of(1, 1, 1, 1), Float32Array.of(1, 1, 1, 1)]);
    expect(a.equal).toEqual(Float32Array.of(1, 0, 1, 0));
  });

  it('tells shapes apart, and keeps only a few compiled', async () => {
    const f = fn(({ w }, { x }) => ({ y: tf.matMul(x as Tensor, w as Tensor) }));
    for (const n of [1, 2, 3, 4, 5, 6, 7, 1, 2]) {
      const x = floats(`x${n}`, [n, 3]);
      const [a, b] = [await recorded.forward(f, { w: matrix }, { x }), await cpu.forward(f, { w: matrix }, { x })];
      expectClose(a.y, b.y, `${n} rows`);
    }
  });

  describe('sums by id', () => {
    const table = floats('table', [6, 3]);
    const ids = { dtype: 'int32' as const, shape: [2, 4], data: Int32Array.of(1, 5, 1, 0, 1, 3, 3, 1) };
    const weights = floats('weights', [2, 4, 3]);
    const look = (t: Tensors, b: Tensors): Tensor => tf.gather(t.table as Tensor, b.ids as tf.Tensor1D);
    const loss = (y: Tensor, b: Tensors): Tensor => tf.sum(tf.mul(tf.square(y), b.weights as Tensor));

    it('are given out as rows where they are an embedding’s gradient', async () => {
      const call = (p: Tensors, b: Tensors) => ({ loss: loss(look(p, b), b) });
      const { gradients } = await bothGradients(call, { table }, { ids, weights });
      expect(gradients.table).toMatchObject({ ids: ids.data, width: 3 });
    });

    it('are computed inside where the table is used twice', async () => {
      // An embedding tied to the output layer.
      const call = (p: Tensors, b: Tensors) => {
        const y = tf.reshape(look(p, b), [8, 3]);
        return { loss: tf.sum(tf.square(tf.matMul(y, p.table as Tensor, false, true))) };
      };
      const { gradients } = await bothGradients(call, { table }, { ids });
      expect(gradients.table).toHaveProperty('dense');
    });

    it('work for tables of any rank', async () => {
      const call = (p: Tensors, b: Tensors) => ({ loss: tf.sum(tf.square(look(p, b))) });
      const { gradients } = await bothGradients(call, { table: floats('vector', [6]) }, { ids });
      expect(gradients.table).toMatchObject({ width: 1 });
      await bothGradients(call, { table: floats('deep', [6, 2, 3]) }, { ids });
    });

    it('are whole where they are an ordinary output', async () => {
      const rows = floats('rows', [8, 3]);
      const sum = (p: Tensors, b: Tensors): Tensor =>
        tf.unsortedSegmentSum(p.rows as Tensor, tf.reshape(b.ids as Tensor, [8]) as tf.Tensor1D, 6);
      const { y } = await both((p, b) => ({ y: sum(p, b) }), { rows }, { ids });
      expect(y).toHaveLength(18);
      const f = fn((p, b) => ({ y: sum(p, b), loss: tf.sum(tf.square(p.rows as Tensor)) }));
      expect((await recorded.gradients(f, { rows }, { ids })).values.y).toEqual(y);
    });

    it('do not depend on threads', async () => {
      const many = ints('many', [64, 32], 50);
      const wide = floats('wide', [50, 64]);
      const f = fn((p, b) => {
        const y = tf.reshape(look(p, b), [-1, 64]);
        return { loss: tf.mean(tf.square(tf.matMul(y, p.table as Tensor, false, true))) };
      });
      const one = await createRunner('onnx', 1);
      const a = await one.gradients(f, { table: wide }, { ids: many });
      const b = await recorded.gradients(f, { table: wide }, { ids: many });
      expect(a).toEqual(b);
      await one.release();
    });
  });

  it('leaves out the gradient of a parameter that the loss does not reach', async () => {
    const call = ({ a }: Tensors) => ({ loss: tf.sum(tf.square(a as Tensor)) });
    const { gradients } = await bothGradients(call, { a: matrix, b: matrix }, {});
    expect(Object.keys(gradients)).toEqual(['a']);
  });

  it('reads constants, and what is computed of nothing else', async () => {
    const call = ({ x }: Tensors): Tensors => {
      const shape = tf.concat([tf.tensor1d([2], 'int32'), tf.tensor1d([...(x as Tensor).shape], 'int32')]);
      const size = tf.prod(tf.mul(shape, tf.fill([3], 2, 'int32')));
      const [first, ...rest] = tf.unstack(shape).map((t) => t.dataSync()[0] as number);
      expect([first, ...rest, size.dataSync()[0]]).toEqual([2, 3, 4, 192]);
      const positive = tf.greater(tf.reshape(tf.range(-1, 3, 1, 'int32'), [2, 2]), 0);
      expect([...positive.dataSync()]).toEqual([0, 0, 1, 1]);
      return { y: tf.reshape(tf.tile(x as Tensor, [first as number, 1]), [first as number, ...rest]) };
    };
    await both(call, { x: matrix });
  });

  it('reads nothing that depends on what is fed', () => {
    const read = (call: (x: Tensor) => Tensor) => () =>
      record(feeds({ x: matrix }), ({ x }) => {
        call(x as Tensor).dataSync();
        return { x: x as Tensor };
      });
    expect(read((x) => x)).toThrow('read a tensor while it was being recorded');
    expect(read((x) => tf.mul(x, tf.zerosLike(x)))).toThrow('read a tensor while it was being recorded');
  });

  it('encodes the same function to the same bytes', () => {
    const once = () =>
      encode(
        finish(
          record(feeds({ x: matrix }), ({ x }) => ({ y: tf.softmax(tf.mul(x as Tensor, 0.3)) })),
          () => false,
        ),
      );
    expect(once()).toEqual(once());
  });
});
