import type { Graph, Value } from '../graph.js';
import { broadcastShape } from '../shape.js';
import type { Family } from './lowering.js';

export const matmul: Family = {
  BatchMatMul: ({ g, input, attrs }) => {
    const [transA, transB] = [Number(attrs.transposeA ?? false), Number(attrs.transposeB ?? false)];
    const left = unscaled(g, input('a'));
    const right = unscaled(g, input('b'));
    return product(g, left.value, right.value, transA, transB, Math.fround(left.factor * right.factor));
  },
  /** What converters make of a product, its bias and an activation. */
  _FusedMatMul: ({ g, input, optional, attrs }) => {
    const [transA, transB] = [Number(attrs.transposeA ?? false), Number(attrs.transposeB ?? false)];
    const [bias, name] = [optional('bias'), (attrs.activation as string | undefined) ?? 'linear'];
    const raw = product(g, input('a'), input('b'), transA, transB, 1);
    const sum = bias ? g.binary('Add', raw, bias) : raw;
    const op = ACTIVATIONS[name];
    if (op === undefined) throw new Error(`the activation "${name}" of a fused product cannot be recorded`);
    return op === null ? sum : g.unary(op, sum);
  },
};

/** tfjs's name of an activation → ONNX's operator; null: none. */
const ACTIVATIONS: Readonly<Record<string, string | null>> = {
  linear: null,
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  elu: 'Elu',
};

function product(g: Graph, a: Value, b: Value, transA: number, transB: number, alpha: number): Value {
  // ORT copies a transposed left operand element by element: of many small products (attention's gradients) it is mostly
  // faster to transpose the right one, and the result: aᵀ·b = (bᵀ·a)ᵀ. Where a text is shorter than a head is wide the
  // right one is larger, but texts of all lengths must be of the same operators to share a compiled graph.
  if (transA && !transB && a.dtype === 'float32' && a.shape.length > 2 && a.shape.length === b.shape.length) {
    return swapped(g, plainProduct(g, b, a, 1, 0, alpha));
  }
  return plainProduct(g, a, b, transA, transB, alpha);
}

function plainProduct(g: Graph, a: Value, b: Value, transA: number, transB: number, alpha: number): Value {
  const rows = a.shape.at(transA ? -1 : -2) as number;
  const columns = b.shape.at(transB ? -2 : -1) as number;
  const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
  if (!transA && !transB && alpha === 1) return g.emit('MatMul', [a, b], { dtype: a.dtype, shape });
  if (a.dtype !== 'float32') {
    return plainProduct(g, transA ? swapped(g, a) : a, transB ? swapped(g, b) : b, 0, 0, alpha);
  }
  // ONNX's own MatMul cannot transpose; ORT's fused one takes tfjs's two flags as they are and copies nothing.
  return g.emit('com.microsoft.FusedMatMul', [a, b], { dtype: a.dtype, shape }, { transA, transB, alpha });
}

/** The last two axes exchanged. */
function swapped(g: Graph, x: Value): Value {
  const axes = x.shape.map((_, i) => i);
  return g.transpose(x, [...axes.slice(0, -2), x.shape.length - 1, x.shape.length - 2]);
}

/** (x · c) @ y → FusedMatMul(x, y, alpha = c), also if x · c was reshaped: a pass over memory less. */
function unscaled(g: Graph, value: Value): { value: Value; factor: number } {
  const { node } = value;
  if (node?.op === 'Reshape') {
    const inner = unscaled(g, node.inputs[0] as Value);
    if (inner.factor !== 1) return { value: g.reshape(inner.value, value.shape), factor: inner.factor };
  }
  const [x, c] = node?.op === 'Mul' ? (node.inputs as [Value, Value]) : [];
  const scales = x && c?.uniform !== undefined && c.shape.length === 0 && x.shape.length === value.shape.length;
  return scales ? { value: x, factor: c.uniform as number } : { value, factor: 1 };
}
