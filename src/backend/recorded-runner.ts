import { differentiate } from './differentiate.js';
import { type Finished, finish } from './finish.js';
import { encode } from './onnx/encode.js';
import { createSession, type Provider, type Session } from './onnx/session.js';
import { quantize } from './quantize.js';
import type { Gradient, Gradients, HostTensors, Outputs, Runner, TensorFunction, Tensors } from './runner.js';
import { type Feed, record } from './trace.js';

interface Compiled {
  readonly program: Finished;
  readonly session: Session;
}

/** Each compiled shape holds 150–250 MB for a model of a few million parameters; the least recently used goes. */
const KEEP = 10;
const GRADIENT = 'gradient:';

/** Records each function once a shape, compiles it with ONNX Runtime, and keeps a few of the results. */
export class RecordedRunner implements Runner {
  private readonly compiled = new Map<string, Promise<Compiled>>();
  private readonly weights = new WeakMap<HostTensors, number>();
  private seen = 0;

  constructor(
    private readonly provider: Provider,
    private readonly threads: number,
  ) {}

  async forward(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Outputs> {
    const { program, session } = await this.compile('forward', fn, parameters, batch);
    return session.run(this.fed(program, parameters, batch), Object.keys(program.outputs));
  }

  async gradients(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Gradients> {
    const { program, session } = await this.compile('gradients', fn, parameters, batch);
    const results = await session.run(this.fed(program, parameters, batch), Object.keys(program.outputs));
    const values: Record<string, Float32Array> = {};
    const gradients: Record<string, Gradient> = {};
    for (const [key, result] of Object.entries(results)) {
      const data = result as Float32Array; // `half` is for forward passes
      if (!key.startsWith(GRADIENT)) {
        values[key] = data;
        continue;
      }
      const sparse = program.sparse[key];
      const ids = sparse && (batch[sparse.ids.input as string]?.data as Int32Array | undefined);
      gradients[key.slice(GRADIENT.length)] =
        sparse && ids ? { rows: data, ids, width: data.length / ids.length } : { dense: data };
    }
    return { values, gradients };
  }

  async release(): Promise<void> {
    for (const entry of this.compiled.values()) await (await entry).session.release();
    this.compiled.clear();
  }

  /** Only what the program still uses: ORT refuses an input that no node reads. */
  private fed(program: Finished, parameters: HostTensors, batch: HostTensors): HostTensors {
    const fed: Record<string, HostTensors[string]> = {};
    for (const { input } of program.inputs) {
      const tensor = parameters[input as string] ?? batch[input as string];
      if (tensor) fed[input as string] = tensor;
    }
    return fed;
  }

  private async compile(
    mode: 'forward' | 'gradients',
    fn: TensorFunction,
    parameters: HostTensors,
    batch: HostTensors,
  ): Promise<Compiled> {
    const shapes = Object.entries(batch).map(([n, t]) => `${n}:${t.dtype}[${t.shape}]`);
    const key = `${mode} ${fn.key} ${fn.int8 ? this.identity(parameters) : ''} ${shapes}`;
    let entry = this.compiled.get(key);
    if (entry) {
      this.compiled.delete(key); // re-inserted below: a Map keeps insertion order, so the first is the oldest
    } else {
      while (this.compiled.size >= KEEP) {
        const [oldest, stale] = this.compiled.entries().next().value as [string, Promise<Compiled>];
        this.compiled.delete(oldest);
        await (await stale).session.release();
      }
      entry = this.build(mode, fn, parameters, batch);
      entry.catch(() => this.compiled.delete(key));
    }
    this.compiled.set(key, entry);
    return entry;
  }

  /** 8-bit weights are part of what is compiled, so other weights are another program. */
  private identity(parameters: HostTensors): number {
    let known = this.weights.get(parameters);
    if (known === undefined) {
      known = ++this.seen;
      this.weights.set(parameters, known);
    }
    return known;
  }

  private async build(
    mode: 'forward' | 'gradients',
    fn: TensorFunction,
    parameters: HostTensors,
    batch: HostTensors,
  ): Promise<Compiled> {
    const feeds: Record<string, Feed> = { ...parameters, ...batch };
    const pick = (from: HostTensors, tensors: Tensors): Tensors =>
      Object.fromEntries(Object.keys(from).map((n) => [n, tensors[n]])) as Tensors;
    const recording = record(
      feeds,
      (tensors) => {
        const [p, b] = [pick(parameters, tensors), pick(batch, tensors)];
        if (mode === 'forward') return fn.call(p, b);
        const { values, gradients } = differentiate(fn, p, b);
        const named = Object.entries(gradients).map(([name, g]) => [GRADIENT + name, g]);
        return { ...values, ...Object.fromEntries(named) } as Tensors;
      },
      fn.half,
    );
    const finished = finish(recording, (name) => name.startsWith(GRADIENT));
    const program = fn.int8 ? quantize(recording.graph, finished, parameters) : finished;
    return { program, session: await createSession(encode(program), this.provider, this.threads) };
  }
}
