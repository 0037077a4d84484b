import type { Graph, Node, Value } from './graph.js';

/** A matrix product with what follows it: alpha · a·b + beta · bias. */
interface Product {
  readonly a: Value;
  readonly b: Value;
  readonly bias: Value;
  readonly transA: number;
  readonly transB: number;
  readonly alpha: number;
}

/**
 * Matrix products take over the bias that is added to them and the number that they are multiplied by: Gemm(a, b, bias).
 * Unlike the rules of `rules.ts` this needs to know that nothing else uses the product, or it would be computed twice.
 *
 * @param nodes all that `roots` need
 * @returns what to put in a node's place; the node itself mostly
 */
export function fusions(graph: Graph, roots: readonly Value[], nodes: readonly Node[]): (node: Node) => Node {
  const uses = new Map<Value, number>();
  for (const v of [...roots, ...nodes.flatMap((n) => n.inputs)]) uses.set(v, (uses.get(v) ?? 0) + 1);
  const usedOnce = (v: Value): boolean => uses.get(v) === 1;

  return (node) => {
    const output = node.outputs[0] as Value;
    const [x, c] = node.inputs;
    if (node.op === 'Add') {
      const product = biased(node, usedOnce);
      return product ? gemm(product, 1, output) : node;
    }
    if (node.op !== 'Mul' || !x || c?.uniform === undefined || c.shape.length > 0 || !usedOnce(x)) return node;
    const inner = x.node?.op === 'Reshape' ? (x.node.inputs[0] as Value) : x;
    const product = inner.node?.op === 'Add' && usedOnce(inner) ? biased(inner.node, usedOnce) : undefined;
    if (!product) return node;
    const scaled = gemm(product, c.uniform, output);
    if (inner === x) return scaled;
    const [value] = graph.emitMany(scaled.op, scaled.inputs, [inner], scaled.attributes) as [Value];
    return { op: 'Reshape', inputs: [value, graph.ints(output.shape)], attributes: {}, outputs: [output] };
  };
}

/** a·b + bias of two matrices and a vector, whichever way the sum is written. */
function biased({ inputs }: Node, usedOnce: (v: Value) => boolean): Product | undefined {
  for (const [sum, bias] of [inputs, [...inputs].reverse()] as [Value, Value][]) {
    const { node } = sum;
    const isProduct = node?.op === 'MatMul' || node?.op === 'com.microsoft.FusedMatMul';
    if (!isProduct || !usedOnce(sum) || sum.shape.length !== 2 || bias.shape.length !== 1) continue;
    if (bias.shape[0] !== sum.shape[1]) continue;
    const [a, b] = node.inputs as [Value, Value];
    const { transA = 0, transB = 0, alpha = 1 } = node.attributes as Partial<Record<string, number>>;
    return { a, b, bias, transA, transB, alpha };
  }
  return undefined;
}

function gemm({ a, b, bias, transA, transB, alpha }: Product, factor: number, output: Value): Node {
  const attributes = { transA, transB, alpha: Math.fround(alpha * factor), beta: factor };
  return { op: 'Gemm', inputs: [a, b, bias], attributes, outputs: [output] };
}
