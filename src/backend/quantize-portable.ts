import type { Finished } from './finish.js';
import type { Graph, Node, Value } from './graph.js';
import { emit, rewrite } from './portable.js';
import { type Codes, encodeColumns, ZERO } from './quantize.js';
import type { HostTensors } from './runner.js';

/**
 * A program of ONNX's own operators whose products with weight matrices, and whose embeddings, are of 8-bit integers:
 * weights by the column that they make, embeddings by the row, symmetrically; what weights are multiplied by anew in each
 * run (DynamicQuantizeLinear and MatMulInteger, of which ONNX Runtime makes one operator when it loads them).
 *
 * @param weights the numbers of inputs, by name; those that are encoded are inputs no more
 * @param chosen which of them to encode
 */
export function quantizePortable(
  graph: Graph,
  program: Finished,
  weights: HostTensors,
  chosen: (name: string) => boolean,
): Finished {
  const make = new Quantizer(graph, weights, chosen);
  return rewrite(program, (node) => make.product(node) ?? make.rows(node) ?? [node]);
}

interface Encoded {
  /** In the layout of the matrix itself. */
  readonly stored: Value;
  readonly scales: Float32Array;
}

class Quantizer {
  private readonly encoded = new Map<string, Encoded>();

  constructor(
    private readonly graph: Graph,
    private readonly weights: HostTensors,
    private readonly chosen: (name: string) => boolean,
  ) {}

  /** A product with a weight matrix, and its bias. */
  product(node: Node): Node[] | undefined {
    if (!['Gemm', 'MatMul', 'com.microsoft.FusedMatMul'].includes(node.op)) return undefined;
    const { graph } = this;
    const [a, b, bias] = node.inputs as [Value, Value, Value?];
    const { transA = 0, transB = 0, alpha = 1, beta = 1 } = node.attributes as Partial<Record<string, number>>;
    if (transA || beta !== 1 || !this.encodes(b)) return undefined;
    const { stored, scales } = this.codesOf(b, Boolean(transB));
    const [output] = node.outputs as [Value];
    const columns = scales.length;
    const rows = a.shape.at(-1) as number;
    const factors = transB
      ? emit(graph, 'Transpose', [stored], { dtype: 'uint8', shape: [rows, columns] }, { perm: [1, 0] })
      : stored;
    const scalar = { dtype: 'float32', shape: [] } as const;
    const [short, scale, zero] = graph.emitMany(
      'DynamicQuantizeLinear',
      [a],
      [{ dtype: 'uint8', shape: a.shape }, scalar, { dtype: 'uint8', shape: [] }],
    ) as [Value, Value, Value];
    const sum = emit(graph, 'MatMulInteger', [short, factors, zero, graph.uniform(ZERO, 'uint8')], {
      dtype: 'int32',
      shape: output.shape,
    });
    const each = graph.constant(
      scales.map((x) => x * alpha),
      'float32',
      [columns],
    );
    const both = emit(graph, 'Mul', [scale, each], { dtype: 'float32', shape: [columns] });
    const wide = emit(graph, 'Cast', [sum], { dtype: 'float32', shape: output.shape });
    if (!bias) return [{ op: 'Mul', inputs: [wide, both], attributes: {}, outputs: [output] }];
    const scaled = emit(graph, 'Mul', [wide, both], { dtype: 'float32', shape: output.shape });
    return [{ op: 'Add', inputs: [scaled, bias], attributes: {}, outputs: [output] }];
  }

  /** Rows of an embedding. */
  rows(node: Node): Node[] | undefined {
    const [table, ids] = node.inputs as [Value, Value];
    if (node.op !== 'Gather' || node.attributes.axis !== 0 || !this.encodes(table)) return undefined;
    const { graph } = this;
    const [output] = node.outputs as [Value];
    const { stored, scales } = this.codesOf(table, true);
    const each = graph.constant(scales, 'float32', [scales.length, 1]);
    const taken = emit(graph, 'Gather', [stored, ids], { dtype: 'uint8', shape: output.shape }, { axis: 0 });
    const size = [...output.shape.slice(0, -1), 1];
    const scale = emit(graph, 'Gather', [each, ids], { dtype: 'float32', shape: size }, { axis: 0 });
    const wide = emit(graph, 'Cast', [taken], { dtype: 'float32', shape: output.shape });
    const centred = emit(graph, 'Sub', [wide, graph.uniform(ZERO, 'float32')], {
      dtype: 'float32',
      shape: output.shape,
    });
    return [{ op: 'Mul', inputs: [centred, scale], attributes: {}, outputs: [output] }];
  }

  private encodes({ input }: Value): boolean {
    return input !== undefined && this.weights[input]?.shape.length === 2 && this.chosen(input);
  }

  /** A scale each column, or, `byRow`, each row. */
  private codesOf({ input }: Value, byRow: boolean): Encoded {
    const name = `${input} ${byRow}`;
    let known = this.encoded.get(name);
    if (!known) {
      const { shape, data } = this.weights[input as string] as HostTensors[string];
      const [rows, columns] = shape as [number, number];
      const floats = data as Float32Array;
      const { codes, scales } = byRow ? encodeRows(floats, rows, columns) : encodeColumns(floats, rows, columns, false);
      known = { stored: this.graph.constant(codes, 'uint8', shape), scales };
      this.encoded.set(name, known);
    }
    return known;
  }
}

/** As `encodeColumns`, of a matrix whose rows are the columns of a product. */
function encodeRows(data: Float32Array, rows: number, columns: number): Codes {
  const codes = new Uint8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * columns, (row + 1) * columns);
    const scale = own.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127 || 1;
    scales[row] = scale;
    own.forEach((x, i) => {
      codes[row * columns + i] = Math.round(x / (scales[row] as number)) + ZERO;
    });
  }
  return { codes, scales };
}
