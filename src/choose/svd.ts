import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Random } from '../util/random.js';

/** A matrix, as far as a product with it goes: sparse, centred, or whatever. */
export interface Operator {
  readonly rows: number;
  readonly columns: number;
  /** The matrix times a vector [columns]: [rows]. */
  times(x: Float64Array): Float64Array;
  /** Its transpose times a vector [rows]: [columns]. */
  transposedTimes(y: Float64Array): Float64Array;
}

/** The largest singular values, falling, and the right singular vectors that belong to them, each [columns]. */
export interface Svd {
  readonly values: readonly number[];
  readonly right: readonly Float64Array[];
}

/** Vectors beyond those that are asked for, as Halko et al. advise. */
const OVERSAMPLING = 10;
/** What is this much shorter than the longest vector is rounding. */
const NEGLIGIBLE = 1e-9;

/**
 * A truncated singular value decomposition by random projection and subspace iteration (Halko, Martinsson & Tropp 2011,
 * arXiv:0909.4061, algorithms 4.4 and 5.1). The sign of a vector is such that its number of largest size is positive.
 *
 * @param components how many values; fewer come where the matrix has a lower rank
 * @param iterations more tell values apart that are nearly alike; scikit-learn's TruncatedSVD has 5
 */
export function randomizedSvd(a: Operator, components: number, iterations: number, random: Random): Svd {
  const wanted = Math.min(components, a.rows, a.columns);
  const width = Math.min(wanted + OVERSAMPLING, a.rows, a.columns);
  const drawn = Array.from({ length: width }, () => Float64Array.from({ length: a.columns }, () => random.normal()));
  let left = orthonormal(drawn.map((x) => a.times(x)));
  for (let i = 0; i < iterations; i++) {
    const right = orthonormal(left.map((y) => a.transposedTimes(y)));
    left = orthonormal(right.map((x) => a.times(x)));
  }
  if (left.length === 0) return { values: [], right: [] };
  const small = left.map((y) => a.transposedTimes(y));
  const gram = new Matrix(small.map((x) => small.map((y) => dot(x, y))));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const squares = Float64Array.from(realEigenvalues);
  const order = Array.from(squares.keys()).sort((i, j) => (squares[j] as number) - (squares[i] as number));
  const most = Math.sqrt(squares[order[0] as number] as number);
  const values: number[] = [];
  const right: Float64Array[] = [];
  for (const i of order.slice(0, wanted)) {
    const value = Math.sqrt(Math.max(0, squares[i] as number));
    // A square carries half of the digits.
    if (value <= most * Math.sqrt(NEGLIGIBLE)) break;
    const vector = new Float64Array(a.columns);
    small.forEach((own, k) => {
      addTo(vector, own, eigenvectorMatrix.get(k, i) / value);
    });
    values.push(value);
    right.push(signed(vector));
  }
  return { values, right };
}

/** Vectors of length 1 at right angles that span the same space: Gram–Schmidt, each one twice. In place. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const longest = Math.sqrt(Math.max(...vectors.map((x) => dot(x, x))));
  const made: Float64Array[] = [];
  for (const vector of vectors) {
    for (let twice = 0; twice < 2; twice++) {
      for (const other of made) addTo(vector, other, -dot(vector, other));
    }
    const length = Math.sqrt(dot(vector, vector));
    if (length <= NEGLIGIBLE * longest) continue;
    for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
    made.push(vector);
  }
  return made;
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
  return sum;
}

function addTo(x: Float64Array, y: Float64Array, times: number): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) + times * (y[i] as number);
}

function signed(vector: Float64Array): Float64Array {
  let most = 0;
  for (const x of vector) if (Math.abs(x) > Math.abs(most)) most = x;
  return most < 0 ? vector.map((x) => -x) : vector;
}
