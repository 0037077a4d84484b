import { type Finished, inOrder } from './finish.js';
import type { Graph, Node, OutputType, Value } from './graph.js';

/**
 * The same program of ONNX's own operators only: of ONNX Runtime's there are matrix products that transpose their
 * operands and scale their result, which it makes of these again when it loads them.
 */
export function portable(graph: Graph, program: Finished): Finished {
  return rewrite(program, (node) => {
    if (node.op !== 'com.microsoft.FusedMatMul') return [node];
    const { transA = 0, transB = 0, alpha = 1 } = node.attributes as Partial<Record<string, number>>;
    const [a, b] = node.inputs as [Value, Value];
    const [output] = node.outputs as [Value];
    const left = transA ? transposed(graph, a) : a;
    const right = transB ? transposed(graph, b) : b;
    if (alpha === 1) return [{ op: 'MatMul', inputs: [left, right], attributes: {}, outputs: [output] }];
    const raw = emit(graph, 'MatMul', [left, right], output);
    const scale = graph.uniform(alpha, 'float32');
    return [raw.node as Node, { op: 'Mul', inputs: [raw, scale], attributes: {}, outputs: [output] }];
  });
}

/**
 * Puts other nodes in the place of a program's: `by` gives those that make a node's outputs, the last of them those
 * themselves. What they use that no node of the program makes, and no longer needs, is added and dropped.
 */
export function rewrite(program: Finished, by: (node: Node) => readonly Node[]): Finished {
  const own = new Map<Value, Node>();
  for (const node of program.nodes) {
    for (const part of by(node)) for (const output of part.outputs) own.set(output, part);
  }
  const nodes = inOrder(Object.values(program.outputs), (node) => own.get(node.outputs[0] as Value) ?? node);
  const used = new Set([...Object.values(program.outputs), ...nodes.flatMap((node) => node.inputs)]);
  return { ...program, nodes, inputs: program.inputs.filter((v) => used.has(v)) };
}

/** A node past the rules, which take the sizes of a recording for those of every run. */
export const emit = (
  graph: Graph,
  op: string,
  inputs: readonly Value[],
  output: OutputType,
  attributes: Node['attributes'] = {},
): Value => graph.emitMany(op, inputs, [output], attributes)[0] as Value;

/** The last two axes exchanged; of what is transposed already, in one step. */
export function transposed(graph: Graph, x: Value): Value {
  const axes = x.shape.map((_, i) => i);
  const swap = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  const inner = x.node?.op === 'Transpose' ? x.node : undefined;
  const source = (inner?.inputs[0] as Value | undefined) ?? x;
  const before = (inner?.attributes.perm as number[] | undefined) ?? axes;
  const perm = swap.map((axis) => before[axis] as number);
  const shape = perm.map((axis) => source.shape[axis] as number);
  return emit(graph, 'Transpose', [source], { dtype: x.dtype, shape }, { perm });
}
