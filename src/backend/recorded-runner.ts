import { differentiate } from './differentiate.js';
import { type Finished, finish } from './finish.js';
import { type Anatomy, dissect, type General, generalize } from './generalize.js';
import type { Graph } from './graph.js';
import { encode } from './onnx/encode.js';
import { createSession, type Provider, type Session, type SessionInput, type SessionOutputs } from './onnx/session.js';
import { quantize } from './quantize.js';
import type { Gradient, Gradients, HostTensors, Outputs, Runner, TensorFunction, Tensors } from './runner.js';
import { type Feeds, record } from './trace.js';

type Mode = 'forward' | 'gradients';

/** One session for all sizes at which a function has the same operators. */
interface Compiled {
  readonly graph: Graph;
  readonly recorded: Finished;
  /** At sizes that differ in all that may differ. */
  readonly seen: readonly Anatomy[];
  readonly general: General;
  /** What the session runs. */
  readonly program: Finished;
  readonly session: Session;
}

/** A function recorded at sizes. */
interface Sized {
  /** Of what is compiled for it. */
  readonly key: string;
  /** What that is to be fed at these sizes, and what it was when this was found out. */
  readonly constants: Readonly<Record<string, SessionInput>>;
  readonly compiled: Compiled;
}

/** Each holds the memory of its largest run; the least recently used goes. */
const KEEP_COMPILED = 10;
/** Lengths of 512 tokens, four by four. What is kept of a recording is little: masks and tables at the most. */
const KEEP_RECORDED = 128;
const GRADIENT = 'gradient:';

/**
 * Records each function once a shape and compiles it with ONNX Runtime. At the second shape what was compiled is
 * replaced by a program for both and for all others of the same operators.
 */
