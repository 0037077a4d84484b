import { type DType, Graph, type Value } from './graph.js';
import { evaluate, type Inputs, type Known, mapInputs } from './known.js';
import { families, takesBytes } from './lower/index.js';
import { type Tensor, tf } from './tf.js';

/** Name of the tfjs backend whose kernels record instead of computing. */
export const TRACE = 'recipe-trace';

type TfDType = 'float32' | 'int32' | 'bool';
type DataId = object;

/** Why something cannot be recorded. */
export class NotRecordable extends Error {
  constructor(
    message: string,
    /** The tfjs kernel that there is no way to record; undefined where a tensor was read. */
    readonly kernel?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'NotRecordable';
  }
}

/**
 * A tfjs backend in which a tensor stands for a value of a graph. Everything tfjs does on top of kernels (its ops, its
 * tape, `tf.valueAndGrads`) works unchanged, so one traced call records forward and backward. Reading a tensor throws,
 * but for constants and what is computed of nothing else: what is recorded must not depend on numbers that are fed.
 */
class TraceBackend extends tf.KernelBackend {
  private readonly values = new Map<DataId, Value>();
  private readonly references = new Map<DataId, number>();
  /** Numbers of tensors that are the same in every run, worked out when they are asked for. */
  private readonly known = new Map<DataId, () => Known>();
  /** Data that is still referred to. tfjs asks for it at every kernel. */
  private live = 0;
  graph = new Graph();

  /** Forgets all values and starts an empty graph. */
  reset(): void {
    this.values.clear();
    this.references.clear();
    this.known.clear();
    this.live = 0;
    this.graph = new Graph();
  }

  /** Says what a kernel's outputs hold if all that it computes them of is known. */
  follow(kernel: string, inputs: Inputs<Tensor>, attrs: object, outputs: readonly DataId[]): void {
    if (!Object.values(inputs).every(({ dataId }: Tensor) => this.known.has(dataId))) return;
    // tfjs reshapes by sharing a dataId, so the shape is the tensor's own.
    const sources = mapInputs(inputs, ({ dataId, shape }) => ({ of: this.known.get(dataId) as () => Known, shape }));
    const made = once(() =>
      evaluate(
        kernel,
        mapInputs(sources, ({ of, shape }) => ({ ...of(), shape })),
        attrs,
      ),
    );
    outputs.forEach((dataId, i) => {
      this.known.set(dataId, () => made()[i] as Known);
    });
  }

  /** The value that a tensor stands for; tfjs reshapes by sharing a `dataId`, so the shape is checked here. */
  lookup(tensor: { dataId: DataId; shape: readonly number[] }): Value {
    const value = this.values.get(tensor.dataId);
    if (!value) throw new Error('a tensor of another backend or an earlier trace was used while recording');
    return this.graph.reshape(value, tensor.shape);
  }

  register(value: Value): DataId {
    const dataId = {};
    this.values.set(dataId, value);
    this.references.set(dataId, 1);
    this.live++;
    return dataId;
  }

  override write(values: Float32Array | Int32Array | Uint8Array, shape: number[], dtype: TfDType): DataId {
    const typed =
      dtype === 'float32'
        ? new Float32Array(values)
        : dtype === 'int32'
          ? new Int32Array(values)
          : new Uint8Array(values);
    const dataId = this.register(this.graph.constant(typed, dtype, shape));
    this.known.set(dataId, () => ({ dtype, shape, values: typed }));
    return dataId;
  }

  isKnown(dataId: DataId): boolean {
    return this.known.has(dataId);
  }

  override readSync(dataId: DataId): Known['values'] {
    const known = this.known.get(dataId);
    if (known) return known().values;
    throw new NotRecordable('a model or objective read a tensor while it was being recorded; use tensor ops instead');
  }

  override async read(dataId: DataId): Promise<Known['values']> {
    return this.readSync(dataId);
  }

  override refCount(dataId: DataId): number {
    return this.references.get(dataId) ?? 0;
  }

  override incRef(dataId: DataId): void {
    this.references.set(dataId, this.refCount(dataId) + 1);
  }

  /** Values live until `reset`: the tape may still need what user code disposed of. */
  override disposeData(dataId: DataId): boolean {
    const count = this.refCount(dataId) - 1;
    this.references.set(dataId, count);
    if (count === 0) this.live--;
    return count <= 0;
  }

