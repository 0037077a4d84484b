import type { Graph, Value } from '../graph.js';
import { sizeOf } from '../shape.js';
import type { Family } from './lowering.js';

/** Whether constant indices [n, rank] name every place of a shape in order. */
function isEverywhere({ data }: Value, shape: readonly number[]): boolean {
  const size = sizeOf(shape);
  if (!data || data.length !== size * shape.length) return false;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  return data.every((place: number | bigint, i: number) => {
    const axis = i % shape.length;
    const at = Math.floor(i / shape.length / (strides[axis] as number)) % (shape[axis] as number);
    return Number(place) === at;
  });
}

/** Indices [..., rank] of a shape's leading axes as numbers [n] of its places. */
function placesOf(g: Graph, indices: Value, shape: readonly number[]): Value {
  const rank = indices.shape.at(-1) as number;
  const strides = Int32Array.from({ length: rank }, (_, axis) => sizeOf(shape.slice(axis + 1, rank)));
  const count = sizeOf(indices.shape) / rank;
  const scaled = g.binary('Mul', g.reshape(indices, [count, rank]), g.constant(strides, 'int32', [rank]));
  return g.emit('ReduceSum', [scaled, g.ints([1])], { dtype: 'int32', shape: [count] }, { keepdims: 0 });
}

/** Operators that pick elements by number. */
export const indexing: Family = {
  GatherV2: ({ g, input, attrs }) => {
    const [x, indices] = [input('x'), input('indices')];
    if (Number(attrs.batchDims ?? 0) !== 0) throw new Error('gather with batchDims cannot be recorded');
    const axis = ((attrs.axis as number) + x.shape.length) % x.shape.length;
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    if (isEverywhere(indices, [x.shape[axis] as number])) return g.reshape(x, shape);
    return g.emit('Gather', [x, indices], { dtype: x.dtype, shape }, { axis });
  },
  GatherNd: ({ g, input }) => {
    const [x, indices] = [input('params'), input('indices')];
    const rank = indices.shape.at(-1) as number;
    const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(rank)];
    if (isEverywhere(indices, x.shape.slice(0, rank))) return g.reshape(x, shape);
    return g.emit('GatherND', [x, g.cast(indices, 'int64')], { dtype: x.dtype, shape }, { batch_dims: 0 });
  },
  /** What has the same place is added up, as `UnsortedSegmentSum` does it. */
  ScatterNd: ({ g, input, attrs }) => {
    const [indices, updates] = [input('indices'), input('updates')];
    const shape = attrs.shape as number[];
    const rank = indices.shape.at(-1) as number;
    if (isEverywhere(indices, shape.slice(0, rank))) return g.reshape(updates, shape);
    const [places, rest] = [sizeOf(shape.slice(0, rank)), shape.slice(rank)];
    const ids = placesOf(g, indices, shape);
    const rows = g.reshape(g.cast(updates, 'float32'), [sizeOf(ids.shape), ...rest]);
    const sum = g.emit('SegmentSum', [rows, ids], { dtype: 'float32', shape: [places, ...rest] });
    return g.cast(g.reshape(sum, shape), updates.dtype);
  },
  SparseToDense: ({ g, input, attrs }) => {
    const [indices, values, rest] = [input('sparseIndices'), input('sparseValues'), input('defaultValue')];
    const shape = attrs.outputShape as number[];
    if (isEverywhere(indices, shape)) return g.reshape(values, shape);
    const count = sizeOf(indices.shape) / shape.length;
    const places = g.cast(g.reshape(indices, [count, shape.length]), 'int64');
    // One value may stand for all places.
    const updates = g.expand(g.reshape(values, [sizeOf(values.shape)]), [count]);
    return g.emit('ScatterND', [g.expand(rest, shape), places, updates], { dtype: values.dtype, shape });
  },
  // Not an ONNX operator. Where it is an embedding's gradient its rows are given out and summed outside; anywhere else
  // `finish.ts` lowers it to ScatterElements.
  UnsortedSegmentSum: ({ g, input, attrs }) => {
    // A float of whole numbers, as tfjs's cpu backend has it.
    const [x, ids] = [g.cast(input('x'), 'float32'), input('segmentIds')];
    const shape = [attrs.numSegments as number, ...x.shape.slice(1)];
    return g.emit('SegmentSum', [x, ids], { dtype: x.dtype, shape });
  },
  OneHot: ({ g, input, attrs }) => {
    const indices = input('indices');
    const depth = attrs.depth as number;
    const shape = [...indices.shape, depth];
    const classes = g.constant(
      Int32Array.from({ length: depth }, (_, i) => i),
      'int32',
      [depth],
    );
    const hit = g.binary('Equal', g.reshape(indices, [...indices.shape, 1]), classes, 'bool');
    const [on, off] = [attrs.onValue as number, attrs.offValue as number];
    const dtype = (attrs.dtype as 'float32' | 'int32' | 'bool') ?? 'int32';
    if (on === 1 && off === 0) return g.cast(hit, dtype);
    if (sizeOf(shape) === 0) return g.uniform(off, dtype, shape);
    const number = dtype === 'bool' ? 'int32' : dtype;
    const chosen = g.emit('Where', [hit, g.uniform(on, number), g.uniform(off, number)], { dtype: number, shape });
    return g.cast(chosen, dtype);
  },
};
