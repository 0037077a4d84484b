import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import proto, { type onnx } from 'onnx-proto';
import { floats } from '../../backend/rig.js';

const { FLOAT, INT64, FLOAT16 } = proto.onnx.TensorProto.DataType;

export const VOCABULARY = 100;
export const WIDTH = 6;
export const LABELS = ['ham', 'spam', 'news'];

/** Embedding table [VOCABULARY, WIDTH] and classifier [WIDTH, labels] of the graph. */
export const weights = {
  table: floats('onnx table', [VOCABULARY, WIDTH]),
  head: floats('onnx head', [WIDTH, LABELS.length]),
};

export interface Variant {
  /** Names of the graph's inputs and outputs; null: it has no mask. */
  readonly ids?: string;
  readonly mask?: string | null;
  readonly batch?: number | string;
  readonly length?: number | string;
  /** An operator in the place of the last product. */
  readonly last?: string;
  /** Keeps the table in a file of that name beside it. */
  readonly beside?: string;
  readonly half?: boolean;
}

const value = (name: string, elemType: number, shape: readonly (number | string)[]): onnx.IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) },
    },
  },
});
const bytes = ({ data }: { data: Float32Array }): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/**
 * Writes a small classifier: embeddings of ids, their mean where the mask is 1 (`sentence_embedding`), times a matrix
 * (`logits`); `last_hidden_state` are the embeddings themselves.
 */
export async function writeTinyOnnx(folder: string, variant: Variant = {}, file = 'model.onnx'): Promise<void> {
  const { ids = 'input_ids', mask = 'attention_mask', batch = 'batch', length = 'length', beside } = variant;
  const table: onnx.ITensorProto = { name: 'table', dataType: FLOAT, dims: [VOCABULARY, WIDTH] };
  if (beside) {
    table.dataLocation = proto.onnx.TensorProto.DataLocation.EXTERNAL;
    table.externalData = [{ key: 'location', value: beside }];
    await writeFile(join(folder, beside), bytes(weights.table));
  } else {
    table.rawData = bytes(weights.table);
  }
  const head: onnx.ITensorProto = {
    name: 'head',
    dataType: FLOAT,
    dims: [WIDTH, LABELS.length],
    rawData: bytes(weights.head),
  };
  const axes: onnx.ITensorProto = { name: 'one', dataType: INT64, dims: [1], int64Data: [1] };
  const keep = { name: 'keepdims', type: proto.onnx.AttributeProto.AttributeType.INT, i: 0 };
  const to = (type: number) => [{ name: 'to', type: proto.onnx.AttributeProto.AttributeType.INT, i: type }];
  const node = (opType: string, input: string[], output: string, attribute: onnx.IAttributeProto[] = []) => ({
    opType,
    input,
    output: [output],
    attribute,
  });
  const pooled =
    mask === null
      ? [node('ReduceMean', ['last_hidden_state', 'one'], 'sentence_embedding', [keep])]
      : [
          node('Cast', [mask], 'float mask', to(FLOAT)),
          node('Unsqueeze', ['float mask', 'two'], 'column'),
          node('Mul', ['last_hidden_state', 'column'], 'masked'),
          node('ReduceSum', ['masked', 'one'], 'sum', [keep]),
          node('ReduceSum', ['column', 'one'], 'token count', [keep]),
          node('Div', ['sum', 'token count'], 'sentence_embedding'),
        ];
  const product = variant.half ? 'float logits' : 'logits';
  const model: onnx.IModelProto = {
    irVersion: 9,
    opsetImport: [{ domain: '', version: 20 }],
    graph: {
      name: 'tiny',
      node: [
        node('Gather', ['table', ids], 'last_hidden_state'),
        ...pooled,
        node(variant.last ?? 'MatMul', ['sentence_embedding', 'head'], product),
        ...(variant.half ? [node('Cast', [product], 'logits', to(FLOAT16))] : []),
      ],
      initializer: [table, head, axes, { name: 'two', dataType: INT64, dims: [1], int64Data: [2] }],
      input: [value(ids, INT64, [batch, length]), ...(mask === null ? [] : [value(mask, INT64, [batch, length])])],
      output: [
        value('logits', variant.half ? FLOAT16 : FLOAT, [batch, LABELS.length]),
        value('sentence_embedding', FLOAT, [batch, WIDTH]),
        value('last_hidden_state', FLOAT, [batch, length, WIDTH]),
      ],
    },
  };
  await writeFile(join(folder, file), proto.onnx.ModelProto.encode(model).finish());
}

/** What the graph says of token ids: the mean of their embeddings, and its product with the head. */
export function expected(ids: ArrayLike<number>): { readonly embedding: number[]; readonly logits: number[] } {
  const embedding = Array.from({ length: WIDTH }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < ids.length; i++) sum += weights.table.data[(ids[i] as number) * WIDTH + k] as number;
    return sum / ids.length;
  });
  const logits = LABELS.map((_, label) =>
    embedding.reduce((sum, x, k) => sum + x * (weights.head.data[k * LABELS.length + label] as number), 0),
  );
  return { embedding, logits };
}
