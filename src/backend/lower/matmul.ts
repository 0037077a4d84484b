import type { Value } from '../graph.js';
import { broadcastShape } from '../shape.js';
import type { Family } from './lowering.js';

export const matmul: Family = {
  BatchMatMul: ({ g, input, attrs }) => {
    const [transA, transB] = [Number(attrs.transposeA ?? false), Number(attrs.transposeB ?? false)];
    const left = unscaled(input('a'));
    const right = unscaled(input('b'));
    const [a, b] = [left.value, right.value];
    const rows = a.shape.at(transA ? -1 : -2) as number;
    const columns = b.shape.at(transB ? -2 : -1) as number;
    const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
    const alpha = Math.fround(left.factor * right.factor);
    if (!transA && !transB && alpha === 1) return g.emit('MatMul', [a, b], { dtype: a.dtype, shape });
    // ONNX's own MatMul cannot transpose; ORT's fused one takes tfjs's two flags as they are and copies nothing.
    return g.emit('com.microsoft.FusedMatMul', [a, b], { dtype: a.dtype, shape }, { transA, transB, alpha });
  },
};

/** (x · c) @ y → FusedMatMul(x, y, alpha = c): a pass over memory less, for attention's 1/√d most of all. */
function unscaled(value: Value): { value: Value; factor: number } {
  const [x, c] = value.node?.op === 'Mul' ? (value.node.inputs as [Value, Value]) : [];
  const scales = x && c?.uniform !== undefined && c.shape.length === 0 && x.shape.length === value.shape.length;
  return scales ? { value: x, factor: c.uniform as number } : { value, factor: 1 };
}
