import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GraphJson, GraphModel } from '../../backend/graph-model.js';
import {
  type Backend,
  createRunner,
  type HostTensors,
  type Runner,
  type TensorFunction,
} from '../../backend/runner.js';
import { type Tensor, tf } from '../../backend/tf.js';
import { NotRecordable, recording } from '../../backend/trace.js';
import { loadTokenizer, type TextTokenizer } from '../../data/tokenizer.js';
import { StepFailure } from '../../util/failure.js';
import { inBatches, longestOf } from '../batches.js';
import { bucketLength } from '../padding.js';
import {
  type Imported,
  type Mapped,
  meanOfTokens,
  RANK,
  readImported,
  SAMPLE,
  type TextGraph,
  wrongShape,
} from './imported.js';

/** The graph in an artifact's folder; it names the files of its weights, which are beside it. */
export const GRAPH_FILE = 'model.json';

/** What a graph may be fed: token ids and a mask, or a sparse matrix of ids. */
export const TFJS_FEEDS = ['indices', 'values', 'ids', 'mask'] as const;
export type TfjsFeed = (typeof TFJS_FEEDS)[number];

/** Stands where a text has no token: no token's id. */
const NO_TOKEN = -1;

export async function openTfjs(folder: string, backend: Backend, threads: number): Promise<TextGraph> {
  const about = await readImported(folder);
  const { graph, bytes } = await readGraph(folder);
  const tokenizer = await loadTokenizer(folder);
  const runner = await createRunner(backend, threads);
  return {
    about,
    bytes,
    run: (texts) => runTfjs(runner, graph, about, tokenizer, texts),
    close: () => runner.release(),
  };
}

/**
 * Reads a graph and its weights.
 * @throws StepFailure if a file is missing, is no graph model or does not hold the weights that it should
 */
export async function readGraph(folder: string): Promise<{ readonly graph: GraphModel; readonly bytes: number }> {
  const file = join(folder, GRAPH_FILE);
  try {
    const json = parseGraph(await readFile(file, 'utf8'));
    const parts = await Promise.all(weightFiles(json).map((name) => readFile(join(folder, name))));
    const weights = Buffer.concat(parts);
    return { graph: GraphModel.parse(json, weights), bytes: weights.length };
  } catch (error) {
    throw new StepFailure('tfjs-model', `${file} is not a TensorFlow.js graph model: ${(error as Error).message}`);
  }
}

/** @throws Error if it is none: tfjs's layers models are described in another way */
export function parseGraph(text: string): GraphJson {
  const json = JSON.parse(text) as Partial<GraphJson> | null;
  if (!Array.isArray(json?.modelTopology?.node)) throw new Error('it has no "modelTopology" with nodes');
  if (!Array.isArray(json.weightsManifest)) throw new Error('it has no "weightsManifest"');
  return json as GraphJson;
}

/** Names of the files that hold a graph's weights, in order. */
export const weightFiles = ({ weightsManifest }: GraphJson): string[] => weightsManifest.flatMap(({ paths }) => paths);

/** What a graph says of texts, row-major [texts, width]. */
async function runTfjs(
  runner: Runner,
  graph: GraphModel,
  about: Mapped & Pick<Imported, 'width'>,
  tokenizer: Pick<TextTokenizer, 'encode' | 'padId'>,
  texts: readonly string[],
): Promise<Float32Array> {
  const tokens = await tokenizer.encode(texts, about.max_length);
  const fn = functionOf(graph, about);
  return inBatches(tokens, about.width, async (ids, size) => {
    const length = bucketLength(longestOf(ids), about.max_length);
    const data = await runBatch(runner, graph, fn, about, batchOf(ids, size, length, about, tokenizer.padId));
    return rowsOf(data, about, ids, size);
  });
}

/** Numbers [texts, width] of an output; states of tokens are averaged. */
function rowsOf(
  data: Float32Array,
  { output, width }: Mapped & Pick<Imported, 'width'>,
  ids: readonly Int32Array[],
  size: number,
): Float32Array {
  const length = data.length / (size * width);
  if (output.says !== 'hidden' && length === 1) return data;
  const longest = Math.max(1, longestOf(ids));
  if (output.says !== 'hidden' || !Number.isInteger(length) || length < longest) {
    throw wrongShape(output, data.length, size, longest);
  }
  const counts = ids.map((text) => Math.max(1, text.length));
  return meanOfTokens(data, counts, length, width);
}

/**
 * @throws StepFailure if the graph uses an operator that cannot be computed here, or makes shapes of what it is fed
 */
async function runBatch(
  runner: Runner,
  graph: GraphModel,
  fn: TensorFunction,
  { output }: Mapped,
  batch: HostTensors,
): Promise<Float32Array> {
  try {
    return (await runner.forward(fn, graph.parameters, batch))[output.name] as Float32Array;
  } catch (error) {
    throw unsupported(error);
  }
}

/** How tfjs and the recording say that they lack an operator. */
const LACKING = [
  /dynamic op '(\w+)'/,
  /Unknown op '(\w+)'/,
  /^Kernel '(\w+)' not registered/,
  /^Node type (\w+) is not/,
];

function unsupported(error: unknown): unknown {
  if (error instanceof StepFailure || !(error instanceof Error)) return error;
  const recorded = error instanceof NotRecordable ? error : undefined;
  const op =
    recorded?.kernel ?? LACKING.map((said) => said.exec(error.message)?.[1]).find((name) => name !== undefined);
  if (op !== undefined) {
    return new StepFailure('unsupported-op', `the graph uses the operator ${op}, which cannot be computed here`);
  }
  if (recorded) {
    return new StepFailure(
      'unsupported-model',
      'the graph makes shapes of the numbers that it is fed, which cannot be recorded',
    );
  }
  return new StepFailure('unsupported-model', `the graph cannot be computed: ${error.message.split('\n')[0]}`);
}

