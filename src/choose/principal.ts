import type { Random } from '../util/random.js';
import { type Operator, randomizedSvd } from './svd.js';
import { meanOf, type Vectors } from './vectors.js';

/** A plane through the mean of rows, in which they vary most: principal component analysis (Pearson 1901). */
export interface Plane {
  readonly mean: Float64Array;
  /** Two axes at right angles, each [width]; the second is all zeros where rows vary in one direction only. */
  readonly axes: readonly [Float64Array, Float64Array];
  /** Share of the variance along each. */
  readonly explained: readonly [number, number];
}

/** So many that axes are right even where the second and the third are nearly as long. */
const ITERATIONS = 20;

export function planeOf(vectors: Vectors, random: Random): Plane {
  const { data, count, width } = vectors;
  const mean = meanOf(vectors);
  const centred: Operator = {
    rows: count,
    columns: width,
    times(x) {
      const shift = mean.reduce((sum, m, i) => sum + m * (x[i] as number), 0);
      return Float64Array.from({ length: count }, (_, row) => product(data, row * width, x) - shift);
    },
    transposedTimes(y) {
      const sums = new Float64Array(width);
      let total = 0;
      for (let row = 0; row < count; row++) {
        const weight = y[row] as number;
        total += weight;
        for (let i = 0; i < width; i++) {
          sums[i] = (sums[i] as number) + weight * (data[row * width + i] as number);
        }
      }
      return sums.map((sum, i) => sum - total * (mean[i] as number));
    },
  };
  const { values, right } = randomizedSvd(centred, 2, ITERATIONS, random);
  let variance = 0;
  for (let at = 0; at < data.length; ) {
    for (let i = 0; i < width; i++, at++) variance += ((data[at] as number) - (mean[i] as number)) ** 2;
  }
  const share = (value = 0): number => (variance > 0 ? value ** 2 / variance : 0);
  const axis = (k: number): Float64Array => right[k] ?? new Float64Array(width);
  return { mean, axes: [axis(0), axis(1)], explained: [share(values[0]), share(values[1])] };
}

/** Where a vector, which starts at `at`, lies in the plane: [x, y]. */
export function placeIn({ mean, axes }: Plane, data: Float32Array | Float64Array, at: number): [number, number] {
  const [x, y] = axes.map((axis) => product(data, at, axis) - product(mean, 0, axis)) as [number, number];
  return [x, y];
}

function product(data: Float32Array | Float64Array, at: number, axis: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < axis.length; i++) sum += (data[at + i] as number) * (axis[i] as number);
  return sum;
}
