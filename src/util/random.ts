import { fnv1a, mix } from './hash.js';

/**
 * Counter-based random numbers: a draw is a hash of (seed, stream, counter), so any draw can be made again from its
 * position alone and a checkpoint needs no generator state but the counter.
 */

/** A 32-bit key for a named stream of a seed: `streamKey(7, 'dropout')`. FNV-1a over the name, then mixed. */
export function streamKey(seed: number, stream: string): number {
  return mix(mix(seed >>> 0) ^ fnv1a(stream));
}

/** A generator whose whole state is `counter`. */
export class Random {
  private readonly key: number;
  constructor(
    seed: number,
    stream: string,
    public counter = 0,
  ) {
    this.key = streamKey(seed, stream);
  }

  /** Uniform over 0 … 2³² − 1. */
  uint32(): number {
    const c = this.counter++;
    // The counter is mixed before the key comes in: streams of like keys would else share their numbers in another order.
    return mix(mix((c >>> 0) ^ Math.imul(Math.floor(c / 2 ** 32) + 1, 0x9e3779b9)) ^ this.key);
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal (Box–Muller, one value a call). */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Fisher–Yates, in place. Returns its argument. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const a = items[i] as T;
      items[i] = items[j] as T;
      items[j] = a;
    }
    return items;
  }
}

/**
 * Where a stream of words stands, for code that hashes many of them at a time: the word at `position` + i is
 * `mix(key ^ (low + i) · 0x9e3779b1)` with this key, as long as low + i does not pass 2³².
 *
 * @param key from `streamKey`
 * @param position a whole number below 2⁵³
 */
export function streamPosition(key: number, position: number): { readonly key: number; readonly low: number } {
  // The upper half of the position only enters the key.
  const high = mix(key ^ Math.imul(Math.floor(position / 2 ** 32) + 1, 0x9e3779b9));
  return { key: high, low: position % 2 ** 32 };
}
