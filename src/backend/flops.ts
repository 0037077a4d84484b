import type { Node, Value } from './graph.js';
import { recordFunction } from './recorded-runner.js';
import type { TensorFunction } from './runner.js';
import type { Feeds } from './trace.js';

/**
 * Floating-point operations of a function's matrix products, forward, at these shapes: two for each multiplication and
 * the addition that goes with it. They are counted in what is recorded of it, so nothing is computed and no numbers are
 * needed. What is done value by value, a per cent or so of a transformer, is left out.
 */
export function countFlops(fn: TensorFunction, parameters: Feeds, batch: Feeds): number {
  const { nodes } = recordFunction('forward', fn, parameters, batch).recorded;
  return nodes.reduce((sum, node) => sum + flopsOf(node), 0);
}

function flopsOf({ op, inputs, attributes, outputs }: Node): number {
  if (!['MatMul', 'com.microsoft.FusedMatMul', 'Gemm'].includes(op)) return 0;
  const [a, b] = inputs as [Value, Value];
  // A product with equal numbers is a sum: so means are recorded.
  if (a.uniform !== undefined || b.uniform !== undefined) return 0;
  const inner = a.shape.at(attributes.transA === 1 ? -2 : -1) as number;
  const [output] = outputs as [Value];
  return 2 * inner * output.shape.reduce((size, n) => size * n, 1);
}
