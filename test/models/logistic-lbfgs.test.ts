import { expect, test } from 'vitest';
import { minimise } from '../../src/models/logistic/lbfgs.js';

const rosenbrock = (x: Float64Array, gradient: Float64Array): number => {
  gradient.fill(0);
  let value = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const [a, b] = [x[i] as number, x[i + 1] as number];
    value += 100 * (b - a * a) ** 2 + (1 - a) ** 2;
    gradient[i] = (gradient[i] as number) - 400 * a * (b - a * a) - 2 * (1 - a);
    gradient[i + 1] = (gradient[i + 1] as number) + 200 * (b - a * a);
  }
  return value;
};

test.each([2, 10, 100])('finds the minimum of Rosenbrock in %i dimensions', async (n) => {
  const start = Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1.2 : 1));
  const before = Float64Array.from(start);
  const result = await minimise(rosenbrock, start, { tolerance: 1e-8, maxIterations: 2000 });
  expect(result.converged).toBe(true);
  // In 4 dimensions and more there is a second local minimum, near (−1, 1, 1, …), of value 3.99.
  if (n === 2) for (const x of result.x) expect(x).toBeCloseTo(1, 7);
  const gradient = new Float64Array(n);
  rosenbrock(result.x, gradient);
  expect(Math.max(...gradient.map(Math.abs))).toBeLessThanOrEqual(1e-8);
  expect(start).toEqual(before);
});

test('an ill-conditioned quadratic, to its known minimum', async () => {
  const scale = Float64Array.from({ length: 50 }, (_, i) => 10 ** (i / 10));
  const objective = (x: Float64Array, gradient: Float64Array): number => {
    let value = 0;
    for (let i = 0; i < x.length; i++) {
      const d = (x[i] as number) - i;
      gradient[i] = (scale[i] as number) * d;
      value += 0.5 * (scale[i] as number) * d * d;
    }
    return value;
  };
  const result = await minimise(objective, new Float64Array(50), { tolerance: 1e-7, maxIterations: 5000 });
  expect(result.converged).toBe(true);
  result.x.forEach((x, i) => {
    expect(x).toBeCloseTo(i, 6);
  });
});

test('every iteration goes down and is told of; the same start gives the same bytes', async () => {
  const values: number[] = [];
  const options = {
    tolerance: 1e-8,
    maxIterations: 500,
    onIteration: async (iteration: number, value: number) => {
      expect(iteration).toBe(values.push(value));
    },
  };
  const start = Float64Array.of(-1.2, 1);
  const first = await minimise(rosenbrock, start, options);
  for (let i = 1; i < values.length; i++) expect(values[i]).toBeLessThan(values[i - 1] as number);
  expect(first.iterations).toBe(values.length);
  values.length = 0;
  expect(await minimise(rosenbrock, start, options)).toEqual(first);
});

test('says that the iterations ran out', async () => {
  const result = await minimise(rosenbrock, Float64Array.of(-1.2, 1), { tolerance: 1e-8, maxIterations: 3 });
  expect([result.iterations, result.converged]).toEqual([3, false]);
});

test('what the callback throws ends it', async () => {
  const onIteration = async () => {
    throw new Error('stop');
  };
  const run = minimise(rosenbrock, Float64Array.of(-1.2, 1), { tolerance: 1e-8, maxIterations: 9, onIteration });
  await expect(run).rejects.toThrow('stop');
});

test('a function that is nowhere finite does not pass for minimised', async () => {
  const objective = (_: Float64Array, gradient: Float64Array): number => {
    gradient.fill(Number.NaN);
    return Number.NaN;
  };
  const result = await minimise(objective, new Float64Array(2), { tolerance: 1e-8, maxIterations: 9 });
  expect(result.converged).toBe(false);
});
