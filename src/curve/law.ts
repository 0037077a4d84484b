import { levenbergMarquardt } from 'ml-levenberg-marquardt';
import { mean } from '../util/numbers.js';

/** error = a + b · n^−c after n training rows; none is negative. */
export interface PowerLaw {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** What was measured: `errors[i]` after `rows[i]` training rows. */
export interface Measured {
  readonly rows: readonly number[];
  readonly errors: readonly number[];
}

/** Exponents that a fit starts from; the best of its ends is taken. Measured ones are mostly between 0.1 and 1. */
const STARTS = [0.1, 0.3, 1, 2];
const STEEPEST = 10;
/** From afar, and from near. */
const ITERATIONS = { far: 200, near: 40 };

/**
 * Least squares of a power law with an asymptote (Cortes et al., Learning curves, 1993) by Levenberg and Marquardt.
 * @param near where to start, if it is known already; else several exponents are tried
 * @returns undefined where all errors are the same: then any exponent fits
 */
export function fitLaw({ rows, errors }: Measured, near?: PowerLaw): PowerLaw | undefined {
  // Rows and errors of the order of one, so that the three parameters are, too.
  const least = Math.min(...rows);
  const scale = Math.max(...errors);
  if (scale === Math.min(...errors)) return undefined;
  const data = { x: rows.map((n) => n / least), y: errors.map((error) => error / scale) };
  const starts = near
    ? [[near.a / scale, (near.b * least ** -near.c) / scale, near.c]]
    : STARTS.map((c) => [...line(data.x, data.y, c), c]);
  const ends = starts.map((initialValues) =>
    levenbergMarquardt(
      data,
      ([a, b, c]) =>
        (x) =>
          (a as number) + (b as number) * x ** -(c as number),
      {
        initialValues,
        jacobianFunction:
          ([, b, c]) =>
          (x) => {
            const power = x ** -(c as number);
            return [1, power, -(b as number) * power * Math.log(x)];
          },
        minValues: [0, 0, 0],
        maxValues: [1, Number.MAX_SAFE_INTEGER, STEEPEST],
        maxIterations: near ? ITERATIONS.near : ITERATIONS.far,
        errorTolerance: 0,
      },
    ),
  );
  const best = ends.reduce((one, other) => (other.parameterError < one.parameterError ? other : one));
  const [a, b, c] = best.parameterValues as [number, number, number];
  return { a: a * scale, b: b * scale * least ** c, c };
}

/** With a given exponent the law is a line in x^−c: its least squares, neither number below zero. */
function line(x: readonly number[], y: readonly number[], c: number): [a: number, b: number] {
  const powers = x.map((each) => each ** -c);
  const [p, q] = [mean(powers), mean(y)];
  const slope =
    powers.reduce((sum, power, i) => sum + (power - p) * ((y[i] as number) - q), 0) /
    powers.reduce((sum, power) => sum + (power - p) ** 2, 0);
  const b = Math.max(0, slope);
  return [Math.max(0, q - b * p), b];
}

export const errorAt = ({ a, b, c }: PowerLaw, rows: number): number => a + b * rows ** -c;

/** Rows after which the error has fallen to this; Infinity if it never does. */
export function rowsFor({ a, b, c }: PowerLaw, error: number): number {
  if (error <= a || c === 0) return Number.POSITIVE_INFINITY;
  return (b / (error - a)) ** (1 / c);
}
