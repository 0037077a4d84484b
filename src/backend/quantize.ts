import type { Finished } from './finish.js';
import type { Graph, Node, Value } from './graph.js';
import type { HostTensors } from './runner.js';

/** Narrower products, such as a classifier's, are as fast in float32 and lose more. */
const LEAST_COLUMNS = 64;
/** What stands for 0: with unsigned weights no sum can saturate, which signed ones do on CPUs without VNNI. */
export const ZERO = 128;

/**
 * A program whose products with weight matrices are of 8-bit integers: weights column by column, symmetrically, once;
 * what they are multiplied by anew in each run (ORT's DynamicQuantizeMatMul). Weights become constants of the graph.
 *
 * @param parameters the weights' numbers, by the name they are fed under
 */
export function quantize(graph: Graph, program: Finished, parameters: HostTensors): Finished {
  const nodes = program.nodes.map((node) => quantized(graph, node, parameters) ?? node);
  const used = new Set([...Object.values(program.outputs), ...nodes.flatMap((n) => n.inputs)]);
  return { ...program, nodes, inputs: program.inputs.filter((v) => used.has(v)) };
}

function quantized(graph: Graph, node: Node, parameters: HostTensors): Node | undefined {
  if (!['Gemm', 'MatMul', 'com.microsoft.FusedMatMul'].includes(node.op)) return undefined;
  const [a, b, bias] = node.inputs as [Value, Value, Value?];
  const weight = b.input === undefined ? undefined : parameters[b.input];
  const { transA = 0, transB = 0, alpha = 1, beta = 1 } = node.attributes as Partial<Record<string, number>>;
  if (weight?.shape.length !== 2 || transA || beta !== 1) return undefined;
  const [rows, columns] = (transB ? [...weight.shape].reverse() : weight.shape) as [number, number];
  if (columns < LEAST_COLUMNS) return undefined;
  const { codes, scales } = codesOf(weight.data as Float32Array, rows, columns, Boolean(transB));
  const inputs = [
    a,
    graph.constant(codes, 'uint8', [rows, columns]),
    graph.constant(
      scales.map((scale) => scale * alpha),
      'float32',
      [columns],
    ),
    graph.constant(new Uint8Array(columns).fill(ZERO), 'uint8', [columns]),
    ...(bias ? [bias] : []),
  ];
  return { op: 'com.microsoft.DynamicQuantizeMatMul', inputs, attributes: {}, outputs: node.outputs };
}

export interface Codes {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
}

/** Every compiled length has the same weights: they are encoded once. */
const encoded = new WeakMap<Float32Array, Codes>();

function codesOf(data: Float32Array, rows: number, columns: number, transposed: boolean): Codes {
  const known = encoded.get(data);
  if (known) return known;
  const made = encodeColumns(data, rows, columns, transposed);
  encoded.set(data, made);
  return made;
}

/** code = round(w / scale) + 128 with the scale of its column, whose largest weight is 127 scales. */
export function encodeColumns(data: Float32Array, rows: number, columns: number, transposed: boolean): Codes {
  const [down, right] = transposed ? [1, rows] : [columns, 1];
  const largest = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const size = Math.abs(data[row * down + column * right] as number);
      if (size > (largest[column] as number)) largest[column] = size;
    }
  }
  const scales = largest.map((size) => size / 127 || 1);
  const codes = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const weight = data[row * down + column * right] as number;
      codes[row * columns + column] = Math.round(weight / (scales[column] as number)) + ZERO;
    }
  }
  return { codes, scales };
}
