import { describe, expect, it } from 'vitest';
import { GraphModel } from '../../src/backend/graph-model.js';
import { createRunner, type HostTensors, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { record } from '../../src/backend/trace.js';
import { expected, sparseGraph, weights } from '../models/imported/tiny-tfjs.js';
import { expectClose } from './rig.js';

const int32 = (shape: readonly number[], ...data: number[]) =>
  ({ dtype: 'int32', shape, data: Int32Array.from(data) }) as const;

describe('a graph model', async () => {
  const { json, bytes } = sparseGraph();
  const graph = GraphModel.parse(json, bytes);
  const fn = (call: TensorFunction['call']): TensorFunction => ({ key: String(call), call });
  const recorded = await createRunner('onnx', 1);
  const cpu = await createRunner('cpu', 1);

  it('says what it is fed, what it says, and gives its weights to be fed', () => {
    expect(graph.inputs.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['indices', 'int32', [-1, 2]],
      ['values', 'int32', [-1]],
    ]);
    expect(graph.outputs).toEqual(['embedding']);
    // The smaller one is a constant of what is computed.
    expect(graph.parameters).toEqual({ table: weights.table });
    expect(graph.size).toBe(weights.table.data.length + weights.square.data.length + 1);
  });

  it('runs eagerly as tfjs runs it: a Where finds what there is', async () => {
    const batch = { indices: int32([3, 2], 0, 0, 0, 1, 1, 0), values: int32([3], 7, 8, 9) };
    const { y } = await cpu.forward(
      fn((p, b) => ({ y: graph.run(p, b, 'embedding') })),
      graph.parameters,
      batch,
    );
    expectClose(y, [...expected([7, 8]), ...expected([9])], 'embeddings', 1e-6);
  });

  it('goes by the names of its signature', async () => {
    const signature = {
      inputs: { places: { name: 'indices:0' }, ids: { name: 'values:0' } },
      outputs: { vector: { name: 'embedding:0' } },
    };
    const signed = GraphModel.parse({ ...json, signature } as typeof json, bytes);
    expect(signed.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['places', [-1, 2]],
      ['ids', [-1]],
    ]);
    expect(signed.outputs).toEqual(['vector']);
    const batch = { places: int32([2, 2], 0, 0, 0, 1), ids: int32([2], 7, 8) };
    const { y } = await cpu.forward(
      fn((p, b) => ({ y: signed.run(p, b, 'vector') })),
      signed.parameters,
      batch,
    );
    expectClose(y, expected([7, 8]), 'embedding', 1e-6);
  });

  it('is recorded at a fixed shape: a Where finds every place, and -1 is masked', async () => {
    const call: TensorFunction['call'] = (p, { values }) => {
      const indices = tf.tensor2d([0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2], [6, 2], 'int32');
      return { y: graph.run(p, { indices, values: values as Tensor }, 'embedding') };
    };
    for (const [values, ...rows] of [
      [[7, 8, -1, 9, -1, -1], [7, 8], [9]],
      [
        [1, 2, 3, 4, 5, 6],
        [1, 2, 3],
        [4, 5, 6],
      ],
    ] as const) {
      const { y } = await recorded.forward(fn(call), graph.parameters, { values: int32([6], ...values) });
      expectClose(
        y,
        rows.flatMap((ids) => expected(ids)),
        `${values}`,
        1e-6,
      );
    }
  });

  it('leaves nothing of gathering and scattering every place', () => {
    const feeds: HostTensors = { ...graph.parameters, values: int32([4], 0, 0, 0, 0) };
    const { graph: made } = record(feeds, ({ values, ...p }) => {
      const indices = tf.tensor2d([0, 0, 0, 1, 1, 0, 1, 1], [4, 2], 'int32');
      return { y: graph.run(p, { indices, values: values as Tensor }, 'embedding') };
    });
    const ops = made.nodes.map(({ op }) => op);
    expect(ops.filter((op) => /Scatter|SegmentSum|GatherND/.test(op))).toEqual([]);
  });

  it('names what it cannot compute, and what is no graph', async () => {
    const other = sparseGraph({ activation: 'Lgamma' });
    const broken = GraphModel.parse(other.json, other.bytes);
    const batch = { indices: int32([1, 2], 0, 0), values: int32([1], 7) };
    const run = cpu.forward(
      fn((p, b) => ({ y: broken.run(p, b, 'embedding') })),
      broken.parameters,
      batch,
    );
    await expect(run).rejects.toThrow("Unknown op 'Lgamma'");
    expect(() => GraphModel.parse(json, bytes.subarray(4))).toThrow(
      `its weights are ${bytes.length - 4} bytes, and it describes ${bytes.length}`,
    );
  });
});
