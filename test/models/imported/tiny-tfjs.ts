import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphJson } from '../../../src/backend/graph-model.js';
import { floats } from '../../backend/rig.js';

export const VOCABULARY = 100;
export const WIDTH = 6;

export const weights = {
  table: floats('tfjs table', [VOCABULARY, WIDTH]),
  square: floats('tfjs square', [WIDTH, WIDTH]),
};

interface Node {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: object;
}

/** A graph and the bytes of its weights, in the order of the manifest. */
export interface Graph {
  readonly json: GraphJson;
  readonly bytes: Buffer;
}

const INT32 = 'DT_INT32';
const dims = (...sizes: number[]) => ({ shape: { dim: sizes.map((size) => ({ size: String(size) })) } });
const placeholder = (name: string, ...shape: number[]): Node => ({
  name,
  op: 'Placeholder',
  attr: { dtype: { type: INT32 }, shape: dims(...shape) },
});
const numbers = (name: string, shape: readonly number[], values: Float32Array | Int32Array) => ({
  name,
  shape,
  values,
});
type Weight = ReturnType<typeof numbers>;

function graphOf(nodes: readonly Node[], constants: readonly Weight[]): Graph {
  const dtype = ({ values }: Weight): string => (values instanceof Float32Array ? 'float32' : 'int32');
  const consts = constants.map((weight) => ({
    name: weight.name,
    op: 'Const',
    attr: { dtype: { type: dtype(weight) === 'float32' ? 'DT_FLOAT' : INT32 } },
  }));
  const json = {
    format: 'graph-model',
    modelTopology: { node: [...consts, ...nodes], versions: {} },
    weightsManifest: [
      { paths: ['weights.bin'], weights: constants.map((w) => ({ name: w.name, shape: w.shape, dtype: dtype(w) })) },
    ],
  };
  const bytes = Buffer.concat(
    constants.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  );
  return { json: json as unknown as GraphJson, bytes };
}

const whole = (name: string, ...values: number[]): Weight =>
  numbers(name, values.length > 1 ? [values.length] : [], Int32Array.of(...values));

export interface Variant {
  /** Leaves out the mask of what is summed, so that padding counts. */
  readonly unmasked?: boolean;
  /** In the place of the activation. */
  readonly activation?: string;
}

/**
 * As the Universal Sentence Encoder does it: a sparse matrix of token ids becomes a dense one with −1 for none; the
 * tokens that there are, found by `Where`, go through a layer, and their mean is the embedding.
 */
export function sparseGraph({ unmasked = false, activation = 'Tanh' }: Variant = {}): Graph {
  return graphOf(
    [
      placeholder('indices', -1, 2),
      placeholder('values', -1),
      { name: 'last', op: 'Max', input: ['indices', 'zero'], attr: { keep_dims: { b: false } } },
      { name: 'size', op: 'Add', input: ['last', 'ones'] },
      { name: 'dense', op: 'SparseToDense', input: ['indices', 'size', 'values', 'none'] },
      { name: 'present', op: 'Greater', input: ['dense', 'none'] },
      { name: 'places', op: 'Where', input: ['present'] },
      { name: 'words', op: 'GatherV2', input: ['table', 'values', 'zero'] },
      { name: 'layer', op: 'MatMul', input: ['words', 'square'] },
      { name: 'active', op: activation, input: ['layer'] },
      { name: 'shape', op: 'ConcatV2', input: ['size', 'width', 'zero'] },
      { name: 'states', op: 'ScatterNd', input: ['places', 'active', 'shape'] },
      { name: 'mask', op: 'Cast', input: ['present'], attr: { SrcT: { type: 'DT_BOOL' }, DstT: { type: 'DT_FLOAT' } } },
      { name: 'column', op: 'ExpandDims', input: ['mask', 'two'] },
      { name: 'masked', op: 'Mul', input: ['states', unmasked ? 'one' : 'column'] },
      { name: 'sum', op: 'Sum', input: ['masked', 'first'], attr: { keep_dims: { b: false } } },
      { name: 'count', op: 'Sum', input: ['column', 'first'], attr: { keep_dims: { b: false } } },
      { name: 'embedding', op: 'RealDiv', input: ['sum', 'count'] },
    ],
    [
      numbers('table', [VOCABULARY, WIDTH], weights.table.data),
      numbers('square', [WIDTH, WIDTH], weights.square.data),
      whole('zero', 0),
      whole('ones', 1, 1),
      whole('none', -1),
      whole('two', 2),
      whole('first', 1),
      numbers('width', [1], Int32Array.of(WIDTH)),
      numbers('one', [], Float32Array.of(1)),
    ],
  );
}

/** Of dense ids and their mask: each token's state, and six logits of their mean. −1: a size that is free. */
export function denseGraph(batch = -1, length = -1): Graph {
  return graphOf(
    [
      placeholder('input_ids', batch, length),
      placeholder('attention_mask', batch, length),
      { name: 'last_hidden_state', op: 'GatherV2', input: ['table', 'input_ids', 'zero'] },
      {
        name: 'mask',
        op: 'Cast',
        input: ['attention_mask'],
        attr: { SrcT: { type: INT32 }, DstT: { type: 'DT_FLOAT' } },
      },
      { name: 'column', op: 'ExpandDims', input: ['mask', 'two'] },
      { name: 'masked', op: 'Mul', input: ['last_hidden_state', 'column'] },
      { name: 'sum', op: 'Sum', input: ['masked', 'first'], attr: { keep_dims: { b: false } } },
      { name: 'count', op: 'Sum', input: ['column', 'first'], attr: { keep_dims: { b: false } } },
      { name: 'mean', op: 'RealDiv', input: ['sum', 'count'] },
      { name: 'logits', op: 'MatMul', input: ['mean', 'square'] },
    ],
    [
      numbers('table', [VOCABULARY, WIDTH], weights.table.data),
      numbers('square', [WIDTH, WIDTH], weights.square.data),
      whole('zero', 0),
      whole('two', 2),
      whole('first', 1),
    ],
  );
}

/** Writes `model.json` and `weights.bin`. */
export async function writeGraph(folder: string, { json, bytes }: Graph): Promise<void> {
  await writeFile(join(folder, 'model.json'), JSON.stringify(json));
  await writeFile(join(folder, 'weights.bin'), bytes);
}

/** What the sparse graph says of token ids: the mean of tanh(embedding · square). */
export function expected(ids: ArrayLike<number>): number[] {
  const sums = new Array<number>(WIDTH).fill(0);
  for (let t = 0; t < ids.length; t++) {
    for (let k = 0; k < WIDTH; k++) {
      let sum = 0;
      for (let j = 0; j < WIDTH; j++) {
        sum +=
          (weights.table.data[(ids[t] as number) * WIDTH + j] as number) *
          (weights.square.data[j * WIDTH + k] as number);
      }
      sums[k] = (sums[k] as number) + Math.tanh(sum);
    }
  }
  return sums.map((sum) => sum / ids.length);
}
