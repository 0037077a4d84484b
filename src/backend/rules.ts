import type { Attributes, Graph, OutputType, Value } from './graph.js';
import { broadcastShape, sameShape, sizeOf } from './shape.js';

/** A node about to be recorded. */
export interface Draft {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly output: OutputType;
  readonly attributes: Attributes;
}

/** One simplification. It changes no result but NaN, infinities, the sign of a zero and, if it says so, last bits. */
export interface Rule {
  readonly ops: readonly string[];
  /** The algebra, for people: `x * 1 → x`. */
  readonly algebra: string;
  /** Adds or multiplies in another order, so that results may be rounded differently. */
  readonly rounds?: true;
  /** The simpler value, or undefined where the rule does not apply. */
  readonly apply: (g: Graph, draft: Draft) => Value | undefined;
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
};
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow'];
const UNARY = ['Neg', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Tanh', 'Abs', 'Erf', 'Sigmoid', 'Relu'];

const isUniform = (v: Value | undefined, x: number): v is Value => v?.uniform === x;
/** The value that an Expand repeats. */
const expanded = (v: Value): Value | undefined => (v.node?.op === 'Expand' ? v.node.inputs[0] : undefined);
const pair = (d: Draft): [Value, Value] => [d.inputs[0] as Value, d.inputs[1] as Value];

const table: readonly Rule[] = [
  {
    ops: ['Reshape', 'Expand'],
    algebra: 'reshape(x, shape of x) → x; expand likewise',
    apply: (_, d) => (sameShape((d.inputs[0] as Value).shape, d.output.shape) ? d.inputs[0] : undefined),
  },
  {
    ops: ['Reshape', 'Expand', 'Transpose'],
    algebra: 'a uniform constant stays one under any change of shape',
    apply: (g, d) => {
      const x = d.inputs[0] as Value;
      return x.uniform === undefined ? undefined : g.uniform(x.uniform, x.dtype, d.output.shape);
    },
  },
  {
    ops: ['Reshape'],
    algebra: 'reshape(reshape(x)) → reshape(x)',
    apply: (g, d) => {
      const x = d.inputs[0] as Value;
      return x.node?.op === 'Reshape' ? g.reshape(x.node.inputs[0] as Value, d.output.shape) : undefined;
    },
  },
  {
    ops: ['Expand'],
    algebra: 'expand(expand(x)) → expand(x)',
    apply: (g, d) => {
      const inner = expanded(d.inputs[0] as Value);
      return inner && g.expand(inner, d.output.shape);
    },
  },
  {
    ops: ['Transpose'],
    algebra: 'transpose(x, identity) → x',
    apply: (_, d) => ((d.attributes.perm as number[]).every((p, i) => p === i) ? d.inputs[0] : undefined),
  },
  {
    ops: ['Transpose'],
    algebra: 'transpose that moves only axes of size 1 → reshape',
    apply: (g, d) => {
      const x = d.inputs[0] as Value;
      const moved = (d.attributes.perm as number[]).filter((p) => x.shape[p] !== 1);
      return moved.every((p, i) => i === 0 || p > (moved[i - 1] as number)) ? g.reshape(x, d.output.shape) : undefined;
    },
  },
  {
    ops: ['Transpose'],
    algebra: 'transpose(transpose(x, p), q) → transpose(x, p∘q)',
    apply: (g, d) => {
      const x = d.inputs[0] as Value;
      if (x.node?.op !== 'Transpose') return undefined;
      const inner = x.node.attributes.perm as number[];
      return g.transpose(
        x.node.inputs[0] as Value,
        (d.attributes.perm as number[]).map((q) => inner[q] as number),
      );
    },
  },
  {
    ops: ['Cast'],
    algebra: 'cast(x, type of x) → x',
    apply: (_, d) => ((d.inputs[0] as Value).dtype === d.output.dtype ? d.inputs[0] : undefined),
  },
  {
    ops: ['Cast'],
    algebra: 'cast(uniform c) → uniform c',
    apply: (g, d) => {
      const c = (d.inputs[0] as Value).uniform;
      const { dtype, shape } = d.output;
      if (c === undefined || dtype === 'float16') return undefined; // left to the kernel, which rounds
      if (dtype === 'bool') return g.uniform(c === 0 ? 0 : 1, dtype, shape);
      return g.uniform(dtype === 'float32' ? c : Math.trunc(c), dtype, shape);
    },
  },
  {
    ops: Object.keys(arithmetic),
    algebra: 'c₁ ∘ c₂ → c (rounded to float32, as the kernel would)',
    apply: (g, d) => {
      const [a, b] = pair(d);
      const f = arithmetic[d.op];
      if (!f || a.uniform === undefined || b.uniform === undefined || d.output.dtype !== 'float32') return undefined;
      return g.uniform(Math.fround(f(a.uniform, b.uniform)), 'float32', d.output.shape);
    },
  },
  {
    ops: ['Neg', 'Sqrt'],
    algebra: 'op(c) → c',
    apply: (g, d) => {
      const c = (d.inputs[0] as Value).uniform;
      if (c === undefined || d.output.dtype !== 'float32') return undefined;
      return g.uniform(d.op === 'Neg' ? -c : Math.fround(Math.sqrt(c)), 'float32', d.output.shape);
    },
  },
  {
    ops: ['Mul', 'Div'],
    algebra: 'x * 1 → x, 1 * x → x, x / 1 → x (repeated to the result’s shape)',
    apply: (g, d) => {
      const [a, b] = pair(d);
      if (isUniform(b, 1)) return g.expand(a, d.output.shape);
      if (d.op === 'Mul' && isUniform(a, 1)) return g.expand(b, d.output.shape);
      return undefined;
    },
  },
  {
    ops: ['Add', 'Sub'],
    algebra: 'x + 0 → x, 0 + x → x, x - 0 → x',
    apply: (g, d) => {
      const [a, b] = pair(d);
      if (isUniform(b, 0)) return g.expand(a, d.output.shape);
      if (d.op === 'Add' && isUniform(a, 0)) return g.expand(b, d.output.shape);
      return undefined;
    },
  },
  {
    ops: ['Mul'],
    algebra: 'x * 0 → 0',
    apply: (g, d) => (d.inputs.some((v) => v.uniform === 0) ? g.uniform(0, d.output.dtype, d.output.shape) : undefined),
  },
  {
    ops: BINARY,
    algebra: 'x ∘ uniform[shape] → x ∘ scalar; repeated where the uniform’s shape was the larger',
    apply: (g, d) => {
      const shrink = (v: Value): Value =>
        v.uniform !== undefined && v.shape.length > 0 ? g.uniform(v.uniform, v.dtype) : v;
      const [a, b] = pair(d);
      const [a2, b2] = [shrink(a), shrink(b)];
      if (a === a2 && b === b2) return undefined;
      return g.expand(g.binary(d.op, a2, b2, d.output.dtype), d.output.shape);
    },
  },
  {
    ops: BINARY,
    algebra: 'expand(x) ∘ y → x ∘ y, repeated to the result’s shape if y alone does not give it',
    apply: (g, d) => {
      const [a, b] = pair(d);
      const [a2, b2] = [expanded(a) ?? a, expanded(b) ?? b];
      if (a === a2 && b === b2) return undefined;
      // Fewer numbers computed is the point: worth it only if the operator itself runs on less, or an Expand goes.
      return g.expand(
        g.emit(d.op, [a2, b2], { dtype: d.output.dtype, shape: broadcastShape(a2.shape, b2.shape) }),
        d.output.shape,
      );
    },
  },
  {
    ops: UNARY,
    algebra: 'f(expand(x)) → expand(f(x))',
    apply: (g, d) => {
      const inner = expanded(d.inputs[0] as Value);
      return inner && g.expand(g.unary(d.op, inner), d.output.shape);
    },
  },
  {
    ops: ['ReduceSum'],
    algebra: 'sum over axes of size 1 → reshape',
    apply: (g, d) => {
      const x = d.inputs[0] as Value;
      return sizeOf(x.shape) === sizeOf(d.output.shape) ? g.reshape(x, d.output.shape) : undefined;
    },
  },
  {
    ops: ['ReduceSum'],
    algebra: 'sum over the leading axes → ones · x: one product, three times as fast',
    rounds: true,
    apply: (g, d) => {
      const [x, axes] = d.inputs as [Value, Value];
      const count = axes.data?.length ?? 0;
      const leading = [...(axes.data ?? [])].every((axis, i) => Number(axis) === i);
      const rows = sizeOf(x.shape.slice(0, count));
      const columns = sizeOf(x.shape.slice(count));
      if (!leading || x.dtype !== 'float32' || rows < FEW || columns < FEW) return undefined;
      const flat = g.reshape(x, [rows, columns]);
      const ones = g.uniform(1, 'float32', [1, rows]);
      return g.reshape(g.emit('MatMul', [ones, flat], { dtype: 'float32', shape: [1, columns] }), d.output.shape);
    },
  },
  {
    ops: ['Mul'],
    algebra: '(erf(x) + 1) · ½ → HardSigmoid(erf(x)), whose bounds 0 and 1 it never passes',
    rounds: true,
    apply: (g, d) => {
      const [sum, half] = pair(d);
      if (!isUniform(half, 0.5) || half.shape.length > 0 || sum.node?.op !== 'Add') return undefined;
      const [x, one] = sum.node.inputs as [Value, Value];
      if (x.node?.op !== 'Erf' || !isUniform(one, 1) || one.shape.length > 0) return undefined;
      return g.emit('HardSigmoid', [x], d.output, { alpha: 0.5, beta: 0.5 });
    },
  },
];

/** Fewer rows or columns than this are not worth a product. */
const FEW = 8;

/** The rules that may apply to an operator, in the order of the table. */
export const rules: ReadonlyMap<string, readonly Rule[]> = (() => {
  const byOp = new Map<string, Rule[]>();
  for (const rule of table) for (const op of rule.ops) byOp.set(op, [...(byOp.get(op) ?? []), rule]);
  return byOp;
})();