/**
 * Token ids [batch, length], −1 where there is no token. A text without any, as a row of padding, has one that is
 * unknown: a sparse matrix has no other way to say that there is a text.
 */
function batchOf(
  ids: readonly Int32Array[],
  size: number,
  length: number,
  { inputs }: Mapped,
  padId: number,
): HostTensors {
  const sparse = inputs.indices !== undefined;
  const data = new Int32Array(size * length).fill(sparse ? NO_TOKEN : padId);
  const mask = new Int32Array(size * length);
  for (let row = 0; row < size; row++) {
    const text = ids[row]?.length ? (ids[row] as Int32Array) : Int32Array.of(padId);
    data.set(text, row * length);
    mask.fill(1, row * length, row * length + text.length);
  }
  const shape = [size, length];
  return {
    ids: { dtype: 'int32', shape, data },
    ...(inputs.mask !== undefined && { mask: { dtype: 'int32', shape, data: mask } }),
  };
}

/** The graph as a function of `ids` and `mask`. */
function functionOf(graph: GraphModel, { inputs, output }: Mapped): TensorFunction {
  const typeOf = (name: string): string => graph.inputs.find((input) => input.name === name)?.dtype ?? 'int32';
  const cast = (tensor: Tensor, name: string): Tensor => tf.cast(tensor, typeOf(name) as 'int32');
  return {
    key: output.name,
    call: (parameters, { ids, mask }) => {
      const feeds: Record<string, Tensor> = {};
      if (inputs.indices !== undefined && inputs.values !== undefined) {
        const { indices, values } = sparseOf(ids as Tensor);
        feeds[inputs.indices] = cast(indices, inputs.indices);
        feeds[inputs.values] = cast(values, inputs.values);
      } else {
        feeds[inputs.ids as string] = cast(ids as Tensor, inputs.ids as string);
        if (inputs.mask !== undefined) feeds[inputs.mask] = cast(mask as Tensor, inputs.mask);
      }
      const said = graph.run(parameters, feeds, output.name);
      if (said.rank !== RANK[output.says]) {
        throw new StepFailure(
          'shape',
          `the graph's "${output.name}" has the shape [${said.shape}], and one of ${RANK[output.says]} axes is needed`,
        );
      }
      return { [output.name]: said };
    },
  };
}

/**
 * Ids as a sparse matrix: of the real tokens alone where they can be looked at; in a recording, whose shapes are fixed, of
 * every place, with −1 as the value where there is no token, which the graph takes for what its own padding is.
 */
function sparseOf(ids: Tensor): { readonly indices: Tensor; readonly values: Tensor } {
  const [batch, length] = ids.shape as [number, number];
  const every = Array.from({ length: batch * length }, (_, i) => i);
  const data = recording() ? undefined : ids.dataSync();
  const real = data ? every.filter((i) => data[i] !== NO_TOKEN) : every;
  const places = Int32Array.from(real.flatMap((i) => [Math.floor(i / length), i % length]));
  const values = data
    ? tf.tensor1d(
        Int32Array.from(real, (i) => data[i] as number),
        'int32',
      )
    : tf.reshape(ids, [-1]);
  return { indices: tf.tensor2d(places, [real.length, 2], 'int32'), values };
}

/** How far what is recorded may be from what tfjs itself computes. */
const TOLERANCE = 1e-4;

/**
 * Runs a graph as it will be run, and eagerly on tfjs's cpu backend, which takes nothing for granted.
 *
 * @returns numbers that it says of a text
 * @throws StepFailure if it does not run, says something of another shape, or the two do not agree
 */
export async function tryTfjs(
  graph: GraphModel,
  about: Mapped,
  tokenizer: Pick<TextTokenizer, 'encode' | 'padId' | 'vocabularySize'>,
  threads: number,
): Promise<number> {
  const tokens = await tokenizer.encode(SAMPLE, about.max_length);
  const texts = SAMPLE.map((_, i) => tokens.ids(i));
  const fn = functionOf(graph, about);
  const length = bucketLength(longestOf(texts), about.max_length);
  const runs = async (backend: Backend, ids: readonly Int32Array[]): Promise<Float32Array> => {
    const runner = await createRunner(backend, threads);
    try {
      return await runBatch(runner, graph, fn, about, batchOf(ids, ids.length, length, about, tokenizer.padId));
    } finally {
      await runner.release();
    }
  };
  const said = await runs('onnx', texts);
  const width = said.length / (texts.length * (about.output.says === 'hidden' ? length : 1));
  if (!Number.isInteger(width) || width < 1) throw wrongShape(about.output, said.length, texts.length, length);
  const truth = rowsOf(await runs('cpu', texts), { ...about, width }, texts, texts.length);
  const rows = rowsOf(said, { ...about, width }, texts, texts.length);
  const largest = truth.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const apart = truth.reduce((most, x, i) => Math.max(most, Math.abs(x - (rows[i] as number))), 0);
  if (!(apart <= TOLERANCE * (1 + largest))) {
    throw new StepFailure(
      'unsupported-model',
      `recorded at fixed shapes, the graph says other things than TensorFlow.js does: they are ${apart.toPrecision(2)} apart`,
      'What it does with padding is perhaps not masked.',
    );
  }
  const last = tokenizer.vocabularySize - 1;
  await runs('cpu', [Int32Array.of(last)]).catch((error: unknown) => {
    throw new StepFailure(
      'vocabulary',
      `the tokenizer has ${last + 1} tokens, and the graph does not know the last of them: ${(error as Error).message}`,
      'It is perhaps the tokenizer of another model.',
    );
  });
  return width;
}
