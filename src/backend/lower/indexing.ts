import { sizeOf } from '../shape.js';
import type { Family } from './lowering.js';

/** Operators that pick elements by number. */
export const indexing: Family = {
  GatherV2: ({ g, input, attrs }) => {
    const [x, indices] = [input('x'), input('indices')];
    if (Number(attrs.batchDims ?? 0) !== 0) throw new Error('gather with batchDims cannot be recorded');
    const axis = ((attrs.axis as number) + x.shape.length) % x.shape.length;
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return g.emit('Gather', [x, indices], { dtype: x.dtype, shape }, { axis });
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
