import type { Shape } from './shape.js';

/** What a student may take at the most. */
export interface Budget {
  readonly parameters?: number;
  readonly megabytes?: number;
  readonly milliseconds?: number;
}

/**
 * The widest of some shapes that takes no more than so many milliseconds, or undefined if none does. Wider ones take
 * longer, so a few measurements find it: the widest first, then by halves.
 *
 * @param shapes narrowest first
 */
export async function widestWithin(
  shapes: readonly Shape[],
  milliseconds: number,
  measure: (shape: Shape) => Promise<number>,
): Promise<Shape | undefined> {
  let best: Shape | undefined;
  let [low, high] = [0, shapes.length - 1];
  for (let at = high; low <= high; at = Math.floor((low + high) / 2)) {
    const shape = shapes[at] as Shape;
    if ((await measure(shape)) <= milliseconds) {
      best = shape;
      low = at + 1;
    } else high = at - 1;
  }
  return best;
}
