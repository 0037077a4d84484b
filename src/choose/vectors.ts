/** Vectors of rows, one after the other in one array. */
export interface Vectors {
  /** Row-major [count, width]. */
  readonly data: Float32Array;
  readonly count: number;
  readonly width: number;
}

/** Some of the rows, in this order: a copy. */
export function gather({ data, width }: Vectors, rows: ArrayLike<number>): Vectors {
  const own = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = (rows[i] as number) * width;
    own.set(data.subarray(from, from + width), i * width);
  }
  return { data: own, count: rows.length, width };
}

/** The mean of all rows: [width]. */
export function meanOf({ data, count, width }: Vectors): Float64Array {
  const mean = new Float64Array(width);
  for (let at = 0; at < data.length; ) {
    for (let i = 0; i < width; i++, at++) mean[i] = (mean[i] as number) + (data[at] as number);
  }
  return mean.map((sum) => sum / count);
}

/**
 * The squared distance of a row to a point, or some number of at least `bound` as soon as it is known to be that: what
 * is nearer already needs no more of it. Sums of squares only grow, so nothing is approximate.
 *
 * @param at where the row starts in `data`
 * @param from where the point starts in `point`, whose numbers have float64, so that they are not converted for every row
 */
export function squaredDistance(
  data: Float32Array,
  at: number,
  point: Float64Array,
  from: number,
  width: number,
  bound: number,
): number {
  let sum = 0;
  let i = 0;
  for (const whole = width - (width % 16); i < whole; ) {
    // Four sums, so that an addition need not wait for the one before it.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (const end = i + 16; i < end; i += 4) {
      const p = (data[at + i] as number) - (point[from + i] as number);
      const q = (data[at + i + 1] as number) - (point[from + i + 1] as number);
      const r = (data[at + i + 2] as number) - (point[from + i + 2] as number);
      const s = (data[at + i + 3] as number) - (point[from + i + 3] as number);
      a += p * p;
      b += q * q;
      c += r * r;
      d += s * s;
    }
    sum += a + b + (c + d);
    if (sum >= bound) return sum;
  }
  for (; i < width; i++) {
    const p = (data[at + i] as number) - (point[from + i] as number);
    sum += p * p;
  }
  return sum;
}

/**
 * Lowers what each row has to the nearest of several points, now that there is one more.
 * @param nearest squared distances: [count]
 */
export function lowerNearest({ data, count, width }: Vectors, point: Float64Array, nearest: Float64Array): void {
  for (let row = 0; row < count; row++) {
    const bound = nearest[row] as number;
    // A row that is one of the points, and what is marked as chosen.
    if (bound <= 0) continue;
    const distance = squaredDistance(data, row * width, point, 0, width, bound);
    if (distance < bound) nearest[row] = distance;
  }
}

/** A row as a point: a copy. */
export const pointOf = ({ data, width }: Vectors, row: number): Float64Array =>
  Float64Array.from(data.subarray(row * width, (row + 1) * width));
