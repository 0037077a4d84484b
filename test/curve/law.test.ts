import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { errorAt, fitLaw, type Measured, type PowerLaw, rowsFor } from '../../src/curve/law.js';

interface Case extends Measured, PowerLaw {
  readonly name: string;
  readonly loss: number;
}

/** Of scipy's curve_fit, with the same bounds. */
const cases = JSON.parse(
  readFileSync(new URL('../golden/learning-curve.json', import.meta.url), 'utf8'),
) as readonly Case[];

it.each(cases)('fits as scipy does: $name', ({ rows, errors, loss, a, b, c }) => {
  const law = fitLaw({ rows, errors }) as PowerLaw;
  const own = rows.reduce((sum, n, i) => sum + (errorAt(law, n) - (errors[i] as number)) ** 2, 0);
  expect(own).toBeLessThanOrEqual(loss * (1 + 1e-6) + 1e-15);
  expect(law.a).toBeCloseTo(a, 5);
  expect(law.c).toBeCloseTo(c, 4);
  expect(law.b / b).toBeCloseTo(1, 3);
});

it('starts where it is told and ends in the same place', () => {
  const [, noisy] = cases as [Case, Case];
  const law = fitLaw(noisy, { a: 0.02, b: 1, c: 0.5 }) as PowerLaw;
  expect(law.c).toBeCloseTo(noisy.c, 4);
});

it('knows no law of errors that are all the same', () => {
  expect(fitLaw({ rows: [10, 20, 40, 80], errors: [0.1, 0.1, 0.1, 0.1] })).toBeUndefined();
});

it('says after how many rows an error is reached, or that it never is', () => {
  const law = { a: 0.02, b: 1.5, c: 0.5 };
  expect(rowsFor(law, errorAt(law, 1234))).toBeCloseTo(1234, 6);
  expect(rowsFor(law, 0.02)).toBe(Number.POSITIVE_INFINITY);
});
