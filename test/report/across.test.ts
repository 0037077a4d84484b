import { describe, expect, test } from 'vitest';
import { type Contender, compareModels } from '../../src/report/across.js';
import { comparisonTable } from '../../src/report/across-table.js';
import { scoreQuality } from '../../src/report/correlation.js';
import { holm } from '../../src/report/holm.js';
import { mcnemar } from '../../src/report/intervals.js';
import { labelsQuality } from '../../src/report/many-labels.js';
import { confusionOf, qualityOf } from '../../src/report/metrics.js';
import { paretoFront } from '../../src/report/pareto.js';
import { rankingOf } from '../../src/report/ranking.js';
import { readRowAnswers, rightRows, rowStatistic } from '../../src/report/row-answers.js';
import { tagQuality } from '../../src/report/tags.js';
import type { Json } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';

const ROWS = 60;
const random = new Random(2, 'across');
const ids = Array.from({ length: ROWS }, (_, i) => `r${String(i).padStart(2, '0')}`);
const all = Int32Array.from(ids.keys());
const lines = (of: (row: number) => Record<string, Json>): string =>
  ids.map((id, row) => `${JSON.stringify({ id, ...of(row) })}\n`).join('');
const choices = (of: readonly string[]): string[] => ids.map(() => of[random.below(of.length)] as string);

describe('figures made of predictions.jsonl are those of the report', () => {
  test('macro-F1 and accuracy', () => {
    const labels = ['a', 'b', 'c'];
    const [truth, said] = [choices(labels), choices(labels)];
    const found = readRowAnswers(
      lines((row) => ({ label: truth[row] as string, predictions: [{ model: 'm', label: said[row] as string }] })),
    );
    const places = (names: readonly string[]) => Int32Array.from(names, (name) => labels.indexOf(name));
    const { macroF1, accuracy, errors } = qualityOf(confusionOf(places(truth), places(said), 3), labels);
    expect(rowStatistic('macro_f1', found, 0, labels)?.(all)).toBeCloseTo(macroF1, 12);
    expect(rowStatistic('accuracy', found, 0, labels)?.(all)).toBeCloseTo(accuracy, 12);
    expect(rightRows('macro_f1', found, 0)?.filter((right) => !right)).toHaveLength(errors);
  });

  test('entity F1 and accuracy of words, some of them unread or not known', () => {
    const tags = ['B-x', 'I-x', 'O'];
    const rows = ids.map(() => ({ truth: choices(tags).slice(0, 8), predicted: choices(tags).slice(0, 8) }));
    const found = readRowAnswers(
      lines((row) => {
        const { truth, predicted } = rows[row] as (typeof rows)[number];
        const answer = [...predicted.slice(0, 7), null, 'O'];
        return { truth: [...truth, null], predictions: [{ model: 'm', answer }] };
      }),
    );
    const places = (names: readonly string[]) => Int32Array.from(names, (name) => tags.indexOf(name));
    const judged = rows.map(({ truth, predicted }) => ({
      truth: places(truth),
      predicted: Int32Array.from([...places(predicted.slice(0, 7)), -1]),
    }));
    const { words, entities } = tagQuality(judged, tags);
    expect(rowStatistic('entity_f1', found, 0, tags)?.(all)).toBeCloseTo(entities?.f1 as number, 12);
    expect(rowStatistic('accuracy', found, 0, tags)?.(all)).toBeCloseTo(words.accuracy, 12);
  });

  test('micro- and macro-F1 of several labels, and figures of scores', () => {
    const labels = ['a', 'b', 'c'];
    const bits = ids.map(() => Uint8Array.from(labels, () => random.below(2)));
    const given = ids.map(() => Uint8Array.from(labels, () => random.below(2)));
    const named = (own: Uint8Array | undefined): string[] => labels.filter((_, k) => own?.[k] === 1);
    const many = readRowAnswers(
      lines((row) => ({
        truth: named(bits[row]),
        predictions: [{ model: 'm', answer: { labels: named(given[row]), probabilities: [] } }],
      })),
    );
    const { microF1, macroF1 } = labelsQuality(bits, given, labels);
    expect(rowStatistic('micro_f1', many, 0, labels)?.(all)).toBeCloseTo(microF1, 12);
    expect(rowStatistic('macro_f1', many, 0, labels)?.(all)).toBeCloseTo(macroF1, 12);
    // Of some rows, which may repeat.
    const some = Int32Array.of(3, 5, 5, 8, 1);
    const drawn = (from: readonly Uint8Array[]) => Array.from(some, (row) => from[row] as Uint8Array);
    const again = labelsQuality(drawn(bits), drawn(given), labels);
    expect(rowStatistic('macro_f1', many, 0, labels)?.(some)).toBeCloseTo(again.macroF1, 12);
    const [truth, said] = [ids.map(() => random.uniform()), ids.map(() => random.uniform())];
    const scores = readRowAnswers(
      lines((row) => ({ truth: truth[row] as number, predictions: [{ model: 'm', answer: said[row] as number }] })),
    );
    for (const [figure, value] of Object.entries(scoreQuality(Float64Array.from(truth), Float64Array.from(said)))) {
      expect(rowStatistic(figure, scores, 0, [])?.(all)).toBeCloseTo(value, 12);
    }
    expect(rowStatistic('perplexity', scores, 0, [])).toBeUndefined();
  });

  test('the mean reciprocal rank of pairs, each among those that do not belong to its text', () => {
    const truth = ids.map((_, row) => ({ text: `t${row % 7}`, belongs: random.below(3) === 0 }));
    const said = ids.map(() => random.uniform());
    const ranking = rankingOf(truth.map((pair, row) => ({ ...pair, score: said[row] as number })));
    const statistic = rowStatistic('mrr', { truth, answers: [said] }, 0, []);
    expect(statistic?.(all)).toBeCloseTo(ranking.mrr as number, 12);
    expect(statistic?.(all.filter((row) => !truth[row]?.belongs))).toBeNaN();
  });
});

