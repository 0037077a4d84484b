import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { writeClassLogits } from '../../src/data/logits.js';
import { saveLogistic, trainLogistic } from '../../src/models/logistic.js';
import type { Report } from '../../src/report/evaluate.js';
import { evaluate } from '../../src/steps/evaluate.js';
import type { JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { digests, type InputGiven, runStep, temporaryFolder } from './context.js';

const LABELS = ['ham', 'spam'];
const options = { word_ngrams: 1, min_count: 1, max_features: 1000, max_words: null, lowercase: true, l2: 0.1 };

/** Texts of ten words; spam has more of the words w0 … w4 than ham. */
const random = new Random(3, 'texts');
const rows = Array.from({ length: 400 }, (): Row => {
  const label = random.uniform() < 0.4 ? 'spam' : 'ham';
  const word = () => `w${random.uniform() < (label === 'spam' ? 0.55 : 0.2) ? random.below(5) : 5 + random.below(5)}`;
  const text = Array.from({ length: 10 }, word).join(' ');
  return { id: rowId(text), text, label };
});
const test200 = rows.slice(200);

async function dataset(given: readonly Row[], labels: readonly string[] = LABELS): Promise<InputGiven> {
  const path = await temporaryFolder();
  await writeDataset(path, labels, given);
  return { kind: 'dataset', path };
}

async function model(from: string, trainRows: number, words: number | null, labels = LABELS): Promise<InputGiven> {
  const path = await temporaryFolder();
  const used = rows.slice(0, trainRows);
  const targets = Float32Array.from(used.flatMap(({ label }) => labels.map((_, k) => (LABELS[k] === label ? 1 : 0))));
  const trained = await trainLogistic({
    texts: used.map(({ text }) => text),
    targets,
    labels,
    options: { ...options, max_words: words },
  });
  await saveLogistic(path, trained, { rows: trainRows, labelled: Math.min(trainRows, 150) });
  return { kind: 'model', path, from };
}

const failure = (given: { options?: JsonObject; inputs: Record<string, InputGiven | InputGiven[]> }) =>
  runStep(evaluate, { options: given.options ?? {}, inputs: given.inputs }).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a teacher, two students and a baseline', () => {
  const run = async () => {
    const inputs = {
      data: await dataset([...test200, { id: rowId('?'), text: '?', label: null }]),
      teacher: await model('big', 200, null),
      baseline: await model('baseline', 12, 3),
      students: [await model('student', 150, 6), await model('other', 30, null)],
    };
    return runStep(evaluate, { options: { expect: { retention: '>= 0.5', size_ratio: '<= 1' } }, inputs });
  };
  let context: Awaited<ReturnType<typeof run>>;
  let report: Report;
  let predictions: {
    id: string;
    label: string;
    predictions: { model: string; label: string; probabilities: number[] }[];
  }[];

  // `onTestFinished` wants a test, so the run is one and the others read what it left.
  test('runs', async () => {
    context = await run();
    const folder = context.outputs.report as string;
    report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    const lines = (await readFile(join(folder, 'predictions.jsonl'), 'utf8')).trimEnd().split('\n');
    predictions = lines.map((line) => JSON.parse(line));
    const again = await run();
    expect(await digests(again.outputs.report as string)).toEqual(await digests(folder));
  });

  test('the report has every model, the teacher first and the baseline last', () => {
    expect(report.models.map(({ name, role }) => [name, role])).toEqual([
      ['big', 'teacher'],
      ['student', 'student'],
      ['other', 'student'],
      ['baseline', 'baseline'],
    ]);
    expect(report.test).toEqual({ rows: 200, unlabelled: 1 });
    expect(report.models[1]?.trained_on).toEqual({ rows: 150, labelled: 150 });
    expect(report.expectations.map(({ figure, met }) => [figure, met])).toEqual([
      ['retention', true],
      ['size_ratio', true],
    ]);
  });

  test('the figures are those of the predictions', () => {
    expect(predictions.map(({ id, label }) => [id, label])).toEqual(test200.map(({ id, label }) => [id, label]));
    report.models.forEach((figures, m) => {
      const wrong = predictions.filter(({ label, predictions: all }) => all[m]?.label !== label).length;
      expect(figures.errors).toBe(wrong);
      expect(figures.accuracy).toBe((200 - wrong) / 200);
      expect(predictions.every(({ predictions: all }) => all[m]?.model === figures.name)).toBe(true);
    });
    for (const { predictions: all } of predictions) {
      for (const { label, probabilities } of all) {
        expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        expect(LABELS[(probabilities[1] as number) > (probabilities[0] as number) ? 1 : 0]).toBe(label);
      }
    }
    const [teacher, student, , baseline] = report.models;
    expect(teacher?.retention).toBeNull();
    expect(student?.retention?.macro_f1.value).toBeCloseTo((student?.macro_f1 ?? 0) / (teacher?.macro_f1 ?? 0), 12);
    expect(student?.size_ratio).toBe((student?.parameters ?? 0) / (teacher?.parameters ?? 0));
    expect(student?.baseline?.error_ratio.value).toBe((student?.errors ?? 0) / (baseline?.errors ?? 0));
    expect(baseline?.baseline).toBeNull();
    expect(baseline?.retention?.macro_f1.value).toBeLessThan(1);
  });

  test('times are measured, and are not in the report', () => {
    const timing = context.measured.timing as { threads: number; models: { name: string; median_ms: number }[] };
    expect(timing.threads).toBe(2);
    expect(timing.models.map(({ name }) => name)).toEqual(['big', 'student', 'other', 'baseline']);
    for (const { median_ms } of timing.models) expect(median_ms).toBeGreaterThan(0);
    expect(JSON.stringify(report)).not.toMatch(/_ms|threads/);
  });

  test('one table is shown, with what one must know to read it', () => {
    const [table] = context.tables;
    expect(context.tables).toHaveLength(1);
    expect(table?.columns.map(({ label }) => label)).toEqual([
      'model',
      'accuracy',
      'macro-F1',
      'AUC',
      'ECE',
      'retention',
      'parameters',
      'bytes',
      'ms/text',
      'errors',
      '÷ baseline [95 %]',
    ]);
    expect(table?.rows.map(([name]) => name)).toEqual(['big (teacher)', 'student', 'other', 'baseline']);
    expect(table?.rows.every((row) => row.length === 11)).toBe(true);
    expect(table?.rows[1]?.[10]).toMatch(/^\d\.\d\d \[\d\.\d\d, \d\.\d\d\]$/);
    const notes = table?.notes.join('\n');
    expect(notes).toMatch(/^200 test rows; 1 without a label left out\. Test noise: ± \d\.\d points of accuracy/);
    expect(notes).toContain('big (teacher): trained on 200 rows, 150 with real labels.');
    expect(notes).toContain('student: trained on 150 rows, all with real labels.');
    expect(notes).toMatch(/Expected retention >= 0\.5: met, [01]\.\d{4}\./);
  });

  test('progress names the model and ends', () => {
    const phases = [...new Set(context.progress.map(({ phase }) => phase))];
    expect(phases.slice(0, 2)).toEqual(['big', 'big, timing']);
    expect(context.progress.at(-1)).toMatchObject({ done: 200, total: 200 });
  });
});

