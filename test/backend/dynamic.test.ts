import proto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { makeDynamic } from '../../src/backend/dynamic.js';
import { finish } from '../../src/backend/finish.js';
import { formulaOf, formulaText } from '../../src/backend/formula.js';
import { dissect } from '../../src/backend/generalize.js';
import { encode } from '../../src/backend/onnx/encode.js';
import { createSession } from '../../src/backend/onnx/session.js';
import { portable } from '../../src/backend/portable.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { record } from '../../src/backend/trace.js';
import { floats } from './rig.js';

describe('formulaOf', () => {
  const sizes = [
    { batch: 13, length: 5 },
    { batch: 17, length: 7 },
    { batch: 19, length: 11 },
  ];
  const of = (number: (batch: number, length: number) => number): string | undefined => {
    const formula = formulaOf(
      sizes.map(({ batch, length }) => number(batch, length)),
      sizes,
    );
    return formula && formulaText(formula);
  };

  it.each([
    ['batch', (b: number) => b],
    ['length - 1', (_: number, l: number) => l - 1],
    ['batch * length', (b: number, l: number) => b * l],
    ['4 * batch * length', (b: number, l: number) => 4 * b * l],
    ['2 * length + 3', (_: number, l: number) => 2 * l + 3],
  ])('finds %s', (text, number) => {
    expect(of(number)).toBe(text);
  });

  it('finds none where there is none', () => {
    expect(of((b, l) => b + l)).toBeUndefined();
    expect(of((b, l) => b * b * l)).toBeUndefined();
  });
});

describe('makeDynamic', () => {
  const SIZES = [
    { rows: 5, columns: 13 },
    { rows: 7, columns: 17 },
    { rows: 11, columns: 19 },
  ];
  const AXES = { rows: { input: 'x', axis: 0 }, columns: { input: 'x', axis: 1 } };

  function dynamic(call: (x: Tensor) => Tensor) {
    const recordings = SIZES.map(({ rows, columns }) => {
      const recording = record({ x: { dtype: 'float32', shape: [rows, columns] } }, ({ x }) => ({
        y: call(x as Tensor),
      }));
      return { graph: recording.graph, recorded: finish(recording, () => false) };
    });
    const [{ graph, recorded }] = recordings as [(typeof recordings)[number]];
    const anatomies = recordings.map((each) => dissect(each.recorded));
    const { program, dimensions } = makeDynamic(graph, recorded, anatomies, SIZES, AXES);
    return encode(portable(graph, program), dimensions, {});
  }

  it.each<[string, (x: Tensor) => Tensor]>([
    [
      'shapes, of one size and of two',
      (x) => tf.transpose(tf.reshape(tf.reshape(x, [-1]), x.shape as [number, number])),
    ],
    ['what is repeated', (x) => tf.concat([tf.fill(x.shape, 0.5), x], 0)],
    ['numbers that are sizes', (x) => tf.mul(x, tf.scalar(x.shape[0] as number))],
    ['counts', (x) => tf.add(x, tf.range(2, 2 + (x.shape[1] as number)))],
    ['ends of slices', (x) => tf.slice(x, [1, 0], [(x.shape[0] as number) - 2, -1])],
    ['products that transpose', (x) => tf.matMul(tf.mul(x, 0.25), x, false, true)],
  ])('has a form for all sizes: %s', async (_, call) => {
    const session = await createSession(dynamic(call), 'cpu', 1);
    for (const shape of [
      [3, 4],
      [8, 1],
      [5, 13],
    ]) {
      const x = floats(`x ${shape}`, shape);
      const expected = tf.tidy(() => call(tf.tensor(x.data as Float32Array, shape as [number, number])).dataSync());
      const { y } = await session.run({ x }, ['y']);
      expect([...(y as Float32Array)].map((v) => v.toFixed(4))).toEqual([...expected].map((v) => v.toFixed(4)));
    }
  });

  it('names the axes, and has operators of ONNX alone', () => {
    const { graph, opsetImport } = proto.onnx.ModelProto.decode(dynamic((x) => tf.matMul(x, x, true)));
    const [y] = graph?.output ?? [];
    expect(y?.type?.tensorType?.shape?.dim?.map((d) => d.dimParam)).toEqual(['columns', 'columns']);
    expect(opsetImport?.map(({ domain }) => domain)).toEqual(['']);
    expect(new Set(graph?.node?.map((n) => n.domain))).toEqual(new Set(['']));
  });

  it('says of which constant it knows no formula', () => {
    const table = (x: Tensor): Tensor =>
      tf.add(
        x,
        tf
          .tensor(
            Float32Array.from(x.shape, (n) => n * n),
            [2, 1],
          )
          .sum(),
      );
    expect(() => dynamic(table)).toThrow(/a constant of .* goes with sizes in no known way|that is no formula/);
    expect(() => dynamic((x) => (x.shape[0] > 6 ? tf.relu(x) : tf.exp(x)))).toThrow('other operators at other sizes');
  });
});
