import ort from 'onnxruntime-node';
import { StepFailure } from '../../util/failure.js';
import { namingMemory } from '../../util/out-of-memory.js';

/** The one file that imports onnxruntime. */

export interface SessionInput {
  readonly dtype: 'float32' | 'int32' | 'int64' | 'uint8' | 'bool' | 'float16' | 'string';
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array | readonly string[];
}

/** An input or output, as the model declares it. */
export interface Port {
  readonly name: string;
  /** `float32`, `int64`, …; `none` of what is no tensor. */
  readonly dtype: string;
  /** A number where the model fixes the size, else a name, perhaps an empty one. */
  readonly shape: readonly (number | string)[];
}

export type SessionOutputs = Record<string, Float32Array | Uint16Array>;

export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Runs the graph; blocks the thread until it is done. Outputs asked for by name, each a copy of its own.
   * @throws StepFailure `out-of-memory`
   */
  run(inputs: Readonly<Record<string, SessionInput>>, outputs: readonly string[]): Promise<SessionOutputs>;
  /** Frees the native memory. */
  release(): Promise<void>;
}

/** Execution providers, by ONNX Runtime's names. */
export type Provider = 'cpu' | 'cuda' | 'dml' | 'coreml';

async function create(
  model: Uint8Array | string,
  provider: Provider,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  try {
    // Two overloads, of which a union matches neither.
    return await (typeof model === 'string'
      ? ort.InferenceSession.create(model, options)
      : ort.InferenceSession.create(model, options));
  } catch (error) {
    if (provider === 'cpu') throw namingMemory(error);
    const [why] = (error as Error).message.split('\n');
    const hint =
      provider === 'cuda'
        ? 'It needs CUDA and cuDNN, and ONNX Runtime’s CUDA libraries: node node_modules/onnxruntime-node/script/install.js'
        : 'Leave out "backend" to run on the CPU.';
    throw new StepFailure('backend-not-available', `ONNX Runtime cannot use "${provider}": ${why}`, hint);
  }
}

const portOf = (value: ort.InferenceSession.ValueMetadata): Port =>
  value.isTensor
    ? { name: value.name, dtype: value.type, shape: value.shape }
    : { name: value.name, dtype: 'none', shape: [] };

function checkProvider(provider: Provider): void {
  const there = ort.listSupportedBackends().map(({ name }) => name);
  // Without this check ONNX Runtime would say nothing and use the CPU.
  if (there.includes(provider)) return;
  throw new StepFailure(
    'backend-not-available',
    `the ONNX Runtime for ${process.platform} ${process.arch} has no execution provider "${provider}", only ${there.join(', ')}`,
    'Leave out "backend" to run on the CPU.',
  );
}

/**
 * Loads a model into ONNX Runtime.
 *
 * Denormals count as zero: they slow AdamW's late updates and carry nothing.
 *
 * @param model an encoded ONNX model, or the path of a file, which may name others beside it that hold its weights
 * @param provider what runs it; what another than the CPU's cannot run, the CPU runs
 * @param threads threads of one operator; results do not depend on it
 * @param vary whether shapes differ from run to run. ORT's plan of a run's memory is found again by a hash of shapes in
 *   which equal sizes cancel out: with the plan of another run it takes memory for nothing.
 * @throws StepFailure if the provider cannot be used here
 */
export async function createSession(
  model: Uint8Array | string,
  provider: Provider,
  threads: number,
  vary = false,
): Promise<Session> {
  checkProvider(provider);
  const session = await create(model, provider, {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    enableMemPattern: !vary,
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  return {
    inputs: session.inputMetadata.map(portOf),
    outputs: session.outputMetadata.map(portOf),
    async run(inputs, outputs) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, { dtype, data, shape }] of Object.entries(inputs)) {
        const tensor = new ort.Tensor(dtype, data, [...shape]);
        // Where there is a Float16Array (Node 24 on), the tensor makes one of the bits, and the binding counts its bytes
        // as 0 (microsoft/onnxruntime#32323). It takes the bits themselves on every Node.
        if (dtype === 'float16') Object.defineProperty(tensor, 'data', { value: data });
        feeds[name] = tensor;
      }
      const results = await session.run(feeds, outputs).catch((error: unknown) => {
        throw namingMemory(error);
      });
      const copies: SessionOutputs = {};
      for (const name of outputs) {
        const { type, data } = results[name] as ort.Tensor;
        if (type === 'float16') {
          // Newer Nodes have a Float16Array and get one; its bits are what we keep.
          const { buffer, byteOffset, length } = data as Uint16Array;
          copies[name] = new Uint16Array(buffer, byteOffset, length);
        } else {
          copies[name] =
            type === 'float32' ? (data as Float32Array) : Float32Array.from(data as Int32Array | Uint8Array);
        }
      }
      return copies;
    },
    release: () => session.release(),
  };
}