export class RecordedRunner implements Runner {
  private readonly recorded = new Recent<Sized>(KEEP_RECORDED);
  private readonly compiled = new Recent<Compiled>(KEEP_COMPILED);
  private readonly weights = new WeakMap<HostTensors, number>();
  private seen = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly provider: Provider,
    private readonly threads: number,
  ) {}

  async prepare(
    mode: Mode,
    fn: TensorFunction,
    parameters: HostTensors,
    batches: readonly HostTensors[],
  ): Promise<void> {
    await this.alone(() => this.compile(mode, fn, parameters, batches));
  }

  async forward(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Outputs> {
    return (await this.run('forward', fn, parameters, batch)).results;
  }

  async gradients(fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Gradients> {
    const { program, results } = await this.run('gradients', fn, parameters, batch);
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
    await this.alone(async () => {
      this.recorded.clear();
      for (const { session } of this.compiled.clear()) await session.release();
    });
  }

  /** One after the other: what is compiled may be replaced while another call waits. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private run(
    mode: Mode,
    fn: TensorFunction,
    parameters: HostTensors,
    batch: HostTensors,
  ): Promise<{ readonly program: Finished; readonly results: SessionOutputs }> {
    return this.alone(async () => {
      const { compiled, constants } = await this.sized(mode, fn, parameters, batch);
      const { program, session } = compiled;
      // Only what the program still uses: ORT refuses an input that no node reads.
      const fed = program.inputs.flatMap(({ input }) => {
        const name = input as string;
        const tensor = constants[name] ?? parameters[name] ?? batch[name];
        return tensor ? [[name, tensor] as const] : [];
      });
      const results = await session.run(Object.fromEntries(fed), Object.keys(program.outputs));
      return { program, results };
    });
  }

  private async sized(mode: Mode, fn: TensorFunction, parameters: HostTensors, batch: HostTensors): Promise<Sized> {
    const name = this.nameOf(mode, fn, parameters, batch);
    const known = this.recorded.get(name);
    if (known && this.compiled.get(known.key) === known.compiled) return known;
    const [sized] = (await this.compile(mode, fn, parameters, [batch])) as [Sized];
    return sized;
  }

  /** Records a function at each of some shapes, and compiles what there is not yet a session for. */
  private async compile(
    mode: Mode,
    fn: TensorFunction,
    parameters: HostTensors,
    batches: readonly HostTensors[],
  ): Promise<Sized[]> {
    const recordings = batches.map((batch) => {
      const { graph, recorded } = recordFunction(mode, fn, parameters, batch);
      const anatomy = dissect(recorded);
      const name = this.nameOf(mode, fn, parameters, batch);
      return { graph, recorded, anatomy, name, key: `${this.programOf(mode, fn, parameters)} ${anatomy.skeleton}` };
    });
    const sized: Sized[] = [];
    for (const { name, key, anatomy } of recordings) {
      const like = recordings.filter((recording) => recording.key === key);
      let compiled = this.compiled.get(key);
      if (!compiled || !like.every((recording) => compiled?.general.admits(recording.anatomy))) {
        await this.compiled.delete(key)?.session.release();
        const { graph, recorded, seen } = compiled ?? { seen: [], ...(like[0] as (typeof like)[number]) };
        compiled = await this.sessionFor(graph, recorded, [...seen, ...like.map((l) => l.anatomy)], fn, parameters);
        for (const stale of this.compiled.set(key, compiled)) await stale.session.release();
      }
      const one = { key, compiled, constants: compiled.general.feeds(anatomy) };
      this.recorded.set(name, one);
      sized.push(one);
    }
    return sized;
  }

  private async sessionFor(
    graph: Graph,
    recorded: Finished,
    seen: readonly Anatomy[],
    fn: TensorFunction,
    parameters: HostTensors,
  ): Promise<Compiled> {
    const general = generalize(graph, recorded, seen);
    const program = fn.int8 ? quantize(graph, general.program, parameters) : general.program;
    const vary = seen.length > 1;
    const model = encode(program, vary ? general.dimensions : undefined);
    const session = await createSession(model, this.provider, this.threads, vary);
    return { graph, recorded, seen, general, program, session };
  }

  private programOf(mode: Mode, fn: TensorFunction, parameters: HostTensors): string {
    return `${mode} ${fn.key} ${fn.int8 ? this.identity(parameters) : ''}`;
  }

  private nameOf(mode: Mode, fn: TensorFunction, parameters: HostTensors, batch: HostTensors): string {
    const shapes = Object.entries(batch).map(([n, t]) => `${n}:${t.dtype}[${t.shape}]`);
    return `${this.programOf(mode, fn, parameters)} ${shapes}`;
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
}

/** What a function is at a batch's shapes, before anything is compiled. */
export function recordFunction(mode: Mode, fn: TensorFunction, parameters: Feeds, batch: Feeds) {
  const feeds: Feeds = { ...parameters, ...batch };
  const pick = (from: Feeds, tensors: Tensors): Tensors =>
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
  return { graph: recording.graph, recorded: finish(recording, (name) => name.startsWith(GRADIENT)) };
}

/** A few things by name, of which the least recently used goes. */
class Recent<T> {
  private readonly entries = new Map<string, T>();

  constructor(private readonly most: number) {}

  get(name: string): T | undefined {
    const found = this.entries.get(name);
    if (found === undefined) return undefined;
    this.entries.delete(name); // a Map keeps insertion order, so the first is the oldest
    this.entries.set(name, found);
    return found;
  }

  /** @returns what had to go */
  set(name: string, thing: T): T[] {
    this.entries.delete(name);
    this.entries.set(name, thing);
    const stale = [...this.entries].slice(0, Math.max(0, this.entries.size - this.most));
    for (const [old] of stale) this.entries.delete(old);
    return stale.map(([, gone]) => gone);
  }

  delete(name: string): T | undefined {
    const found = this.entries.get(name);
    this.entries.delete(name);
    return found;
  }

  /** @returns what was there */
  clear(): T[] {
    const all = [...this.entries.values()];
    this.entries.clear();
    return all;
  }
}