test('students alone: no column speaks of a teacher or a baseline', async () => {
  const context = await runStep(evaluate, {
    options: { title: 'Mine' },
    inputs: { data: await dataset(test200), students: [await model('student', 100, null)] },
  });
  const [table] = context.tables;
  expect(table?.title).toBe('Mine');
  expect(table?.columns.map(({ label }) => label)).toEqual([
    'model',
    'accuracy',
    'macro-F1',
    'AUC',
    'ECE',
    'parameters',
    'bytes',
    'ms/text',
    'errors',
  ]);
});

describe('a teacher alone', () => {
  test('is judged without a student', async () => {
    const inputs = { data: await dataset(test200), teacher: await model('big', 200, null) };
    const options = { expect: { teacher: { macro_f1: '>= 0.5', parameters: '<= 1e3' } } };
    const { tables, outputs } = await runStep(evaluate, { options, inputs });
    const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as Report;
    expect(report.expectations.map(({ figure, met }) => [figure, met])).toEqual([
      ['teacher.macro_f1', true],
      ['teacher.parameters', true],
    ]);
    expect(tables[0]?.columns.map(({ label }) => label)).not.toContain('retention');
  });

  test('that is not good enough fails the step, and its figures are named', async () => {
    const inputs = {
      data: await dataset(test200),
      teacher: await model('big', 20, 1),
      students: [await model('student', 150, 6)],
    };
    const options = { expect: { accuracy: '> 0.1', teacher: { accuracy: '>= 0.99', parameters: '> 1000000' } } };
    const error = await failure({ options, inputs });
    expect(error).toMatchObject({ reason: 'expectation', pointer: '/expect/teacher/accuracy' });
    expect((error as Error).message).toMatch(
      /^big misses what the recipe expects of the teacher: accuracy is 0\.\d{4}, expected >= 0\.99; parameters is \d+, expected > 1000000$/,
    );
  });
});

