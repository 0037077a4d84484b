import { broadcastShape } from '../shape.js';
import type { Family, Lowering } from './lowering.js';

/** Comparisons. A constant takes the type of what it is compared with: random bytes stay bytes. */
const compare =
  (op: string): Lowering =>
  ({ g, input }) => {
    const [a, b] = [input('a'), input('b')];
    const isConstant = (v: typeof a): boolean => v.uniform !== undefined || v.data !== undefined;
    const [x, y] = a.dtype === b.dtype ? [a, b] : isConstant(b) ? [a, g.cast(b, a.dtype)] : [g.cast(a, b.dtype), b];
    return g.binary(op, x, y, 'bool');
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
    const [t, e] = [input('t'), input('e')];
    let condition = input('condition');
    // tfjs lets a vector choose whole rows; ONNX's Where broadcasts from the right.
    if (condition.shape.length === 1 && t.shape.length > 1) {
      condition = g.reshape(condition, [condition.shape[0] as number, ...t.shape.slice(1).map(() => 1)]);
    }
    const shape = broadcastShape(broadcastShape(condition.shape, t.shape), e.shape);
    return g.emit('Where', [condition, t, e], { dtype: t.dtype, shape });
  },
};
