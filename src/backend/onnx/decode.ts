import { readFile } from 'node:fs/promises';
import proto, { type onnx } from 'onnx-proto';
import { StepFailure } from '../../util/failure.js';

/** What an ONNX file says of itself, without being run. */
export interface OnnxFile {
  /** Numbers of its weights. */
  readonly parameters: number;
  /** Files beside it that hold weights, by the name that it gives them. */
  readonly beside: readonly string[];
}

const { FLOAT, FLOAT16, BFLOAT16, DOUBLE, INT8, UINT8 } = proto.onnx.TensorProto.DataType;
/** Types of weights; whole numbers of other sizes are shapes, axes and the like. */
const WEIGHTS: readonly unknown[] = [FLOAT, FLOAT16, BFLOAT16, DOUBLE, INT8, UINT8];

/** @throws StepFailure `onnx-file` if it is none or cannot be read */
export async function describeOnnx(file: string): Promise<OnnxFile> {
  let initializers: readonly onnx.ITensorProto[];
  try {
    const { graph } = proto.onnx.ModelProto.decode(await readFile(file));
    if (!graph?.node?.length) throw new Error('it holds no graph');
    initializers = graph.initializer ?? [];
  } catch (error) {
    throw new StepFailure('onnx-file', `${file} is not an ONNX model: ${(error as Error).message}`);
  }
  const beside = initializers.flatMap(({ externalData }) =>
    (externalData ?? []).flatMap(({ key, value }) => (key === 'location' && value ? [value] : [])),
  );
  const sizes = initializers
    .filter(({ dataType }) => WEIGHTS.includes(dataType))
    .map(({ dims }) => (dims ?? []).reduce((size: number, dim) => size * Number(dim), 1));
  return { parameters: sizes.reduce((sum, size) => sum + size, 0), beside: [...new Set(beside)].sort() };
}
