import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GraphJson, GraphModel } from '../../backend/graph-model.js';
import { type Backend, createRunner } from '../../backend/runner.js';
import { loadTokenizer } from '../../data/tokenizer.js';
import { StepFailure } from '../../util/failure.js';
import { inBatches, longestOf } from '../batches.js';
import { bucketLength } from '../padding.js';
import { type Imported, type Mapped, meanOfTokens, readImported, type TextGraph, wrongShape } from './imported.js';
import { batchOf, functionOf, runGraph } from './tfjs-function.js';

/** The graph in an artifact's folder; it names the files of its weights, which are beside it. */
export const GRAPH_FILE = 'model.json';

/** @throws StepFailure if the folder holds no graph, or it cannot be computed */
export async function openTfjs(folder: string, backend: Backend, threads: number): Promise<TextGraph> {
  const about = await readImported(folder);
  const { graph } = await readGraph(folder);
  const tokenizer = await loadTokenizer(folder);
  const runner = await createRunner(backend, threads);
  const fn = functionOf(graph, about);
  const { rows } = fixedShape(graph, about);
  return {
    about,
    async run(texts) {
      const tokens = await tokenizer.encode(texts, about.max_length);
      const answer = async (ids: readonly Int32Array[], size: number): Promise<Float32Array> => {
        const batch = batchOf(ids, size, lengthFor(graph, about, ids), about, tokenizer.padId);
        return rowsOf(await runGraph(runner, graph, fn, batch), about, ids, size);
      };
      return inBatches(tokens, about.width, answer, { rows });
    },
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

/** Texts and tokens of a batch, where the graph fixes them. */
export function fixedShape(graph: Pick<GraphModel, 'inputs'>, { inputs }: Pick<Imported, 'inputs'>) {
  const shape = graph.inputs.find(({ name }) => name === inputs.ids)?.shape;
  const fixed = (axis: number): number | undefined => (Number(shape?.[axis]) > 0 ? shape?.[axis] : undefined);
  return { rows: fixed(0), length: fixed(1) };
}

/** The length that some texts are padded to. */
export const lengthFor = (graph: GraphModel, about: Mapped, ids: readonly Int32Array[]): number =>
  fixedShape(graph, about).length ?? bucketLength(longestOf(ids), about.max_length);

/**
 * Numbers [texts, width] of an output; states of tokens are averaged.
 * @throws StepFailure if there are more or fewer than that
 */
export function rowsOf(
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