describe('costs that are expected', () => {
  const run = async (expectation: JsonObject) => {
    const students = [await model('student', 150, 6)];
    const inputs = { data: await dataset(test200), teacher: await model('big', 200, null), students };
    return runStep(evaluate, { options: { expect: expectation, usd_per_hour: 3.6 }, inputs });
  };

  test('are measured, and are in no report', async () => {
    const context = await run({
      p95_ms: '< 1e4',
      texts_per_second: '> 0.1',
      batch32_p50_ms: '>0',
      price_ratio: '>= 0',
    });
    const timing = context.measured.timing as unknown as {
      models: {
        median_ms: number;
        batch: { size: number; batches: number; median_ms: number };
        usd_per_million: number;
      }[];
      expectations: { figure: string; met: boolean; value: number }[];
    };
    expect(timing.expectations.map(({ figure, met }) => [figure, met])).toEqual([
      ['p95_ms', true],
      ['texts_per_second', true],
      ['batch32_p50_ms', true],
      ['price_ratio', true],
    ]);
    const [teacher, student] = timing.models;
    // 3.6 dollars an hour are a thousandth of a dollar for a second.
    expect(student?.usd_per_million).toBeCloseTo(student?.median_ms as number, 9);
    expect(student?.batch).toMatchObject({ size: 32, batches: 6 });
    expect(timing.expectations[3]?.value).toBe((student?.usd_per_million ?? 0) / (teacher?.usd_per_million ?? 1));
    expect(await readFile(join(context.outputs.report as string, 'report.json'), 'utf8')).not.toContain('p95_ms');
    expect(context.tables).toHaveLength(1);
    expect(context.tables[0]?.notes.join('\n')).toMatch(/Expected texts_per_second > 0\.1: met/);
  });

  test('that are not met fail the step', async () => {
    const error = await run({ p95_ms: '< 0' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'expectation', pointer: '/expect/p95_ms' });
  });

  test('batches are not timed where nobody asks', async () => {
    const context = await run({ accuracy: '> 0' });
    const timing = context.measured.timing as unknown as { models: { batch?: object; memory?: number }[] };
    expect(timing.models.map(({ batch, memory }) => [batch, memory])).toEqual(Array(2).fill([undefined, undefined]));
  });
});

describe('slices', () => {
  const senders = ['anna', 'bert', 'carl'];
  const sent = test200.map((row, i): Row => {
    const sender = senders[i % 10 === 0 ? 2 : i % 2];
    return i === 7 ? row : { ...row, fields: { sender: sender as string } };
  });

  test('are of all models, by the values of a field, and add up', async () => {
    const inputs = {
      data: await dataset(sent),
      teacher: await model('big', 200, null),
      students: [await model('student', 30, 4)],
    };
    const { outputs, tables } = await runStep(evaluate, { options: { slices: ['sender'] }, inputs });
    const folder = outputs.report as string;
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
    const [by] = report.slices;
    expect(by).toMatchObject({ field: 'sender', values: 3 });
    expect(by?.slices.map(({ value, of, rows, small }) => [value, of, rows, small])).toEqual([
      ['bert', 'value', 99, false],
      ['anna', 'value', 80, false],
      ['carl', 'value', 20, true],
      [null, 'without', 1, true],
    ]);
    report.models.forEach(({ errors }, m) => {
      expect(by?.slices.reduce((sum, { models }) => sum + (models[m]?.errors ?? 0), 0)).toBe(errors);
    });
    expect(tables[1]?.title).toBe('Evaluation: accuracy by sender');
    expect(tables[1]?.rows[2]?.slice(0, 2)).toEqual(['carl', '20*']);
    expect(tables[1]?.columns.map(({ label }) => label)).toEqual(['sender', 'rows', 'big (teacher)', 'student']);
  });

  test('of a field that there is not name the one that is meant', async () => {
    const inputs = { data: await dataset(sent), students: [await model('student', 30, 4)] };
    expect(await failure({ options: { slices: ['sendr'] }, inputs })).toMatchObject({
      reason: 'no-field',
      message: 'no row to evaluate on has a field "sendr"; there are sender',
      hint: 'Did you mean "sender"?',
      pointer: '/slices/0',
    });
    expect(
      await failure({ options: { slices: ['sender'] }, inputs: { ...inputs, data: await dataset(test200) } }),
    ).toMatchObject({ message: 'no row to evaluate on has a field "sender", or any other' });
  });
});

