import { float16Bits, float32Of } from '../util/float16.js';
import { differentiate } from './differentiate.js';
import { loadEager } from './eager-backends.js';
import {
  EAGER,
  type Eager,
  type Gradient,
  type Gradients,
  type HostTensor,
  type HostTensors,
  type Outputs,
  type Runner,
  type TensorFunction,
  type Tensors,
} from './runner.js';
import { type Tensor, tf } from './tf.js';

/** Runs functions directly on a tfjs backend. @throws StepFailure if the backend's package is missing or does not load */
export async function eagerRunner(backend: Eager): Promise<Runner> {
  await loadEager(backend);
  return new EagerRunner(EAGER[backend]);
}

export class EagerRunner implements Runner {
  /** @param name a tfjs backend that is registered */
  constructor(private readonly name: string) {}

  async prepare(): Promise<void> {}

  async forward(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Outputs> {
    const read = await this.scope(() => readAll(fn.call(upload(parameters), upload(batch))));
    const halved = (fn.half ?? []).map((name) => [name, float16Bits(read[name] as Float32Array)]);
    return { ...read, ...Object.fromEntries(halved) };
  }

  async gradients(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Gradients> {
    return this.scope(() => {
      const { values, gradients } = differentiate(fn, upload(parameters), upload(batch));
      const dense: Record<string, Gradient> = {};
      for (const [name, data] of Object.entries(readAll(gradients))) dense[name] = { dense: data };
      const read = readAll(values);
      tf.dispose(Object.values(values)); // kept out of the tape's own scope by `differentiate`
      return { values: read, gradients: dense };
    });
  }

  async release(): Promise<void> {}

  private async scope<T>(work: () => T): Promise<T> {
    if (tf.getBackend() !== this.name && !(await tf.setBackend(this.name))) {
      throw new Error(`the tfjs backend "${this.name}" could not be started`);
    }
    await tf.ready();
    const engine = tf.engine();
    engine.startScope('eager');
    try {
      return work();
    } finally {
      engine.endScope();
    }
  }
}

function upload(tensors: HostTensors): Tensors {
  const make = ({ data, shape, dtype }: HostTensor): Tensor => {
    if (dtype === 'float32') return tf.tensor(data, [...shape], dtype);
    if (dtype === 'float16') return tf.tensor(float32Of(data as Uint16Array), [...shape], 'float32');
    return tf.tensor(Int32Array.from(data), [...shape], 'int32');
  };
  return Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, make(t)]));
}

function readAll(tensors: Tensors): Record<string, Float32Array> {
  const read: Record<string, Float32Array> = {};
  for (const [name, t] of Object.entries(tensors)) read[name] = Float32Array.from(t.dataSync());
  return read;
}
