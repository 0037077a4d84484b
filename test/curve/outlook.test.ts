import { expect, it } from 'vitest';
import { errorAt, type PowerLaw, rowsFor } from '../../src/curve/law.js';
import { metricsOf, type Outlook, outlookOf, type Trained } from '../../src/curve/outlook.js';
import { reportOf } from '../../src/curve/report.js';
import { saidOf } from '../../src/curve/words.js';
import { type RowStatistic, rowStatistic } from '../../src/report/row-answers.js';
import { Random } from '../../src/util/random.js';

const SIZES = [100, 200, 400, 800, 1600, 3200];

/** Trainings whose errors follow a law: so many of the test rows are wrong, others in each training. */
function trainedBy(errorOf: (rows: number) => number, test = 2000, seeds = 3): Trained {
  const random = new Random(3, 'outlook');
  const truth = Int32Array.from({ length: test }, (_, i) => i % 2);
  const labels = ['0', '1'];
  const named = (places: Int32Array): string[] => Array.from(places, String);
  const sizes = SIZES.map((rows) => ({
    rows,
    models: Array.from({ length: seeds }, () => {
      const wrong = random.shuffle([...truth.keys()]).slice(0, Math.round(errorOf(rows) * test));
      const answers = truth.slice();
      for (const row of wrong) answers[row] = 1 - (truth[row] as number);
      const given = { truth: named(truth), answers: [named(answers)] };
      return rowStatistic('accuracy', given, 0, labels) as RowStatistic;
    }),
  }));
  return { metric: 'accuracy', rows: test, sizes };
}

const outlook = (errorOf: (rows: number) => number): Outlook => outlookOf(trainedBy(errorOf), 7);

it('finds the rows of the next point of a known law, within its interval', () => {
  const law: PowerLaw = { a: 0.02, b: 2.5, c: 0.5 };
  const { verdict, more, law: found, target } = outlook((rows) => errorAt(law, rows));
  expect(verdict).toBe('reachable');
  const truth = rowsFor(law, errorAt(law, 3200) - 0.01) - 3200;
  const { low, high } = more?.interval ?? {};
  expect(more?.value).toBeGreaterThan(truth / 1.2);
  expect(more?.value).toBeLessThan(truth * 1.2);
  expect(low as number).toBeLessThan(truth);
  expect(high ?? Number.POSITIVE_INFINITY).toBeGreaterThan(truth);
  expect(low as number).toBeGreaterThan(0);
  expect(target).toBeCloseTo(1 - errorAt(law, 3200) + 0.01, 2);
  const { a, c } = (found as NonNullable<Outlook['law']>).intervals;
  expect(a.low as number).toBeLessThanOrEqual(law.a);
  expect(a.high as number).toBeGreaterThanOrEqual(law.a);
  expect(c.low as number).toBeLessThan(law.c);
  expect(c.high as number).toBeGreaterThan(law.c);
});

it('gives no number for a curve that is flat, levels off, goes on too slowly, is no law, or may be several things', () => {
  const verdicts = {
    flat: outlook(() => 0.1),
    'levels-off': outlook((rows) => 0.1 + 300 / rows ** 1.5),
    far: outlook((rows) => errorAt({ a: 0, b: 0.0672, c: 0.1 }, rows)),
    uncertain: outlook((rows) => errorAt({ a: 0.0171, b: 2.48, c: 0.75 }, rows)),
    'no-law': outlook((rows) => ({ 400: 0.02, 800: 0.35 })[rows] ?? 0.3 - rows / 20_000),
  };
  for (const [verdict, found] of Object.entries(verdicts)) {
    expect(found.verdict).toBe(verdict);
    expect(found.more?.value ?? Number.POSITIVE_INFINITY).toBe(Number.POSITIVE_INFINITY);
  }
  const said = Object.values(verdicts).map((found) =>
    saidOf(
      trainedBy(() => 0.1),
      found,
      0.01,
    ),
  );
  expect(said[0]).toMatch(/^accuracy at 3,200 rows is not better than at 100 by more than chance/);
  expect(said[1]).toMatch(/^By its law accuracy levels off near 0\.[89]/);
  expect(said[2]).toMatch(/takes more than 32,000 rows, 10 times what was measured: too far to name a number\.$/);
  expect(said[3]).toMatch(
    /takes [\d,]+ more rows at least \(95 %\), or is not to be had: too uncertain to name a number\.$/,
  );
  expect(said[4]).toMatch(/^The points do not lie on a power law/);
  for (const sentence of said) expect(sentence).not.toMatch(/\$/);
});

it('says what the next point costs, and writes what a report draws', () => {
  const trained = trainedBy((rows) => errorAt({ a: 0.02, b: 2.5, c: 0.5 }, rows));
  const found = outlookOf(trained, 7);
  expect(saidOf(trained, found, 0.002)).toMatch(
    /^By its law another point of accuracy, 0\.\d{4}, takes about [\d,]+ more rows \(95 % [\d,]+ to (no end|[\d,]+)\), about \$[\d.]+ \(95 % \$[\d.]+ to (no end|\$[\d.]+)\)\.$/,
  );
  const about = { task: 'classification', model: 'logistic', rows: 3200, unlabelled: 0, seed: 7, usdPerRow: 0.002 };
  const report = reportOf(trained, found, about);
  expect(report.next?.usd?.value).toBeCloseTo((report.next?.rows.value as number) * 0.002, 4);
  expect(report.curve).toHaveLength(33);
  expect(report.curve[0]?.rows).toBe(100);
  for (const { value, low, high } of report.curve) {
    expect(low as number).toBeLessThanOrEqual(value);
    expect(high as number).toBeGreaterThanOrEqual(value);
  }
  expect(report.points.map(({ mean }) => mean)).toEqual(
    metricsOf(trained).map((values) => Number((values.reduce((sum, value) => sum + value) / 3).toPrecision(6))),
  );
  expect(reportOf(trained, outlookOf(trained, 7), about)).toEqual(report);
});

it('takes what has a unit as the error itself, and a hundredth of it as a point', () => {
  // What is said of a row is off by its own share of the error, on average by one and a half of it.
  const off = (row: number): number => 1 + (row % 11) / 10;
  const truth = Array.from({ length: 500 }, (_, row) => (37 * row) % 101);
  const law: PowerLaw = { a: 2, b: 60, c: 0.5 };
  const sizes = SIZES.map((rows) => {
    const said = truth.map((score, row) => score + (errorAt(law, rows) / 1.5) * off(row));
    return { rows, models: [0, 1].map(() => rowStatistic('mae', { truth, answers: [said] }, 0, []) as RowStatistic) };
  });
  const trained: Trained = { metric: 'mae', rows: truth.length, sizes };
  const found = outlookOf(trained, 7);
  expect(found.verdict).toBe('reachable');
  const last = errorAt(law, 3200);
  expect(found.target).toBeCloseTo(0.99 * last, 1);
  const more = rowsFor(law, 0.99 * last) - 3200;
  expect(Math.abs((found.more?.value as number) / more - 1)).toBeLessThan(0.1);
  expect(found.gain.value).toBeGreaterThan(4);
  expect(found.law?.limit.value).toBeCloseTo(2, 1);
  expect(saidOf(trained, found, undefined)).toMatch(/^By its law another hundredth off MAE, 3\.0\d\d, takes about \d/);
});
