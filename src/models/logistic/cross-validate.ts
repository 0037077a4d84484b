import { Random } from '../../util/random.js';
import type { SparseRows } from './features.js';
import { type Fit, fitSoftmax, laidOut, objectiveOf, type Problem } from './fit.js';

/** Strengths tried: decades, since between them held-out losses differ by less than folds do. */
export const STRENGTHS: readonly number[] = [1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
const FOLDS = 5;
/** Usually so many: a strength suits many rows as it suits fewer, and all of them would take minutes. */
const MOST = 10_000;

/** How a strength did, over all rows that it was tried on, each held out once. */
export interface Tried {
  readonly l2: number;
  /** Mean cross-entropy with the held-out targets, in nats. */
  readonly loss: number;
}

/**
 * Chooses the strength of the penalty by five-fold cross-validation: the one whose held-out cross-entropy is least. Rows
 * of each label are dealt out evenly, in an order that the seed draws, as are the rows that it is tried on where there
 * are many.
 *
 * @param onFit awaited after each fit; what it throws ends the search
 * @param most rows that it is tried on
 * @returns every strength, the best one first
 */
export async function chooseL2(
  problem: Omit<Problem, 'l2'>,
  seed: number,
  onFit: (done: number, total: number) => Promise<void>,
  most = MOST,
): Promise<readonly [Tried, ...Tried[]]> {
  const losses = STRENGTHS.map(() => 0);
  const folds = deal(problem, seed, most);
  for (const [fold, held] of folds.entries()) {
    const others = folds.filter((each) => each !== held);
    const learnt = only(
      problem,
      others.flat().sort((a, b) => a - b),
    );
    const judged = only(problem, held);
    // From the strongest on: the optimum of one is near that of the next.
    let fit: Fit | undefined;
    for (let i = STRENGTHS.length - 1; i >= 0; i--) {
      fit = await fitSoftmax({ ...learnt, l2: STRENGTHS[i] as number }, undefined, fit);
      losses[i] = (losses[i] as number) + lossOf(fit, judged);
      await onFit((fold + 1) * STRENGTHS.length - i, FOLDS * STRENGTHS.length);
    }
  }
  let weight = 0;
  for (const row of folds.flat()) weight += problem.weights[row] as number;
  const tried = STRENGTHS.map((l2, i) => ({ l2, loss: (losses[i] as number) / weight }));
  // Of equals the stronger: it says less of what it has not seen.
  return tried.sort((a, b) => a.loss - b.loss || b.l2 - a.l2) as [Tried, ...Tried[]];
}

/** Row numbers of each fold. */
function deal({ targets, labels, weights }: Omit<Problem, 'l2'>, seed: number, most: number): number[][] {
  const rows = new Random(seed, 'folds').shuffle(Array.from(weights, (_, row) => row)).slice(0, most);
  const label = (row: number): number => {
    const own = targets.subarray(row * labels, (row + 1) * labels);
    return own.indexOf(Math.max(...own));
  };
  const folds: number[][] = Array.from({ length: FOLDS }, () => []);
  rows
    .sort((a, b) => label(a) - label(b))
    .forEach((row, i) => {
      folds[i % FOLDS]?.push(row);
    });
  return folds;
}

type Rows = Pick<Problem, 'rows' | 'targets' | 'weights'>;

function only<P extends Omit<Problem, 'l2'>>(problem: P, rows: readonly number[]): P {
  return { ...problem, ...pick(problem, rows) };
}

function pick({ rows, targets, weights, labels }: Omit<Problem, 'l2'>, picked: readonly number[]): Rows {
  const from = (row: number): number => rows.starts[row] as number;
  const starts = new Int32Array(picked.length + 1);
  picked.forEach((row, i) => {
    starts[i + 1] = (starts[i] as number) + from(row + 1) - from(row);
  });
  const some: SparseRows = {
    starts,
    columns: new Int32Array(starts.at(-1) as number),
    values: new Float32Array(starts.at(-1) as number),
  };
  const chosen = new Float32Array(picked.length * labels);
  picked.forEach((row, i) => {
    some.columns.set(rows.columns.subarray(from(row), from(row + 1)), starts[i]);
    some.values.set(rows.values.subarray(from(row), from(row + 1)), starts[i]);
    chosen.set(targets.subarray(row * labels, (row + 1) * labels), i * labels);
  });
  return { rows: some, targets: chosen, weights: Float32Array.from(picked, (row) => weights[row] as number) };
}

/** Σw·CE of a fit on rows that it has not seen. */
function lossOf(fit: Fit, rows: Omit<Problem, 'l2'>): number {
  const x = laidOut(fit);
  let total = 0;
  for (const w of rows.weights) total += w;
  return total === 0 ? 0 : total * objectiveOf({ ...rows, l2: 0 })(x, new Float64Array(x.length));
}
