import type { Gradient, HostTensor } from '../backend/runner.js';
import type { ParameterSpec } from '../models/architecture.js';
import type { Parameters } from '../models/initialize.js';
import { KernelMemory, type Kernels, type Slot } from './memory.js';

/** Rows of a sparse gradient that are added at a time. */
const ROWS = 256;

/** Training has diverged. */
export class NotFiniteError extends Error {}

/** A parameter, as a rule sees it. */
export interface Entry {
  readonly parameter: Slot;
  readonly gradient: Slot;
  /** What the rule remembers: as many as it asked for, zeros at first. */
  readonly moments: readonly Slot[];
  readonly decay: boolean;
  /** Updates this parameter has had, this one included: one that gets no gradient keeps its moments, as in PyTorch. */
  readonly updates: number;
}

/** How a gradient changes a parameter. */
export interface Rule {
  /** Arrays of a parameter's size that it remembers, by name. */
  readonly moments: readonly string[];
  /** @param scale what the gradient is to be multiplied by first: clipping */
  update(kernels: Kernels, entry: Entry, rate: number, scale: number): void;
}

interface Slots extends Entry {
  updates: number;
  /** Elements of one row, along the first axis. */
  readonly width: number;
  /** Whose gradient is clipped with this one. */
  readonly clippedWith: string;
  /** It has a gradient in this update. */
  touched: boolean;
}

/**
 * Changes parameters by their gradients, outside the graph and exactly over every row: an embedding row that no token
 * touched still moves by its momentum.
 */
export class Optimizer {
  private readonly entries = new Map<string, Slots>();
  private readonly memory: KernelMemory;
  /** Rows of a sparse gradient and their numbers, copied to where the kernel can add them. */
  private readonly rows: Slot;
  private readonly ids: Slot;
  /** The parameters themselves, as views: fed to the graph without a copy, changed by `apply`. */
  readonly parameters: Parameters;

  /**
   * @param clipNorm largest global norm of a gradient; 0 = no clipping
   * @param frozen parameters that are kept as they are, and need no memory
   * @param modelOf whose a parameter is, where it is one of several models: each model's gradient is clipped by itself
   * @throws StepFailure if the rest does not fit into 4 GiB
   */
  constructor(
    initial: Parameters,
    private readonly specs: Readonly<Record<string, ParameterSpec>>,
    private readonly rule: Rule,
    private readonly clipNorm: number,
    frozen: ReadonlySet<string> = new Set(),
    modelOf: (parameter: string) => string = () => '',
  ) {
    const names = Object.keys(initial).filter((name) => !frozen.has(name));
    const slots = 2 + rule.moments.length;
    const sizes = names.flatMap((n) => Array.from({ length: slots }, () => (initial[n] as HostTensor).data.length));
    const width = (t: HostTensor): number => t.data.length / (t.shape[0] ?? 1);
    const widest = Math.max(1, ...names.map((n) => width(initial[n] as HostTensor)));
    this.memory = new KernelMemory([...sizes, ROWS * widest, ROWS]);
    const parameters: Parameters = { ...initial };
    for (const name of names) {
      const tensor = initial[name] as Parameters[string];
      const allocate = (): Slot => this.memory.allocate(tensor.data.length);
      const [parameter, gradient] = [allocate(), allocate()];
      parameter.data.set(tensor.data);
      parameters[name] = { ...tensor, data: parameter.data };
      const decay = this.specs[name]?.decay ?? false;
      const moments = rule.moments.map(allocate);
      this.entries.set(name, {
        parameter,
        gradient,
        moments,
        width: width(tensor),
        clippedWith: modelOf(name),
        decay,
        updates: 0,
        touched: false,
      });
    }
    this.rows = this.memory.allocate(ROWS * widest);
    this.ids = this.memory.allocate(ROWS);
    this.parameters = parameters;
  }

  /** Adds to what the next `apply` takes: once an update, or once for each part of a batch that is too large. */
  add(gradients: Readonly<Record<string, Gradient>>): void {
    for (const [name, gradient] of Object.entries(gradients)) {
      const entry = this.entries.get(name);
      if (!entry) throw new Error(`a gradient came for "${name}", which is no parameter`);
      this.load(entry, gradient);
      entry.touched = true;
    }
  }

  /**
   * One update. Parameters without a gradient are left as they are.
   *
   * @param rate learning rate
   * @returns the whole gradient's norm before clipping
   * @throws NotFiniteError if the norm is not finite: the parameters are left as they were
   */
  apply(rate: number): number {
    const { kernels } = this.memory;
    const touched = [...this.entries.values()].filter((entry) => entry.touched);
    const squares = new Map<string, number>();
    for (const entry of touched) {
      const own = kernels.sumSquares(entry.gradient.padded, entry.gradient.address);
      squares.set(entry.clippedWith, (squares.get(entry.clippedWith) ?? 0) + own);
      entry.touched = false;
    }
    const norm = Math.sqrt([...squares.values()].reduce((sum, own) => sum + own, 0));
    if (!Number.isFinite(norm)) throw new NotFiniteError('the gradient is not finite');
    for (const entry of touched) {
      const own = Math.sqrt(squares.get(entry.clippedWith) as number);
      // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
      const scale = this.clipNorm > 0 ? Math.min(1, this.clipNorm / (own + 1e-6)) : 1;
      entry.updates++;
      this.rule.update(kernels, entry, rate, scale);
    }
    return norm;
  }

  /** Moments as tensors named `<parameter>.<moment>`, and each parameter's count of updates. */
  state(): { tensors: Parameters; updates: Record<string, number> } {
    const tensors: Parameters = {};
    const updates: Record<string, number> = {};
    for (const [name, entry] of this.entries) {
      const { shape } = this.parameters[name] as HostTensor;
      this.rule.moments.forEach((moment, i) => {
        tensors[`${name}.${moment}`] = { dtype: 'float32', shape, data: (entry.moments[i] as Slot).data };
      });
      updates[name] = entry.updates;
    }
    return { tensors, updates };
  }

  /** Takes over parameters and what `state` gave. */
  restore(
    parameters: Readonly<Record<string, Float32Array>>,
    moments: Readonly<Record<string, Float32Array>>,
    updates: Readonly<Record<string, number>>,
  ): void {
    const get = (from: Readonly<Record<string, Float32Array>>, name: string): Float32Array => {
      const data = from[name];
      if (!data) throw new Error(`the checkpoint has no "${name}"`);
      return data;
    };
    for (const [name, entry] of this.entries) {
      entry.parameter.data.set(get(parameters, name));
      this.rule.moments.forEach((moment, i) => {
        (entry.moments[i] as Slot).data.set(get(moments, `${name}.${moment}`));
      });
      entry.updates = updates[name] ?? 0;
    }
  }

  private load({ gradient, width, touched }: Slots, from: Gradient): void {
    const { data, address } = gradient;
    if ('dense' in from) {
      if (!touched) data.set(from.dense);
      else for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + (from.dense[i] as number);
      return;
    }
    if (!touched) data.fill(0);
    const ids = new Int32Array(this.ids.data.buffer, this.ids.address, ROWS);
    for (let start = 0; start < from.ids.length; start += ROWS) {
      const some = from.ids.subarray(start, start + ROWS);
      ids.set(some);
      this.rows.data.set(from.rows.subarray(start * width, (start + some.length) * width));
      this.memory.kernels.addRows(some.length, width, address, this.rows.address, this.ids.address);
    }
  }
}
