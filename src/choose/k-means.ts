import type { Random } from '../util/random.js';
import { lowerNearest, pointOf, squaredDistance, type Vectors } from './vectors.js';

/** Rows in clusters. */
export interface Clusters {
  readonly count: number;
  /** Row-major [count, width]. */
  readonly centres: Float64Array;
  /** Of each row its cluster. */
  readonly labels: Int32Array;
  /** Of each row its squared distance to the centre; their sum is the inertia. */
  readonly distances: Float64Array;
  readonly iterations: number;
}

/** As scikit-learn: it ends when the centres move by less than this share of the mean variance of a number. */
const TOLERANCE = 1e-4;
const MAX_ITERATIONS = 100;

/**
 * k-means by Lloyd's algorithm (Lloyd 1982). A cluster that loses all its rows gets the row that is farthest from its
 * centre.
 *
 * @param start centres to begin with, row-major [count, width]; see `seeded`
 * @param onIteration awaited after each; what it throws ends the work
 */
export async function kMeans(
  vectors: Vectors,
  start: Float64Array,
  onIteration: (iteration: number, most: number) => Promise<void> = async () => {},
): Promise<Clusters> {
  const { width } = vectors;
  const tolerance = TOLERANCE * meanVariance(vectors);
  let centres = start;
  const count = start.length / width;
  const labels = new Int32Array(vectors.count);
  const distances = new Float64Array(vectors.count);
  let changed = assign(vectors, centres, labels, distances);
  let iterations = 0;
  while (iterations < MAX_ITERATIONS && (changed > 0 || iterations === 0)) {
    iterations++;
    const moved = centresOf(vectors, labels, distances, count);
    const shift = centres.reduce((sum, x, i) => sum + (x - (moved[i] as number)) ** 2, 0);
    centres = moved;
    changed = assign(vectors, centres, labels, distances);
    await onIteration(iterations, MAX_ITERATIONS);
    if (shift <= tolerance) break;
  }
  return { count, centres, labels, distances, iterations };
}

/**
 * Centres drawn from the rows, each with a probability in proportion to its squared distance from those before it
 * (k-means++, Arthur & Vassilvitskii 2007, SODA).
 */
export function seeded(vectors: Vectors, count: number, random: Random): Float64Array {
  const { width } = vectors;
  const centres = new Float64Array(count * width);
  const nearest = new Float64Array(vectors.count).fill(Number.POSITIVE_INFINITY);
  let next = random.below(vectors.count);
  for (let k = 0; k < count; k++) {
    const centre = pointOf(vectors, next);
    centres.set(centre, k * width);
    lowerNearest(vectors, centre, nearest);
    let left = random.uniform() * nearest.reduce((sum, x) => sum + x, 0);
    next = nearest.findIndex((x) => {
      left -= x;
      return left < 0;
    });
    // Rounding may leave a rest; and where all rows are alike, any of them will do.
    if (next < 0) next = random.below(vectors.count);
  }
  return centres;
}

/** The nearest of some centres, row-major [centres, width], to each row; the first of those that are as near. */
export function nearestCentres(vectors: Vectors, centres: Float64Array): Int32Array {
  const labels = new Int32Array(vectors.count);
  assign(vectors, centres, labels, new Float64Array(vectors.count));
  return labels;
}

/** @returns how many rows have another label than before */
function assign(
  { data, count, width }: Vectors,
  centres: Float64Array,
  labels: Int32Array,
  distances: Float64Array,
): number {
  const k = centres.length / width;
  let changed = 0;
  for (let row = 0; row < count; row++) {
    const before = labels[row] as number;
    // Most rows stay, and what is near at once makes the others short.
    let least = squaredDistance(data, row * width, centres, before * width, width, Number.POSITIVE_INFINITY);
    let best = before;
    for (let c = 0; c < k; c++) {
      if (c === before) continue;
      const distance = squaredDistance(data, row * width, centres, c * width, width, least);
      if (distance < least) [best, least] = [c, distance];
    }
    labels[row] = best;
    distances[row] = least;
    if (best !== before) changed++;
  }
  return changed;
}

/** The means of the clusters. Rows that fill empty ones get their label. */
function centresOf({ data, width }: Vectors, labels: Int32Array, distances: Float64Array, count: number): Float64Array {
  const sizes = new Int32Array(count);
  for (const label of labels) sizes[label] = (sizes[label] as number) + 1;
  for (let cluster = 0; cluster < count; cluster++) {
    if ((sizes[cluster] as number) > 0) continue;
    let far = -1;
    for (let row = 0; row < labels.length; row++) {
      const alone = sizes[labels[row] as number] === 1;
      if (!alone && (far < 0 || (distances[row] as number) > (distances[far] as number))) far = row;
    }
    if (far < 0) break;
    sizes[labels[far] as number] = (sizes[labels[far] as number] as number) - 1;
    sizes[cluster] = 1;
    labels[far] = cluster;
    distances[far] = 0;
  }
  const centres = new Float64Array(count * width);
  labels.forEach((label, row) => {
    for (let i = 0; i < width; i++) {
      centres[label * width + i] = (centres[label * width + i] as number) + (data[row * width + i] as number);
    }
  });
  return centres.map((sum, i) => sum / Math.max(1, sizes[Math.floor(i / width)] as number));
}

function meanVariance({ data, count, width }: Vectors): number {
  const [sums, squares] = [new Float64Array(width), new Float64Array(width)];
  for (let at = 0; at < data.length; ) {
    for (let i = 0; i < width; i++, at++) {
      const x = data[at] as number;
      sums[i] = (sums[i] as number) + x;
      squares[i] = (squares[i] as number) + x * x;
    }
  }
  return squares.reduce((sum, square, i) => sum + square / count - ((sums[i] as number) / count) ** 2, 0) / width;
}
