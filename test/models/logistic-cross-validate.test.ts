import { expect, test } from 'vitest';
import { denseRows } from '../../src/models/linear-probe.js';
import { chooseL2, STRENGTHS } from '../../src/models/logistic/cross-validate.js';
import { Random } from '../../src/util/random.js';

const COUNT = 60;
const WIDTH = 12;

/** Rows of random numbers; of the first so many, the label is the sign. */
function problem(telling: number) {
  const random = new Random(3, 'rows');
  const vectors = Float32Array.from({ length: COUNT * WIDTH }, () => random.normal());
  const targets = new Float32Array(2 * COUNT);
  for (let row = 0; row < COUNT; row++) {
    let sum = 0;
    for (let k = 0; k < telling; k++) sum += vectors[row * WIDTH + k] as number;
    const label = telling === 0 ? random.below(2) : Number(sum > 0);
    targets[2 * row + label] = 1;
  }
  const weights = new Float32Array(COUNT).fill(1);
  return { rows: denseRows(vectors, WIDTH), features: WIDTH, labels: 2, targets, weights };
}
const silent = async (): Promise<void> => {};

test('noise is best forgotten, and what tells the label is not', async () => {
  const [noise] = await chooseL2(problem(0), 1, silent);
  // Held out, nothing is better than a coin; learnt by heart it is much worse.
  expect(noise.l2).toBeGreaterThanOrEqual(100);
  expect(noise.loss).toBeGreaterThan(Math.LN2 - 0.05);
  const [clear] = await chooseL2(problem(1), 1, silent);
  expect(clear.l2).toBeLessThanOrEqual(0.1);
  expect(clear.loss).toBeLessThan(0.25);
});

test('says what each strength did, best first, and repeats itself', async () => {
  const calls: string[] = [];
  const tried = await chooseL2(problem(2), 5, async (done, total) => void calls.push(`${done}/${total}`));
  expect(calls).toEqual(Array.from({ length: 35 }, (_, i) => `${i + 1}/35`));
  expect(tried.map(({ l2 }) => l2).sort((a, b) => a - b)).toEqual(STRENGTHS);
  expect(tried.map(({ loss }) => loss)).toEqual(tried.map(({ loss }) => loss).sort((a, b) => a - b));
  expect(await chooseL2(problem(2), 5, silent)).toEqual(tried);
  expect(await chooseL2(problem(2), 6, silent)).not.toEqual(tried);
});

test('fewer rows than folds', async () => {
  const { targets, weights, ...rest } = problem(1);
  const vectors = rest.rows.values.slice(0, 3 * WIDTH);
  const few = { ...rest, rows: denseRows(vectors, WIDTH), targets: targets.slice(0, 6), weights: weights.slice(0, 3) };
  const [best] = await chooseL2(few, 1, silent);
  expect(best.loss).toBeGreaterThan(0);
});

test('many rows are tried on some of them', async () => {
  const all = problem(1);
  const whole = await chooseL2(all, 1, silent);
  expect(await chooseL2(all, 1, silent, COUNT)).toEqual(whole);
  const some = await chooseL2(all, 1, silent, 30);
  expect(some).not.toEqual(whole);
  expect(some[0].l2).toBeLessThanOrEqual(1);
  // Its loss is a mean over those rows: no label at all costs ln 2.
  expect(some.find(({ l2 }) => l2 === 1000)?.loss).toBeCloseTo(Math.LN2, 1);
});