test('the worst errors are the surest wrong answers, beside the teacher’s', async () => {
  const inputs = {
    data: await dataset(
      test200.map((row, i) => (i === 0 ? { ...row, text: `${row.text} ${'long '.repeat(100)}` } : row)),
    ),
    teacher: await model('big', 200, null),
    students: [await model('student', 12, 3)],
  };
  const { outputs } = await runStep(evaluate, { options: {}, inputs });
  const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as Report;
  const worst = report.models[1]?.worst_errors ?? [];
  expect(worst).toHaveLength(20);
  for (const [i, { answer, label, probability, id, text, teacher }] of worst.entries()) {
    expect(answer).not.toBe(label);
    expect(test200.find((row) => row.id === id)?.label).toBe(label);
    expect(text.length).toBeLessThanOrEqual(300);
    expect(LABELS).toContain(teacher?.answer);
    const next = worst[i + 1];
    if (next) expect(probability > next.probability || (probability === next.probability && id < next.id)).toBe(true);
  }
  expect(report.models[0]?.worst_errors.every(({ teacher }) => teacher === null)).toBe(true);
});

describe('what can go wrong', () => {
  let student: () => Promise<InputGiven[]>;
  beforeAll(() => {
    student = async () => [await model('student', 100, null)];
  });

  test('an expectation that is not met: the report is shown, then the figures are named', async () => {
    const inputs = { data: await dataset(test200), students: await student() };
    const error = await failure({ options: { expect: { macro_f1: '> 0.9999', accuracy: '<=0.1' } }, inputs });
    expect(error).toMatchObject({ name: 'StepFailure', reason: 'expectation', pointer: '/expect/macro_f1' });
    expect((error as Error).message).toMatch(
      /^student misses what the recipe expects: macro_f1 is 0\.\d{4}, expected > 0\.9999; accuracy is 0\.\d{4}, expected <=0\.1$/,
    );
  });

  test.each(['0.97', '== 1', '>= x', '>= 97 %', ''])('the schema refuses the comparison "%s"', async (macro_f1) => {
    const error = await failure({ options: { expect: { macro_f1 } }, inputs: {} });
    expect((error as Error).message).toContain('must be a comparison with a number, such as ">= 0.97"');
  });

  test.each([
    ['empty-data', 'the data to evaluate on has no rows', []],
    [
      'unlabelled-data',
      'none of the 2 rows to evaluate on has a label',
      test200.slice(0, 2).map((row) => ({ ...row, label: null })),
    ],
    ['too-few-rows', 'only one row to evaluate on has a label: that says nothing of a model', test200.slice(0, 1)],
  ])('%s', async (reason, message, given) => {
    const inputs = { data: await dataset(given), students: await student() };
    expect(await failure({ inputs })).toMatchObject({ reason, message });
  });

  test('a model with other labels', async () => {
    const inputs = { data: await dataset(test200, ['ham', 'news', 'spam']), students: await student() };
    expect(await failure({ inputs })).toMatchObject({
      reason: 'labels-differ',
      message: 'the model of "student" has other labels than the data: it does not know "news"',
    });
    const third = await model('student', 100, null, ['ham', 'spam', 'x']);
    expect(await failure({ inputs: { data: await dataset(test200), students: [third] } })).toMatchObject({
      message: 'the model of "student" has other labels than the data: the data does not have "x"',
    });
    const turned = await model('student', 100, null, ['spam', 'ham']);
    expect(await failure({ inputs: { data: await dataset(test200), students: [turned] } })).toMatchObject({
      message:
        'the model of "student" has other labels than the data: "spam", "ham" against "ham", "spam", in another order',
    });
  });

  test('a stop ends it', async () => {
    const controller = new AbortController();
    controller.abort();
    const inputs = { data: await dataset(test200), students: await student() };
    await expect(runStep(evaluate, { options: {}, inputs, signal: controller.signal })).rejects.toThrow('aborted');
  });
});

