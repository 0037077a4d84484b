import { percentile } from '../util/numbers.js';
import { Random } from '../util/random.js';
import { shuffled } from './draw.js';
import { gather, lowerNearest, pointOf, squaredDistance, type Vectors } from './vectors.js';

/** How much of a pool lies near to chosen rows. Distances are Euclidean, between vectors of length 1: √(2 − 2·cosine). */
export interface Coverage {
  /** The radius: so many of two drawn rows are nearer to each other. */
  readonly radius: number;
  /** Shares of the sample within the radius of a chosen row, and of as many random ones (the mean of several draws). */
  readonly chosen: number;
  readonly random: number;
  /** The same at other radii. */
  readonly curve: readonly {
    readonly share_of_pairs: number;
    readonly radius: number;
    readonly chosen: number;
    readonly random: number;
  }[];
  /** From a row of the sample to the nearest chosen one. */
  readonly distance: Readonly<Record<'chosen' | 'random', { readonly median: number; readonly most: number }>>;
}

/** Pairs of rows that are drawn to know the pool's own distances. */
const PAIRS = 200_000;
/** The radius is the distance that this share of pairs does not exceed. */
const NEAR = 0.01;
const SHARES = [0.001, 0.002, 0.005, NEAR, 0.02, 0.05, 0.1];
/** Random choices that the chosen rows are compared with. */
const DRAWS = 3;

/**
 * How well chosen rows cover a pool, seen on a sample of it.
 *
 * @param vectors of the whole pool
 * @param sample numbers of rows
 * @param chosen numbers of rows
 * @param onRow awaited after each chosen row that was looked at, and each random one
 * @returns the figures, and of each row of the sample whether it is within the radius of a chosen one
 */
export async function coverageOf(
  vectors: Vectors,
  sample: Int32Array,
  chosen: ArrayLike<number>,
  seed: number,
  onRow: (done: number, total: number) => Promise<void> = async () => {},
): Promise<{ readonly coverage: Coverage; readonly covered: readonly boolean[] }> {
  const seen = gather(vectors, sample);
  const total = (1 + DRAWS) * chosen.length;
  let done = 0;
  const nearest = async (rows: ArrayLike<number>): Promise<Float64Array> => {
    const squares = new Float64Array(seen.count).fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < rows.length; i++) {
      lowerNearest(seen, pointOf(vectors, rows[i] as number), squares);
      await onRow(++done, total);
    }
    return squares.map(Math.sqrt);
  };
  const own = await nearest(chosen);
  const others: Float64Array[] = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    const random = new Random(seed, `random rows ${draw}`);
    others.push(await nearest(shuffled(0, vectors.count, random).slice(0, chosen.length)));
  }
  const pairs = pairDistances(seen, new Random(seed, 'pairs'));
  const curve = SHARES.map((share) => {
    const radius = percentile(pairs, share);
    const random = others.reduce((sum, distances) => sum + within(distances, radius), 0) / DRAWS;
    return { share_of_pairs: share, radius, chosen: within(own, radius), random };
  });
  const { radius, chosen: share, random } = curve[SHARES.indexOf(NEAR)] as (typeof curve)[number];
  const together = Float64Array.from(others.flatMap((distances) => [...distances])).sort();
  const spread = (sorted: Float64Array) => ({ median: percentile(sorted, 0.5), most: percentile(sorted, 1) });
  return {
    coverage: {
      radius,
      chosen: share,
      random,
      curve,
      distance: { chosen: spread(own.slice().sort()), random: spread(together) },
    },
    covered: Array.from(own, (distance) => distance <= radius),
  };
}

const within = (distances: Float64Array, radius: number): number =>
  distances.reduce((sum, distance) => sum + (distance <= radius ? 1 : 0), 0) / distances.length;

/** Of two different rows, drawn many times; sorted. One distance of 0 where there is but one row. */
function pairDistances(vectors: Vectors, random: Random): Float64Array {
  const { data, count, width } = vectors;
  if (count < 2) return new Float64Array(1);
  return Float64Array.from({ length: Math.min(PAIRS, (count * (count - 1)) / 2) }, () => {
    const a = random.below(count);
    const b = (a + 1 + random.below(count - 1)) % count;
    return Math.sqrt(squaredDistance(data, a * width, pointOf(vectors, b), 0, width, Number.POSITIVE_INFINITY));
  }).sort();
}
