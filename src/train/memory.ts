import { StepFailure } from '../util/failure.js';
import { namingMemory } from '../util/out-of-memory.js';
import { binary } from './wasm/adamw.js';

export interface Kernels {
  sumSquares(n: number, g: number): number;
  addRows(count: number, width: number, g: number, x: number, ids: number): void;
  adamw(
    n: number,
    p: number,
    g: number,
    m: number,
    v: number,
    beta1: number,
    beta2: number,
    rate: number,
    unbias: number,
    epsilon: number,
    keep: number,
    scale: number,
  ): void;
}

/** A float32 array in the kernels' memory. */
export interface Slot {
  readonly address: number;
  /** Elements, padded with zeros to a multiple of four. */
  readonly padded: number;
  readonly data: Float32Array;
}

const PAGE = 65536;

/**
 * Float32 arrays in one WebAssembly memory, where the SIMD kernels of `adamw.wat` work on them (ten times as fast as
 * a JavaScript loop). Sized once: growing a memory detaches every view of it.
 */
export class KernelMemory {
  readonly kernels: Kernels;
  private readonly memory: WebAssembly.Memory;
  private top = 0;

  /**
   * @param sizes elements of each array that `allocate` will be asked for
   * @throws StepFailure if they do not fit: 4 GiB are the most that WebAssembly can address
   */
  constructor(sizes: readonly number[]) {
    const bytes = sizes.reduce((sum, n) => sum + 4 * padded(n), 0);
    if (bytes >= 2 ** 32) {
      throw new StepFailure(
        'too-large',
        `parameters, gradients and the optimiser's moments would take ${(bytes / 1e9).toFixed(1)} GB, and 4.3 is the most`,
        'Freeze layers or embeddings, take fewer layers, or use optimizer: sgd, which remembers less.',
      );
    }
    try {
      this.memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(bytes / PAGE)) });
    } catch (error) {
      throw namingMemory(error);
    }
    const module = new WebAssembly.Module(Buffer.from(binary, 'base64'));
    const instance = new WebAssembly.Instance(module, { host: { memory: this.memory } });
    this.kernels = instance.exports as unknown as Kernels;
  }

  /** The next array, all zeros. */
  allocate(size: number): Slot {
    const slot = {
      address: this.top,
      padded: padded(size),
      data: new Float32Array(this.memory.buffer, this.top, size),
    };
    this.top += 4 * slot.padded;
    return slot;
  }
}

const padded = (n: number): number => Math.ceil(n / 4) * 4;
