import { Random } from '../util/random.js';

/** The whole numbers from `start` up to `end`, shuffled. */
export function shuffled(start: number, end: number, random: Random): number[] {
  return random.shuffle(Array.from({ length: end - start }, (_, i) => start + i));
}

/** So many of the numbers below `count`, drawn without repetition, rising; all of them if there are not so many. */
export function sample(count: number, most: number, seed: number, stream: string): Int32Array {
  if (count <= most) return Int32Array.from({ length: count }, (_, i) => i);
  return Int32Array.from(shuffled(0, count, new Random(seed, stream)).slice(0, most)).sort();
}
