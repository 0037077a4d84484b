import type { Value } from '../graph.js';
import { broadcastShape } from '../shape.js';
import type { Family, Lowering } from './lowering.js';

/** Comparisons. Bytes and whole numbers are one type to tfjs; bytes stay bytes beside a constant that fits into one. */
const compare =
  (op: string): Lowering =>
  ({ g, input }) => {
    const [a, b] = [input('a'), input('b')];
    if (a.dtype === b.dtype && (a.dtype !== 'bool' || op === 'Equal')) return g.binary(op, a, b, 'bool');
    const isByte = ({ dtype, uniform = -1 }: Value): boolean => dtype === 'uint8' || (uniform >= 0 && uniform < 256);
    const common = isByte(a) && isByte(b) ? 'uint8' : 'int32';
    return g.binary(op, g.cast(a, common), g.cast(b, common), 'bool');
  };

export const logic: Family = {
  Equal: compare('Equal'),
  NotEqual: ({ g, input, ...call }) =>
    g.unary('Not', compare('Equal')({ g, input, ...call }) as ReturnType<typeof input>),
  Greater: compare('Greater'),
  GreaterEqual: compare('GreaterOrEqual'),
  Less: compare('Less'),
  LessEqual: compare('LessOrEqual'),
  LogicalAnd: ({ g, input }) => g.binary('And', input('a'), input('b')),
  LogicalOr: ({ g, input }) => g.binary('Or', input('a'), input('b')),
  LogicalNot: ({ g, input }) => g.unary('Not', input('x')),
  Select: ({ g, input }) => {
    const [condition, t, e] = [input('condition'), input('t'), input('e')];
    const shape = broadcastShape(broadcastShape(condition.shape, t.shape), e.shape);
    // ORT chooses among numbers of one type only.
    const dtype = t.dtype === e.dtype && t.dtype !== 'bool' ? t.dtype : 'int32';
    const chosen = g.emit('Where', [condition, g.cast(t, dtype), g.cast(e, dtype)], { dtype, shape });
    return t.dtype === 'bool' && e.dtype === 'bool' ? g.cast(chosen, 'bool') : chosen;
  },
};
