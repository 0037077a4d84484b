import ort from 'onnxruntime-node';

/** The one file that imports onnxruntime. */

export type FeedData = Float32Array | Int32Array | Uint8Array;

export interface SessionInput {
  readonly dtype: 'float32' | 'int32' | 'uint8';
  readonly shape: readonly number[];
  readonly data: FeedData;
}

export interface Session {
  /** Runs the graph; blocks the thread until it is done. Outputs asked for by name, each a copy of its own. */
  run(inputs: Readonly<Record<string, SessionInput>>, outputs: readonly string[]): Promise<Record<string, Float32Array>>;
  /** Frees the native memory. */
  release(): Promise<void>;
}

/**
 * Loads a model into ONNX Runtime on the CPU.
 *
 * Denormals count as zero: they slow AdamW's late updates and carry nothing.
 *
 * @param model an encoded ONNX model
 * @param threads threads of one operator; results do not depend on it
 */
export async function createSession(model: Uint8Array, threads: number): Promise<Session> {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  return {
    async run(inputs, outputs) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, { dtype, data, shape }] of Object.entries(inputs)) {
        feeds[name] = new ort.Tensor(dtype, data, [...shape]);
      }
      const results = await session.run(feeds, outputs);
      const copies: Record<string, Float32Array> = {};
      for (const name of outputs) copies[name] = (results[name] as ort.Tensor).data as Float32Array;
      return copies;
    },
    release: () => session.release(),
  };
}
