/**
 * L-BFGS with a strong Wolfe line search, for smooth functions of many variables.
 * J. Nocedal, S. Wright, Numerical Optimization, 2nd ed.: algorithms 7.4 (two-loop recursion), 3.5 and 3.6 (search).
 */

/** Value at `x`; the gradient is written into `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsOptions {
  /** Stops when no component of the gradient is larger than this. */
  readonly tolerance: number;
  readonly maxIterations: number;
  /** Pairs of steps and gradient changes kept. */
  readonly memory?: number;
  /** Of each variable, about the inverse of the second derivative; positive. Default: all alike. */
  readonly diagonal?: Float64Array;
  /** Called after each iteration; what it throws ends the search. */
  readonly onIteration?: ((iteration: number, value: number) => Promise<void>) | undefined;
}

export interface LbfgsResult {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** False when the iterations ran out or no lower point could be found. */
  readonly converged: boolean;
}

/** A point of the search: position along the line, value, slope along the line. */
interface Point {
  step: number;
  value: number;
  slope: number;
}

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const MAX_EVALUATIONS = 30;

/** Minimises `objective` from `start`, which is left as it is. Deterministic: sums run in index order. */
export async function minimise(objective: Objective, start: Float64Array, options: LbfgsOptions): Promise<LbfgsResult> {
  const { tolerance, maxIterations, memory = 10, onIteration, diagonal } = options;
  let x = Float64Array.from(start);
  let gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  let trialX = new Float64Array(x.length);
  let trialGradient = new Float64Array(x.length);
  const history: { s: Float64Array; y: Float64Array; rho: number }[] = [];

  let iterations = 0;
  while (!(largest(gradient) <= tolerance)) {
    if (iterations === maxIterations) return { x, value, iterations, converged: false };
    const direction = descentDirection(gradient, history, diagonal);
    const slope = dot(direction, gradient);
    const evaluate = (step: number): Point => {
      for (let i = 0; i < x.length; i++) trialX[i] = (x[i] as number) + step * (direction[i] as number);
      const at = objective(trialX, trialGradient);
      return { step, value: at, slope: dot(direction, trialGradient) };
    };
    // Without curvature to go by, the first step is one of length 1 at most, by the measure that the diagonal gives.
    const first = history.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    const found = wolfeSearch(evaluate, { step: 0, value, slope }, first);
    if (found === undefined) {
      // Steepest descent is the last resort.
      if (history.length === 0) return { x, value, iterations, converged: false };
      history.length = 0;
      continue;
    }

    const s = new Float64Array(x.length);
    const y = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) {
      s[i] = (trialX[i] as number) - (x[i] as number);
      y[i] = (trialGradient[i] as number) - (gradient[i] as number);
    }
    const curvature = dot(s, y);
    if (curvature > Number.EPSILON * dot(y, y)) {
      if (history.length === memory) history.shift();
      history.push({ s, y, rho: 1 / curvature });
    }
    [x, trialX] = [trialX, x];
    [gradient, trialGradient] = [trialGradient, gradient];
    value = found.value;
    iterations++;
    await onIteration?.(iterations, value);
  }
  return { x, value, iterations, converged: true };
}

/** −H·gradient by the two-loop recursion, H the inverse Hessian that the history implies, from the diagonal on. */
function descentDirection(
  gradient: Float64Array,
  history: readonly { s: Float64Array; y: Float64Array; rho: number }[],
  diagonal: Float64Array | undefined,
): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (let k = history.length - 1; k >= 0; k--) {
    const { s, y, rho } = history[k] as (typeof history)[number];
    const alpha = rho * dot(s, q);
    alphas[k] = alpha;
    addScaled(q, -alpha, y);
  }
  if (diagonal) for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * (diagonal[i] as number);
  const last = history.at(-1);
  if (last !== undefined) {
    const { y, rho } = last;
    let square = 0;
    for (let i = 0; i < y.length; i++) square += (y[i] as number) ** 2 * (diagonal?.[i] ?? 1);
    const scale = 1 / (rho * square);
    for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * scale;
  }
  history.forEach(({ s, y, rho }, k) => {
    addScaled(q, (alphas[k] as number) - rho * dot(y, q), s);
  });
  return q;
}

/** A step that satisfies the strong Wolfe conditions (algorithm 3.5), evaluated last; undefined if none is found. */
function wolfeSearch(evaluate: (step: number) => Point, origin: Point, first: number): Point | undefined {
  if (!(origin.slope < 0)) return undefined;
  let previous = origin;
  let point = evaluate(first);
  for (let evaluations = 1; evaluations < MAX_EVALUATIONS; evaluations++) {
    if (!decreases(point, origin) || (evaluations > 1 && point.value >= previous.value)) {
      return zoom(evaluate, origin, previous, point);
    }
    if (Math.abs(point.slope) <= -CURVATURE * origin.slope) return point;
    if (point.slope >= 0) return zoom(evaluate, origin, point, previous);
    previous = point;
    point = evaluate(point.step * 2);
  }
  return undefined;
}

/** Narrows an interval that holds such a step (algorithm 3.6); `low` is its end with the lower value. */
function zoom(evaluate: (step: number) => Point, origin: Point, low: Point, high: Point): Point | undefined {
  for (let evaluations = 0; evaluations < MAX_EVALUATIONS; evaluations++) {
    const width = high.step - low.step;
    if (Math.abs(width) < 1e-14 * Math.max(1, Math.abs(low.step))) break;
    let step = cubicMinimum(low, high);
    // Kept off the ends, so that the interval shrinks.
    const nearest = low.step + 0.1 * width;
    const farthest = low.step + 0.9 * width;
    const [from, to] = width > 0 ? [nearest, farthest] : [farthest, nearest];
    if (!(step >= from && step <= to)) step = low.step + 0.5 * width;
    const point = evaluate(step);
    if (!decreases(point, origin) || point.value >= low.value) {
      high = point;
    } else {
      if (Math.abs(point.slope) <= -CURVATURE * origin.slope) return point;
      if (point.slope * width >= 0) high = low;
      low = point;
    }
  }
  // Rounding can hide the curvature condition close to the minimum; lower is lower all the same.
  return low.step > 0 && low.value < origin.value ? evaluate(low.step) : undefined;
}

/** The Armijo condition. False for NaN and Infinity. */
const decreases = (point: Point, origin: Point): boolean =>
  point.value <= origin.value + SUFFICIENT_DECREASE * point.step * origin.slope;

/** Minimum of the cubic through two points with their slopes (equation 3.59); NaN where there is none. */
function cubicMinimum(a: Point, b: Point): number {
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const d2 = Math.sign(b.step - a.step) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  return b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function addScaled(target: Float64Array, scale: number, source: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + scale * (source[i] as number);
}

function largest(values: Float64Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    // NaN must not pass for a small gradient.
    if (!(size <= most)) most = size;
  }
  return most;
}
