import type { Value } from '../graph.js';
import type { Call, Family, Lowering } from './lowering.js';

const unary =
  (op: string): Lowering =>
  ({ g, input }) =>
    g.unary(op, input('x'));
/** Functions whose value tfjs makes a float whatever it is of. */
const real =
  (op: string): Lowering =>
  ({ g, input }) =>
    g.unary(op, g.cast(input('x'), 'float32'));
const binary =
  (op: string): Lowering =>
  ({ g, input }) =>
    g.binary(op, input('a'), input('b'));
const scalar = ({ g }: Call, x: Value, c: number): Value => g.uniform(c, x.dtype);

/** Functions of single elements, with broadcasting. */
export const elementwise: Family = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Multiply: binary('Mul'),
  RealDiv: binary('Div'),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: binary('Pow'),
  SquaredDifference: ({ g, input }) => {
    const d = g.binary('Sub', input('a'), input('b'));
    return g.binary('Mul', d, d);
  },
  AddN: ({ g, inputs }) => inputs().reduce((a, b) => g.binary('Add', a, b)),
  Neg: unary('Neg'),
  Exp: real('Exp'),
  Log: real('Log'),
  Log1p: (call) => call.g.unary('Log', call.g.binary('Add', call.input('x'), scalar(call, call.input('x'), 1))),
  Sqrt: unary('Sqrt'),
  Rsqrt: ({ g, input }) => g.unary('Reciprocal', g.unary('Sqrt', input('x'))),
  Reciprocal: unary('Reciprocal'),
  Square: ({ g, input }) => g.binary('Mul', input('x'), input('x')),
  Abs: unary('Abs'),
  Tanh: unary('Tanh'),
  Sigmoid: unary('Sigmoid'),
  Relu: unary('Relu'),
  Erf: unary('Erf'),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Softplus: unary('Softplus'),
  /** 1 where x > 0, else `alpha`: what ReLU's gradient is made of. */
  Step: ({ g, input, attrs }) => {
    const x = input('x');
    const alpha = (attrs.alpha as number | undefined) ?? 0;
    const one = g.cast(g.binary('Greater', x, g.uniform(0, x.dtype), 'bool'), 'float32');
    if (alpha === 0) return g.cast(one, x.dtype);
    const rest = g.binary('Mul', g.binary('Sub', g.uniform(1, 'float32'), one), g.uniform(alpha, 'float32'));
    return g.cast(g.binary('Add', one, rest), x.dtype);
  },
};
