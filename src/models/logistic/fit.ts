import type { SparseRows } from './features.js';
import { minimise } from './lbfgs.js';

export interface Problem {
  readonly rows: SparseRows;
  /** Columns of `rows`. */
  readonly features: number;
  /** Number of labels, 2 at least. */
  readonly labels: number;
  /** [rows, labels], each row a distribution: one-hot for a label, soft for a teacher's answer. */
  readonly targets: Float32Array;
  /** [rows]: how much each row counts. */
  readonly weights: Float32Array;
  /** Strength of the penalty; 1/C of scikit-learn. */
  readonly l2: number;
}

export interface Fit {
  /** [features, outputs] */
  readonly weight: Float32Array;
  /** [outputs] */
  readonly bias: Float32Array;
  readonly loss: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Largest component of the gradient of the mean loss at which it counts as minimal. */
const TOLERANCE = 1e-6;
const MAX_ITERATIONS = 2000;

/**
 * Columns of weights that a model of so many labels has: two labels need one, whose logit is measured against a zero
 * for the first label. The penalty then is that of scikit-learn's binary `LogisticRegression`; with more labels it is
 * that of its multinomial one.
 */
export const outputsOf = (labels: number): number => (labels === 2 ? 1 : labels);

/**
 * Fits softmax regression by L-BFGS, from zero or from another fit:
 *
 *     minimise  1/Σw · ( Σ w_i · CE(targets_i, softmax(rows_i · weight + bias)) + l2/2 · ‖weight‖² )
 *
 * The biases are not penalised. Sums run in row order, so equal input gives equal bytes.
 *
 * @param onIteration the iteration (from 1) and the value minimised, in nats; what it throws ends the fit
 * @param near a fit of the same sizes that is nearer than zero: the same problem with another penalty
 */
export async function fitSoftmax(
  problem: Problem,
  onIteration?: (iteration: number, loss: number) => Promise<void>,
  near?: Pick<Fit, 'weight' | 'bias'>,
): Promise<Fit> {
  const { features, labels } = problem;
  const outputs = outputsOf(labels);
  // With all-equal start values and no gradient by symmetry, zero is as good a start as any: the problem is convex.
  const start = near ? laidOut(near) : new Float64Array((features + 1) * outputs);
  const result = await minimise(objectiveOf(problem), start, {
    tolerance: TOLERANCE,
    maxIterations: MAX_ITERATIONS,
    diagonal: inverseCurvature(problem),
    onIteration,
  });
  const split = features * outputs;
  return {
    weight: Float32Array.from(result.x.subarray(0, split)),
    bias: Float32Array.from(result.x.subarray(split)),
    loss: result.value,
    iterations: result.iterations,
    converged: result.converged,
  };
}

/**
 * p·(1 − p) of a row's probabilities, as the curvature of all rows is taken to be: it falls from 1/4 towards 0 while a fit
 * tells rows apart. On texts this value halves the iterations, and ten times as much or as little does nearly as well.
 */
const SPREAD = 0.01;

/** About the inverse of the Hessian's diagonal: n-grams are rare or common, and a step that suits one suits no other. */
function inverseCurvature({ rows, features, labels, weights, l2 }: Problem): Float64Array {
  const outputs = outputsOf(labels);
  const squares = new Float64Array(features + 1);
  let total = 0;
  weights.forEach((weight, row) => {
    for (let e = rows.starts[row] as number; e < (rows.starts[row + 1] as number); e++) {
      const column = rows.columns[e] as number;
      squares[column] = (squares[column] as number) + weight * (rows.values[e] as number) ** 2;
    }
    total += weight;
  });
  squares[features] = total;
  const penalty = (feature: number): number => (feature < features ? l2 : 0);
  return Float64Array.from({ length: squares.length * outputs }, (_, i) => {
    const feature = Math.floor(i / outputs);
    return total / (penalty(feature) + SPREAD * (squares[feature] as number));
  });
}

/** [weight, bias] as the one vector that `objectiveOf` takes. */
export function laidOut({ weight, bias }: Pick<Fit, 'weight' | 'bias'>): Float64Array {
  const x = new Float64Array(weight.length + bias.length);
  x.set(weight);
  x.set(bias, weight.length);
  return x;
}

/** The function that `fitSoftmax` minimises, of [weight, bias] laid out as one vector. */
export function objectiveOf({ rows, features, labels, targets, weights, l2 }: Problem) {
  const { starts, columns, values } = rows;
  const outputs = outputsOf(labels);
  const zeros = labels - outputs;
  const split = features * outputs;
  const count = weights.length;
  let total = 0;
  for (const weight of weights) total += weight;
  const logits = new Float64Array(labels);

  return (x: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0);
    let loss = 0;
    for (let row = 0; row < count; row++) {
      const from = starts[row] as number;
      const to = starts[row + 1] as number;
      const weight = weights[row] as number;
      for (let k = 0; k < outputs; k++) logits[zeros + k] = x[split + k] as number;
      if (zeros > 0) logits[0] = 0;
      for (let e = from; e < to; e++) {
        const value = values[e] as number;
        const at = (columns[e] as number) * outputs;
        for (let k = 0; k < outputs; k++) {
          logits[zeros + k] = (logits[zeros + k] as number) + value * (x[at + k] as number);
        }
      }

      let most = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < labels; k++) most = Math.max(most, logits[k] as number);
      let sum = 0;
      for (let k = 0; k < labels; k++) sum += Math.exp((logits[k] as number) - most);
      const logSum = most + Math.log(sum);
      // Now logits[k] becomes the derivative of the row's loss by its k-th logit.
      for (let k = 0; k < labels; k++) {
        const target = targets[row * labels + k] as number;
        const logProbability = (logits[k] as number) - logSum;
        loss -= weight * target * logProbability;
        logits[k] = weight * (Math.exp(logProbability) - target);
      }

      for (let k = 0; k < outputs; k++)
        gradient[split + k] = (gradient[split + k] as number) + (logits[zeros + k] as number);
      for (let e = from; e < to; e++) {
        const value = values[e] as number;
        const at = (columns[e] as number) * outputs;
        for (let k = 0; k < outputs; k++) {
          gradient[at + k] = (gradient[at + k] as number) + value * (logits[zeros + k] as number);
        }
      }
    }

    let squares = 0;
    for (let i = 0; i < split; i++) {
      const w = x[i] as number;
      squares += w * w;
      gradient[i] = (gradient[i] as number) + l2 * w;
    }
    for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] as number) / total;
    return (loss + 0.5 * l2 * squares) / total;
  };
}
