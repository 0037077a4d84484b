import proto, { type onnx } from 'onnx-proto';
import type { Finished } from '../finish.js';
import type { Dimension } from '../generalize.js';
import type { Attribute, Data, DType, Value } from '../graph.js';
import type { HostTensors } from '../runner.js';
import { sizeOf } from '../shape.js';

const TYPES: Readonly<Record<DType, number>> = {
  float32: proto.onnx.TensorProto.DataType.FLOAT,
  int32: proto.onnx.TensorProto.DataType.INT32,
  int64: proto.onnx.TensorProto.DataType.INT64,
  bool: proto.onnx.TensorProto.DataType.BOOL,
  uint8: proto.onnx.TensorProto.DataType.UINT8,
  float16: proto.onnx.TensorProto.DataType.FLOAT16,
  string: proto.onnx.TensorProto.DataType.STRING,
};

/** ONNX operator set that the lowerings are written for (Gelu came with 20) and the file version that goes with it. */
const OPSET = 20;
const IR_VERSION = 9;
/** A uniform constant up to this many elements is written out; a larger one is made at load by ConstantOfShape. */
const WRITTEN_OUT = 1024;

/**
 * The graph as an ONNX model. Inputs keep the names they are fed under; outputs are named as given, through an
 * Identity where a value is an input, a constant or an output twice, since ONNX wants each name defined by one node.
 *
 * @param dimensions sizes of each value, if some differ from run to run. They are then written at every value: ORT cannot
 *   work them out where shapes are fed, and what it knows of them lets it fuse operators and share memory.
 * @param weights numbers of inputs that are part of the file, by the names they would be fed under. Such a file is for
 *   other tools: sizes are written at inputs and outputs alone.
 */
export function encode(
  { inputs, nodes, outputs }: Finished,
  dimensions?: (v: Value) => readonly Dimension[],
  weights?: HostTensors,
): Uint8Array {
  const info = (name: string, v: Value): onnx.IValueInfoProto => {
    const dim = (dimensions?.(v) ?? v.shape).map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
    return { name, type: { tensorType: { elemType: TYPES[v.dtype], shape: { dim } } } };
  };
  const initializer: onnx.ITensorProto[] = [];
  const encoded: onnx.INodeProto[] = [];
  const names = new Map<Value, string>();
  const fed = inputs.filter(({ input }) => weights?.[input as string] === undefined);
  for (const v of inputs) {
    names.set(v, v.input as string);
    const { shape, data } = weights?.[v.input as string] ?? {};
    if (shape && data) initializer.push(tensor(v.input as string, v.dtype, shape, data as Data));
  }

  const nameOf = (v: Value): string => {
    let name = names.get(v);
    if (name) return name;
    name = `v${v.id}`;
    names.set(v, name);
    if (v.uniform !== undefined && sizeOf(v.shape) > WRITTEN_OUT) {
      const value = tensor('', v.dtype, [1], fill(v.dtype, v.uniform, 1));
      initializer.push(tensor(`${name}s`, 'int64', [v.shape.length], BigInt64Array.from(v.shape.map(BigInt))));
      encoded.push({
        opType: 'ConstantOfShape',
        input: [`${name}s`],
        output: [name],
        attribute: [{ name: 'value', type: proto.onnx.AttributeProto.AttributeType.TENSOR, t: value }],
      });
    } else if (v.uniform !== undefined) {
      initializer.push(tensor(name, v.dtype, v.shape, fill(v.dtype, v.uniform, sizeOf(v.shape))));
    } else if (v.data) {
      initializer.push(tensor(name, v.dtype, v.shape, v.data));
    }
    return name;
  };

  const output: onnx.IValueInfoProto[] = [];
  const renamed: onnx.INodeProto[] = [];
  for (const [name, v] of Object.entries(outputs)) {
    output.push(info(name, v));
    if (v.node && !names.has(v)) names.set(v, name);
    else renamed.push({ opType: 'Identity', input: [nameOf(v)], output: [name], attribute: [] });
  }
  for (const node of nodes) {
    const [domain, opType] = node.op.startsWith('com.microsoft.')
      ? ['com.microsoft', node.op.slice(14)]
      : ['', node.op];
    const input = node.inputs.map(nameOf);
    const attributes = node.op === 'Cast' ? { to: TYPES[(node.outputs[0] as Value).dtype] } : node.attributes;
    encoded.push({
      opType,
      domain,
      input,
      output: node.outputs.map(nameOf),
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
  }
  encoded.push(...renamed);
  const given = new Set(output.map(({ name }) => name));
  const inner = dimensions && !weights ? nodes.flatMap((n) => n.outputs).filter((v) => !given.has(nameOf(v))) : [];

  const model: onnx.IModelProto = {
    irVersion: IR_VERSION,
    producerName: 'recipe',
    opsetImport: [
      { domain: '', version: OPSET },
      ...(encoded.some(({ domain }) => domain === 'com.microsoft') ? [{ domain: 'com.microsoft', version: 1 }] : []),
    ],
    graph: {
      name: 'recipe',
      node: encoded,
      initializer,
      input: fed.map((v) => info(v.input as string, v)),
      output,
      valueInfo: inner.map((v) => info(nameOf(v), v)),
    },
  };
  return proto.onnx.ModelProto.encode(model).finish();
}

/** An array of one number. */
export function fill(dtype: DType, x: number, n: number): Data {
  if (dtype === 'float32') return new Float32Array(n).fill(x);
  if (dtype === 'int32') return new Int32Array(n).fill(x);
  if (dtype === 'int64') return new BigInt64Array(n).fill(BigInt(x));
  return new Uint8Array(n).fill(x);
}

function tensor(name: string, dtype: DType, shape: readonly number[], data: Data): onnx.ITensorProto {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dataType: TYPES[dtype], dims: [...shape], rawData };
}

/** Attributes that ONNX wants as a float even when the number is whole. */
const FLOAT_ATTRIBUTES = new Set(['epsilon', 'alpha', 'beta']);

const isTexts = (value: Attribute): value is readonly string[] =>
  typeof value === 'object' && typeof value[0] === 'string';

function attribute(name: string, value: Attribute): onnx.IAttributeProto {
  const { AttributeType } = proto.onnx.AttributeProto;
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (isTexts(value)) {
    const encoder = new TextEncoder();
    return { name, type: AttributeType.STRINGS, strings: value.map((text) => encoder.encode(text)) };
  }
  if (typeof value !== 'number') return { name, type: AttributeType.INTS, ints: [...value] };
  return FLOAT_ATTRIBUTES.has(name)
    ? { name, type: AttributeType.FLOAT, f: value }
    : { name, type: AttributeType.INT, i: value };
}
