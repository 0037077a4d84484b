import type { OutputType, Value } from '../graph.js';
import { normalAxes } from '../shape.js';
import type { Family, Lowering } from './lowering.js';

const reduce =
  (op: string): Lowering =>
  ({ g, input, attrs }) => {
    const x = input('x');
    const asked = (attrs.axis ?? attrs.reductionIndices) as number | number[] | undefined; // tfjs's name for Max's
    const axes = normalAxes(asked ?? x.shape.map((_, i) => i), x.shape.length);
    const kept = Number(attrs.keepDims ?? false);
    const shape = x.shape.flatMap((d, i) => (axes.includes(i) ? (kept ? [1] : []) : [d]));
    // Sums of booleans count; a mean is never whole.
    const operand = op === 'ReduceMean' ? g.cast(x, 'float32') : x.dtype === 'bool' ? g.cast(x, 'int32') : x;
    const isLargest = op === 'ReduceMax' || op === 'ReduceMin';
    if (axes.length === 0) return isLargest ? x : operand;
    const reduced = g.emit(op, [operand, g.ints(axes)], { dtype: operand.dtype, shape }, { keepdims: kept });
    // The largest of booleans is one.
    return isLargest ? g.cast(reduced, x.dtype) : reduced;
  };

const arg =
  (op: string): Lowering =>
  ({ g, input, attrs }) => {
    const x = input('x');
    const axis = normalAxes(attrs.axis as number, x.shape.length)[0] as number;
    const shape = x.shape.filter((_, i) => i !== axis);
    return g.cast(g.emit(op, [x], { dtype: 'int64', shape }, { axis, keepdims: 0 }), 'int32');
  };

export const reduction: Family = {
  Sum: reduce('ReduceSum'),
  Mean: reduce('ReduceMean'),
  Max: reduce('ReduceMax'),
  Min: reduce('ReduceMin'),
  Prod: reduce('ReduceProd'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  /** Of equal ones the first, as tfjs has it. */
  TopK: ({ g, input, attrs }) => {
    const [x, k] = [input('x'), attrs.k as number];
    const shape = [...x.shape.slice(0, -1), k];
    const types: OutputType[] = [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
    const [values, places] = g.emitMany('TopK', [x, g.ints([k])], types, { axis: -1, largest: 1, sorted: 1 });
    return [values as Value, g.cast(places as Value, 'int32')];
  },
  Softmax: ({ g, input }) => g.emit('Softmax', [input('logits')], input('logits'), { axis: -1 }),
};