  override numDataIds(): number {
    return this.live;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override dispose(): void {
    this.reset();
  }
}

/** tfjs has no bytes and no int64; both count as int32 there. */
const tfType = (dtype: DType): TfDType => (dtype === 'float32' || dtype === 'bool' ? dtype : 'int32');

let backend: TraceBackend | undefined;

function traceBackend(): TraceBackend {
  if (backend) return backend;
  const created = new TraceBackend();
  tf.registerBackend(TRACE, () => created, 0);
  for (const family of families) {
    for (const [kernelName, lower] of Object.entries(family)) {
      tf.registerKernel({
        kernelName,
        backendName: TRACE,
        kernelFunc: ({ inputs, attrs }) => {
          const list = inputs as unknown as Inputs<Tensor> & Record<string, Tensor>;
          // Bytes are for masks; to tfjs they are whole numbers, and what computes with them must not wrap at 256.
          const read = (tensor: Tensor): Value => {
            const value = created.lookup(tensor);
            return value.dtype === 'uint8' && !takesBytes.has(kernelName) ? created.graph.cast(value, 'int32') : value;
          };
          const result = lower({
            g: created.graph,
            input: (name) => {
              const tensor = list[name];
              if (!tensor) throw new Error(`kernel ${kernelName} has no input "${name}"`);
              return read(tensor);
            },
            optional: (name) => list[name] && read(list[name]),
            inputs: () => Object.values(list).map(read),
            attrs: (attrs ?? {}) as Record<string, unknown>,
          });
          const outputs = [result].flat() as Value[];
          const infos = outputs.map((v) => ({
            dataId: created.register(v),
            shape: [...v.shape],
            dtype: tfType(v.dtype),
          }));
          created.follow(
            kernelName,
            list,
            attrs ?? {},
            infos.map(({ dataId }) => dataId),
          );
          return Array.isArray(result) ? infos : (infos[0] as (typeof infos)[number]);
        },
      });
    }
  }
  backend = created;
  return created;
}

/** tfjs says only that a kernel is not registered for our backend. */
function explained(error: unknown): unknown {
  const kernel = /^Kernel '(\w+)' not registered for backend/.exec((error as Error).message)?.[1];
  if (kernel === undefined) return error;
  return new NotRecordable(
    `the tfjs kernel "${kernel}" cannot be recorded: say in src/backend/lower how to, or build the value from ops that are there`,
    kernel,
    { cause: error },
  );
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Whether a recording is going on, in which nothing is computed. */
export const recording = (): boolean => tf.getBackend() === TRACE;

/** Whether a tensor's numbers can be read now: on an eager backend any's, in a recording those of constants. */
export const isReadable = ({ dataId }: Tensor): boolean => !recording() || traceBackend().isKnown(dataId);

export interface Feed {
  /** Storage; tfjs sees `uint8` and `int64` as int32 and `float16` as float32. */
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type Feeds = Readonly<Record<string, Feed>>;

/** What a trace gives: the graph, and by name the values that the traced function returned. */
export interface Recording {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
}

/**
 * Runs `fn` once with its kernels recording.
 *
 * @param feeds shapes and types of the inputs, by name
 * @param fn gets a tensor for each feed; returns tensors by name
 * @param half names of outputs to be given as float16
 * @throws if `fn` reads a tensor or uses a kernel that cannot be recorded (the message names it)
 */
export function record(
  feeds: Feeds,
  fn: (tensors: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
  half: readonly string[] = [],
): Recording {
  const created = traceBackend();
  const previous = tf.getBackend();
  created.reset();
  tf.setBackend(TRACE);
  const engine = tf.engine();
  engine.startScope('record');
  try {
    const tensors: Record<string, Tensor> = {};
    for (const [name, { dtype, shape }] of Object.entries(feeds)) {
      const fed = created.graph.input(name, dtype, shape);
      // These two are for storage only: arithmetic is in 32 bits.
      const wide = dtype === 'float16' ? 'float32' : dtype === 'int64' ? 'int32' : undefined;
      const value = wide === undefined ? fed : created.graph.cast(fed, wide);
      tensors[name] = engine.makeTensorFromDataId(created.register(value), [...shape], tfType(value.dtype), created);
    }
    const results = fn(tensors);
    const outputs: Record<string, Value> = {};
    for (const [name, tensor] of Object.entries(results)) {
      const value = created.lookup(tensor);
      outputs[name] = half.includes(name) ? created.graph.cast(value, 'float16') : value;
    }
    return { graph: created.graph, outputs };
  } catch (error) {
    throw explained(error);
  } finally {
    engine.endScope();
    tf.setBackend(previous ?? 'cpu'); // tfjs chooses a backend at the first op only
  }
}
