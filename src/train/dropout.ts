import type { HostTensor } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { streamPosition } from '../util/random.js';
import type { DropoutSite } from './stage.js';
import { binary } from './wasm/keep.js';

type Keep = (n: number, at: number, key: number, position: number, zeroed: number) => void;

const PAGE = 65536;
/** Words of a random stream that one update may use, so that updates never overlap: all that one memory can hold. */
const WORDS_PER_UPDATE = 2 ** 30;

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const padded = (n: number): number => Math.ceil(n / 16) * 16;

/**
 * The masks of one update's dropout: a function of (key, update) alone, so a checkpoint needs no generator's state. Made
 * in WebAssembly SIMD: at 10 million values an update a JavaScript loop would take a tenth of the update's time.
 */
export class DropoutMasks {
  private memory = new WebAssembly.Memory({ initial: 1 });
  private keep: Keep | undefined;

  /**
   * @param sites the values to be kept or zeroed
   * @param key from `streamKey`
   * @throws StepFailure if the masks would take 4 GiB or more
   * @returns for each site 1 where a value is kept, else 0. They are views of one memory: the next call overwrites them.
   */
  fill(sites: readonly DropoutSite[], key: number, update: number): HostTensor[] {
    const sizes = sites.map(({ shape }) => sizeOf(shape));
    const keep = this.reserve(sizes.reduce((sum, n) => sum + padded(n), 0));
    let position = update * WORDS_PER_UPDATE;
    let at = 0;
    return sites.map(({ shape, zeroed }, site) => {
      const n = sizes[site] as number;
      const stream = streamPosition(key, position);
      keep(n, at, stream.key, stream.low, zeroed);
      const data = new Uint8Array(this.memory.buffer, at, n);
      position += Math.ceil(n / 4);
      at += padded(n);
      return { dtype: 'uint8', shape, data };
    });
  }

  private reserve(bytes: number): Keep {
    if (bytes >= 2 ** 32) {
      const gigabytes = (bytes / 1e9).toFixed(1);
      const hint = 'Lower batch_size or max_length, or set dropout: 0.';
      throw new StepFailure('too-large', `the dropout masks of one update would take ${gigabytes} GB`, hint);
    }
    if (!this.keep || this.memory.buffer.byteLength < bytes) {
      this.memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(bytes / PAGE)) });
      const module = new WebAssembly.Module(Buffer.from(binary, 'base64'));
      this.keep = new WebAssembly.Instance(module, { host: { memory: this.memory } }).exports.keep as Keep;
    }
    return this.keep;
  }
}
