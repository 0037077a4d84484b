import type { Tensor } from './tf.js';

export type Tensors = Readonly<Record<string, Tensor>>;

/** A host array with a shape; `uint8` (masks) is int32 to tfjs, `float16` (bits in a Uint16Array) float32. */
export interface HostTensor {
  readonly dtype: 'float32' | 'int32' | 'uint8' | 'float16';
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Uint16Array;
}
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** A function of parameters and a batch, written in tfjs ops; pure, and its control flow depends on shapes only. */
export interface TensorFunction {
  /** Two functions of equal key and equal shapes compute the same. */
  readonly key: string;
  readonly call: (parameters: Tensors, batch: Tensors) => Tensors;
  /** Parameters to differentiate by; undefined: all. */
  readonly trainable?: readonly string[];
  /** Products with weight matrices are of 8-bit integers; forward only, and recorded backends only. */
  readonly int8?: boolean;
  /** Outputs to be given as float16 bits: half the bytes to copy and to keep. */
  readonly half?: readonly string[];
}

/** What a function returned, by name: float32, or float16 bits for those named in `half`. */
export type Outputs = Readonly<Record<string, Float32Array | Uint16Array>>;

/** A parameter's gradient: dense, or rows to be added at `ids` in their order (duplicates are meant). */
export type Gradient =
  | { readonly dense: Float32Array }
  | { readonly rows: Float32Array; readonly ids: Int32Array; readonly width: number };

export interface Gradients {
  /** Everything the function returned, `loss` among it. */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** d loss / d parameter, of those to differentiate by; one that the loss does not depend on is absent. */
  readonly gradients: Readonly<Record<string, Gradient>>;
}

/** Where tensor functions run. Both implementations give the same numbers up to float32 rounding. */
export interface Runner {
  /**
   * Says at which shapes a function will run, before it does: it is then compiled once, for these and for what is between
   * them. Batches that differ in all sizes that will differ are enough. Nothing is computed.
   */
  prepare(
    mode: 'forward' | 'gradients',
    fn: TensorFunction,
    parameters: HostTensors,
    batches: readonly HostTensors[],
  ): Promise<void>;
  forward(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Outputs>;
  /** `fn` must return a scalar named `loss`. */
  gradients(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Gradients>;
  /** Forgets what was compiled and frees its memory; it may be used again. */
  release(): Promise<void>;
}

/** These record functions and compile them: ONNX Runtime by its execution provider of that name. */
export const RECORDED = { onnx: 'cpu', 'onnx-cuda': 'cuda', 'onnx-dml': 'dml', 'onnx-coreml': 'coreml' } as const;
/** These run functions eagerly, on the tfjs backend of that name. */
export const EAGER = { 'tfjs-node': 'tensorflow', 'tfjs-node-gpu': 'tensorflow', wasm: 'wasm', cpu: 'cpu' } as const;

export type Recorded = keyof typeof RECORDED;
export type Eager = keyof typeof EAGER;
export type Backend = Recorded | Eager;

export const BACKENDS = [...Object.keys(RECORDED), ...Object.keys(EAGER)] as readonly Backend[];

/**
 * @param threads CPU threads of one operator (recorded backends only; eager ones have their own)
 * @throws StepFailure if the backend cannot be used here
 */
export async function createRunner(backend: Backend, threads: number): Promise<Runner> {
  if (backend in RECORDED) {
    const { RecordedRunner } = await import('./recorded-runner.js');
    return new RecordedRunner(RECORDED[backend as Recorded], threads);
  }
  const { eagerRunner } = await import('./eager-runner.js');
  return eagerRunner(backend as Eager);
}
