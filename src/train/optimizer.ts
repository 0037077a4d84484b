import type { Gradient, HostTensor } from '../backend/runner.js';
import type { ParameterSpec } from '../models/architecture.js';
import type { Parameters } from '../models/initialize.js';
import { KernelMemory, type Slot } from './memory.js';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled (Loshchilov & Hutter 2017, arXiv:1711.05101), on the parameters whose spec says `decay`. */
  readonly weightDecay: number;
  /** Largest global norm of a gradient; 0 = no clipping. */
  readonly clipNorm: number;
}

/** PyTorch's defaults, and BERT's weight decay and clipping. */
export const ADAMW: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 };

/** Rows of a sparse gradient that are added at a time. */
const ROWS = 256;

/** Training has diverged. */
export class NotFiniteError extends Error {}

interface Entry {
  readonly parameter: Slot;
  readonly gradient: Slot;
  readonly first: Slot;
  readonly second: Slot;
  /** Elements of one row, along the first axis. */
  readonly width: number;
  readonly decay: boolean;
  /** Updates this parameter has had: one that gets no gradient keeps its moments, as in PyTorch. */
  updates: number;
}

/**
 * AdamW, the same arithmetic as `torch.optim.AdamW`, outside the graph and exact over every row: an embedding row that
 * no token touched still moves by its momentum.
 */
export class AdamW {
  private readonly entries = new Map<string, Entry>();
  private readonly memory: KernelMemory;
  /** Rows of a sparse gradient and their numbers, copied to where the kernel can add them. */
  private readonly rows: Slot;
  private readonly ids: Slot;
  /** The parameters themselves, as views: fed to the graph without a copy, changed by `update`. */
  readonly parameters: Parameters;

  constructor(
    initial: Parameters,
    private readonly specs: Readonly<Record<string, ParameterSpec>>,
    private readonly options: AdamWOptions,
  ) {
    const names = Object.keys(initial);
    const sizes = names.flatMap((n) => Array.from({ length: 4 }, () => (initial[n] as HostTensor).data.length));
    const width = (t: HostTensor): number => t.data.length / (t.shape[0] ?? 1);
    const widest = Math.max(...names.map((n) => width(initial[n] as HostTensor)));
    this.memory = new KernelMemory([...sizes, ROWS * widest, ROWS]);
    const parameters: Parameters = {};
    for (const name of names) {
      const tensor = initial[name] as Parameters[string];
      const [parameter, gradient, first, second] = Array.from({ length: 4 }, () =>
        this.memory.allocate(tensor.data.length),
      ) as [Slot, Slot, Slot, Slot];
      parameter.data.set(tensor.data);
      parameters[name] = { ...tensor, data: parameter.data };
      const decay = this.specs[name]?.decay ?? false;
      this.entries.set(name, { parameter, gradient, first, second, width: width(tensor), decay, updates: 0 });
    }
    this.rows = this.memory.allocate(ROWS * widest);
    this.ids = this.memory.allocate(ROWS);
    this.parameters = parameters;
  }

  /**
   * One update. Parameters without a gradient are left as they are.
   *
   * @param rate learning rate
   * @returns the gradient's global norm before clipping
   * @throws NotFiniteError if the norm is not finite: the parameters are left as they were
   */
  update(gradients: Readonly<Record<string, Gradient>>, rate: number): number {
    const { kernels } = this.memory;
    const touched: Entry[] = [];
    let squares = 0;
    for (const [name, gradient] of Object.entries(gradients)) {
      const entry = this.entries.get(name);
      if (!entry) throw new Error(`a gradient came for "${name}", which is no parameter`);
      this.load(entry, gradient);
      squares += kernels.sumSquares(entry.gradient.padded, entry.gradient.address);
      touched.push(entry);
    }
    const norm = Math.sqrt(squares);
    if (!Number.isFinite(norm)) throw new NotFiniteError('the gradient is not finite');
    const { beta1, beta2, epsilon, weightDecay, clipNorm } = this.options;
    // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
    const scale = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
    for (const entry of touched) {
      const t = ++entry.updates;
      kernels.adamw(
        entry.parameter.padded,
        entry.parameter.address,
        entry.gradient.address,
        entry.first.address,
        entry.second.address,
        beta1,
        beta2,
        rate / (1 - beta1 ** t),
        1 / Math.sqrt(1 - beta2 ** t),
        epsilon,
        entry.decay ? 1 - rate * weightDecay : 1,
        scale,
      );
    }
    return norm;
  }

  /** Moments as tensors named `<parameter>.first` / `.second`, and each parameter's count of updates. */
  state(): { tensors: Parameters; updates: Record<string, number> } {
    const tensors: Parameters = {};
    const updates: Record<string, number> = {};
    for (const [name, entry] of this.entries) {
      const { shape } = this.parameters[name] as HostTensor;
      tensors[`${name}.first`] = { dtype: 'float32', shape, data: entry.first.data };
      tensors[`${name}.second`] = { dtype: 'float32', shape, data: entry.second.data };
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
      entry.first.data.set(get(moments, `${name}.first`));
      entry.second.data.set(get(moments, `${name}.second`));
      entry.updates = updates[name] ?? 0;
    }
  }

  private load({ gradient, width }: Entry, from: Gradient): void {
    if ('dense' in from) {
      gradient.data.set(from.dense);
      return;
    }
    gradient.data.fill(0);
    const ids = new Int32Array(this.ids.data.buffer, this.ids.address, ROWS);
    for (let start = 0; start < from.ids.length; start += ROWS) {
      const some = from.ids.subarray(start, start + ROWS);
      ids.set(some);
      this.rows.data.set(from.rows.subarray(start * width, (start + some.length) * width));
      this.memory.kernels.addRows(some.length, width, gradient.address, this.rows.address, this.ids.address);
    }
  }
}
