import { broadcastShape } from '../shape.js';
import type { Family } from './lowering.js';

export const matmul: Family = {
  BatchMatMul: ({ g, input, attrs }) => {
    const [a, b] = [input('a'), input('b')];
    const [transA, transB] = [Number(attrs.transposeA ?? false), Number(attrs.transposeB ?? false)];
    const rows = a.shape.at(transA ? -1 : -2) as number;
    const columns = b.shape.at(transB ? -2 : -1) as number;
    const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
    if (!transA && !transB) return g.emit('MatMul', [a, b], { dtype: a.dtype, shape });
    // ONNX's own MatMul cannot transpose; ORT's fused one takes tfjs's two flags as they are and copies nothing.
    return g.emit('com.microsoft.FusedMatMul', [a, b], { dtype: a.dtype, shape }, { transA, transB });
  },
};