describe('a teacher behind an API', () => {
  test('is judged alone, too', async () => {
    const inputs = {
      data: await dataset(test200),
      answers: await answered(test200.slice(2)),
      usage: { kind: 'measurement', value: { usd_a_thousand: 1.25 } },
    };
    const options = { expect: { teacher: { accuracy: '>= 0.99', usd_per_million: '<= 1250' } }, cost: true };
    const { tables, measured } = await runStep(evaluate, { options, inputs });
    expect(tables[0]?.notes.join('\n')).not.toContain('ms/text');
    expect(tables[0]?.notes.at(-1)).toBe('Expected teacher.usd_per_million <= 1250: met, 1250.0000.');
    expect(tables[1]?.rows[0]?.slice(1)).toEqual(['–', '–', '–', '–', '–', '–', '–', '–', '1,250', '']);
    expect(measured.timing).toMatchObject({ models: [{ name: 'oracle', usd_per_million: 1250 }] });
  });

  const answered = async (given: readonly Row[]): Promise<InputGiven> => {
    const path = await temporaryFolder();
    async function* logits() {
      for (const { id, label } of given) yield { id, logits: Float32Array.of(label === 'ham' ? 2 : -1, 0) };
    }
    await writeClassLogits(path, { labels: LABELS, teacher: { name: 'oracle', revision: '1' } }, logits());
    return { kind: 'logits', path, from: 'oracle' };
  };

  test('that answered nothing is not judged', async () => {
    const inputs = { data: await dataset(test200), answers: await answered(rows.slice(0, 2)) };
    expect(await failure({ inputs })).toMatchObject({ reason: 'unanswered' });
  });

  test('is compared by what it answered, and by what that cost', async () => {
    const { tables, logs, outputs } = await runStep(evaluate, {
      options: { expect: { retention: '> 0.5' }, usd_per_hour: 3.6 },
      inputs: {
        data: await dataset(test200),
        answers: await answered(test200.slice(2)),
        usage: { kind: 'measurement', value: { usd_a_thousand: 1.25 } },
        students: await model('student', 150, 6),
      },
    });
    const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as Report;
    expect(report.models.map(({ role, parameters, errors }) => [role, parameters === null, errors])).toEqual([
      ['teacher', true, 2],
      ['student', false, report.models[1]?.errors],
    ]);
    expect(report.models[1]?.size_ratio).toBeNull();
    const [teacher] = report.models;
    // Right wherever it answered, with p = 1 / (1 + e⁻²) or 1 / (1 + e⁻¹).
    expect(teacher).toMatchObject({ unanswered: 2, roc_auc: 1, worst_errors: [] });
    expect(teacher?.log_loss).toBeLessThan(Math.log1p(Math.exp(-1)));
    const unanswered = new Set(test200.slice(0, 2).map(({ id }) => id));
    for (const { id, teacher } of report.models[1]?.worst_errors ?? [])
      expect(teacher === null).toBe(unanswered.has(id));
    const [head, ...body] = [tables[0]?.columns.map(({ label }) => label), ...(tables[0]?.rows ?? [])];
    const at = head?.indexOf('$/1,000') ?? -1;
    expect(body[0]?.[at]).toBe('1.3');
    // 3.6 dollars an hour are 0.001 for a second, as many as for a thousand texts of a millisecond each.
    expect(Number(body[1]?.[at])).toBeCloseTo(Number(body[1]?.[head?.indexOf('ms/text') ?? -1]) / 1000, 2);
    expect(logs[0]?.message).toBe('oracle did not answer 2 of 200 rows: they count as wrong');
  });
});
