/** Arithmetic of shapes. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** NumPy's rule. Throws if the shapes do not broadcast. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) throw new Error(`shapes [${a}] and [${b}] do not broadcast`);
    return da === 1 ? db : da;
  });
}

/** Axes as non-negative numbers in ascending order. */
export function normalAxes(axes: number | readonly number[], rank: number): number[] {
  return [axes]
    .flat()
    .map((a) => (a < 0 ? a + rank : a))
    .sort((a, b) => a - b);
}

/** A shape of `size` elements with its one -1, if there is one, worked out. */
export function inferShape(shape: readonly number[], size: number): number[] {
  const known = shape.reduce((a, d) => (d === -1 ? a : a * d), 1);
  return shape.map((d) => (d === -1 ? size / known : d));
}
