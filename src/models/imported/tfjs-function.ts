import type { GraphModel } from '../../backend/graph-model.js';
import type { HostTensors, Runner, TensorFunction } from '../../backend/runner.js';
import { type Tensor, tf } from '../../backend/tf.js';
import { NotRecordable, recording } from '../../backend/trace.js';
import { StepFailure } from '../../util/failure.js';
import { type Mapped, RANK } from './imported.js';

/** A graph model as a function of token ids, and what it is fed. */

/** What a graph may be fed: token ids and a mask, or a sparse matrix of ids. */
export type TfjsFeed = 'indices' | 'values' | 'ids' | 'mask';

/** Stands where a text has no token: no token's id. */
const NO_TOKEN = -1;

/**
 * Token ids [size, length] and their mask. Where a sparse matrix is made of them, −1 stands for no token, and a text
 * without any, as a row of padding, has one that is unknown: there is no other way to say that there is a text.
 */
export function batchOf(
  ids: readonly Int32Array[],
  size: number,
  length: number,
  { inputs }: Mapped,
  padId: number,
): HostTensors {
  const data = new Int32Array(size * length).fill(inputs.indices === undefined ? padId : NO_TOKEN);
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
export function functionOf(graph: GraphModel, { inputs, output }: Mapped): TensorFunction {
  const { says, name } = output;
  const cast = (tensor: Tensor, input: string): Tensor => {
    const dtype = graph.inputs.find((each) => each.name === input)?.dtype ?? 'int32';
    return tf.cast(tensor, dtype as 'int32' | 'float32' | 'bool');
  };
  return {
    key: name,
    call: (parameters, { ids, mask }) => {
      const given: Partial<Record<TfjsFeed, Tensor | undefined>> =
        inputs.indices === undefined ? { ids, mask } : sparseOf(ids as Tensor);
      const feeds = Object.entries(inputs).map(([feed, input]) => [
        input,
        cast(given[feed as TfjsFeed] as Tensor, input),
      ]);
      const said = graph.run(parameters, Object.fromEntries(feeds), name);
      if (said.rank !== RANK[says]) {
        throw new StepFailure(
          'shape',
          `the graph's "${name}" has the shape [${said.shape}], and one of ${RANK[says]} axes is needed`,
        );
      }
      return { [name]: said };
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

/**
 * What the graph's output holds for a batch.
 * @throws StepFailure if it uses an operator that cannot be computed here, or makes shapes of what it is fed
 */
export async function runGraph(
  runner: Runner,
  graph: GraphModel,
  fn: TensorFunction,
  batch: HostTensors,
): Promise<Float32Array> {
  try {
    return (await runner.forward(fn, graph.parameters, batch))[fn.key] as Float32Array;
  } catch (error) {
    throw unsupported(error);
  }
}

/** How tfjs says that it lacks an operator, or cannot run it in one go. */
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
  const why = recorded
    ? 'it makes shapes of the numbers that it is fed, which cannot be recorded'
    : (error.message.split('\n')[0] as string);
  return new StepFailure('unsupported-model', `the graph cannot be computed: ${why}`);
}