test('rows come in the order of their ids', () => {
  const line = (id: string, label: string): string =>
    JSON.stringify({ id, label, predictions: [{ model: 'm', label }] });
  const { ids: order, answers } = readRowAnswers(`${line('b', 'x')}\n${line('a', 'y')}\n`);
  expect(order).toEqual(['a', 'b']);
  expect(answers).toEqual([['y', 'x']]);
});

/** A model that is right on the rows below `right`. */
const contender = (name: string, right: number, more: Partial<Contender> = {}): Contender => ({
  name,
  role: 'student',
  type: 'bert',
  runs: [1],
  parameters: 10,
  bytes: 40,
  ms: 1,
  p95_ms: 2,
  statistic: (sample) => sample.filter((row) => row < right).length / sample.length,
  right: ids.map((_, row) => row < right),
  ...more,
});

describe('models side by side', () => {
  const models = [
    contender('small', 40, { bytes: 10, ms: 0.5 }),
    contender('teacher', 58, { role: 'teacher', bytes: 400, ms: 9 }),
    contender('best', 50, { bytes: 100, ms: 3 }),
    contender('beaten', 45, { bytes: 100, ms: 4, runs: [2] }),
    contender('api', 57, { role: 'teacher', bytes: null, ms: null, parameters: null }),
  ];
  const found = compareModels('accuracy', ROWS, models, 7);
  const of = (name: string) => found.models.find((model) => model.name === name);

  test('are ordered, and held against the best student', () => {
    expect(found.models.map(({ name }) => name)).toEqual(['teacher', 'api', 'best', 'beaten', 'small']);
    expect(of('best')).toMatchObject({ difference: null, mcnemar_p: null });
    const { difference } = of('small') as NonNullable<ReturnType<typeof of>>;
    expect(difference?.value).toBeCloseTo(-10 / ROWS, 12);
    expect(difference?.interval?.high).toBeLessThan(0);
    expect(difference?.interval?.low).toBeLessThan(-10 / ROWS);
  });

  test('McNemar’s test is of the rows that one alone gets right, corrected for all tests', () => {
    const p = holm([mcnemar(0, 8), mcnemar(0, 7), mcnemar(5, 0), mcnemar(10, 0)]);
    expect(found.models.flatMap(({ mcnemar_p }) => mcnemar_p ?? [])).toEqual(p);
  });

  test('where answers are right by degrees the p is of the resamples, corrected for all tests', () => {
    const graded = models.map((model) => ({ ...model, right: undefined }));
    const compared = compareModels('rouge_l', ROWS, graded, 7).models;
    expect(compared.map(({ quality, difference }) => [quality, difference])).toEqual(
      found.models.map(({ quality, difference }) => [quality, difference]),
    );
    expect(compared.map(({ mcnemar_p }) => mcnemar_p)).toEqual([null, null, null, null, null]);
    expect(found.models.map(({ bootstrap_p }) => bootstrap_p)).toEqual([null, null, null, null, null]);
    const [teacher, api, , beaten, small] = compared.map(({ bootstrap_p }) => bootstrap_p as number);
    // No resample of small is on the other side: 2 / 2001, the least of four.
    expect(small).toBeCloseTo((4 * 2) / 2001, 12);
    expect(teacher).toBe(small);
    expect(beaten).toBeGreaterThan(small as number);
    expect(beaten).toBeLessThan(0.1);
    expect(api).toBeGreaterThanOrEqual(small as number);
    expect(comparisonTable({ ...found, models: compared }, ['only']).columns.map(({ label }) => label)).toContain(
      'bootstrap p',
    );
  });

  test('the Pareto fronts are of size and of time', () => {
    expect(found.models.map(({ name, pareto }) => [name, pareto])).toEqual([
      ['teacher', ['size', 'time']],
      ['api', []],
      ['best', ['size', 'time']],
      ['beaten', []],
      ['small', ['size', 'time']],
    ]);
  });

  test('the table says which run is which', () => {
    const table = comparisonTable(found, ['first, r.yaml', 'second, r.yaml']);
    expect(table.rows[3]?.slice(0, 2)).toEqual(['beaten', '2']);
    expect(table.notes).toContain('Run 2: second, r.yaml.');
    expect(table.notes.join('\n')).toContain('exact test against best of run 1');
    expect(comparisonTable(found, ['only']).columns.map(({ label }) => label)).not.toContain('run');
  });
});

test('Holm’s correction: the least p value counts all tests, the next one fewer, and none falls', () => {
  const found = holm([0.03, 0.01, 0.04, 0.02, 0.9]);
  for (const [i, p] of [0.09, 0.05, 0.09, 0.08, 0.9].entries()) expect(found[i]).toBeCloseTo(p, 12);
  expect(holm([0.7, 0.6])).toEqual([1, 1]);
});

test('equal models are both on the front, and those of unknown cost on none', () => {
  const [a, b] = [
    { quality: 1, cost: 1 },
    { quality: 1, cost: 2 },
  ];
  expect(paretoFront([a, a, b, { quality: 2, cost: null }])).toEqual([true, true, false, false]);
});
