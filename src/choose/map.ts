import { Random } from '../util/random.js';
import { kMeans, nearestCentres, seeded } from './k-means.js';
import { type Plane, placeIn, planeOf } from './principal.js';
import { typicalWords } from './typical.js';
import { gather, type Vectors } from './vectors.js';
import type { WordModel } from './word-vectors.js';

/** A region of the pool. */
export interface Region {
  /** Where its centre lies on the map. */
  readonly x: number;
  readonly y: number;
  /** Rows of the sample, and which share of it they are. */
  readonly rows: number;
  readonly share: number;
  /** Chosen rows whose nearest centre this one is. */
  readonly chosen: number;
  /** Share of its rows within the radius of a chosen row. */
  readonly coverage: number;
  readonly words: readonly string[];
}

export interface Point {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  /** Place in `clusters`. */
  readonly cluster: number;
  readonly chosen: boolean;
}

/** What can be drawn of a choice. */
export interface CoverageMap {
  readonly clusters: readonly Region[];
  /** Places in `clusters`: those that are covered least, the least first. */
  readonly holes: readonly number[];
  readonly map: {
    /** Share of the variance along each axis. */
    readonly explained: readonly [number, number];
    readonly points: readonly Point[];
  };
}

const REGIONS = 20;
/** Rows of a region, on average at the least. */
const ROWS_A_REGION = 5;
const HOLES = 5;
const WORDS = 6;
/** Points of the map: drawn of the sample, and the first of the chosen ones. */
const DRAWN = 1500;
const CHOSEN = 500;

/** A sample of a pool, and what was chosen of the pool. */
export interface Seen {
  readonly vectors: Vectors;
  /** Numbers of rows, rising. */
  readonly sample: Int32Array;
  readonly texts: readonly string[];
  /** Of each row of the sample, whether it is near to a chosen one. */
  readonly covered: readonly boolean[];
  readonly chosen: ArrayLike<number>;
}

/**
 * The regions of a pool and a map of it: k-means and the plane of largest variance, of the sample.
 * @param idsOf ids of the rows of these numbers
 * @param onIteration awaited after each iteration of k-means
 */
export async function mapOf(
  seen: Seen,
  words: WordModel,
  seed: number,
  idsOf: (rows: Int32Array) => Promise<readonly string[]>,
  onIteration: (done: number, most: number) => Promise<void>,
): Promise<CoverageMap> {
  const { vectors, sample, covered, texts } = seen;
  const own = gather(vectors, sample);
  const count = Math.max(1, Math.min(REGIONS, Math.floor(sample.length / ROWS_A_REGION)));
  const { centres, labels } = await kMeans(own, seeded(own, count, new Random(seed, 'regions')), onIteration);
  const drawn = new Random(seed, 'map').shuffle(Array.from(sample)).slice(0, DRAWN);
  const plane = planeOf(gather(vectors, drawn), new Random(seed, 'plane'));
  const chosen = Int32Array.from(seen.chosen);
  const chosenLabels = nearestCentres(gather(vectors, chosen), centres);
  const typical = typicalWords(words, texts, labels, count, WORDS);
  const clusters = Array.from({ length: count }, (_, cluster): Region => {
    const members = labels.reduce((sum, label) => sum + (label === cluster ? 1 : 0), 0);
    const near = labels.reduce((sum, label, i) => sum + (label === cluster && covered[i] ? 1 : 0), 0);
    const [x, y] = place(plane, centres, cluster * vectors.width);
    return {
      x,
      y,
      rows: members,
      share: members / sample.length,
      chosen: chosenLabels.reduce((sum, label) => sum + (label === cluster ? 1 : 0), 0),
      coverage: members > 0 ? near / members : 1,
      words: typical[cluster] as string[],
    };
  });
  const coverage = (cluster: number): number => (clusters[cluster] as Region).coverage;
  const holes = clusters
    .map((_, cluster) => cluster)
    .filter((cluster) => coverage(cluster) < 1)
    .sort((a, b) => coverage(a) - coverage(b) || a - b)
    .slice(0, HOLES);
  const points = await pointsOf(vectors, plane, centres, { drawn, chosen }, idsOf);
  return { clusters, holes, map: { explained: plane.explained, points } };
}

async function pointsOf(
  vectors: Vectors,
  plane: Plane,
  centres: Float64Array,
  { drawn, chosen }: { readonly drawn: readonly number[]; readonly chosen: Int32Array },
  idsOf: (rows: Int32Array) => Promise<readonly string[]>,
): Promise<Point[]> {
  const taken = new Set(chosen);
  const shown = new Set([...drawn, ...chosen.subarray(0, CHOSEN)]);
  const rows = Int32Array.from(shown).sort();
  const clusters = nearestCentres(gather(vectors, rows), centres);
  const ids = await idsOf(rows);
  return Array.from(rows, (row, i): Point => {
    const [x, y] = place(plane, vectors.data, row * vectors.width);
    return { id: ids[i] as string, x, y, cluster: clusters[i] as number, chosen: taken.has(row) };
  });
}

/** Rounded: nobody sees more, and ten thousand digits of a file are saved. */
const place = (plane: Plane, data: Float32Array | Float64Array, at: number): [number, number] =>
  placeIn(plane, data, at).map((x) => Math.round(x * 1e4) / 1e4) as [number, number];
