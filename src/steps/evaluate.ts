import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, readDataset } from '../data/dataset.js';
import { pairOf } from '../data/pair.js';
import {
  defineStep,
  type InputArtifact,
  list,
  named,
  one,
  optional,
  type StepContext,
  StepFailure,
} from '../engine/step.js';
import type { Predictor } from '../models/predictor.js';
import type { Backend } from '../options/evaluate.js';
import {
  type Evaluated,
  type Evaluation,
  type Expect,
  inReadingOrder,
  predictionLines,
  type Role,
  reportOf,
  type TrainedOn,
} from '../report/evaluate.js';
import { percentile } from '../report/intervals.js';
import { type Costs, figureText, type Timing, tableOf } from '../report/table.js';

/** `schemas/steps/evaluate.schema.json` documents them. */
interface EvaluateOptions {
  readonly title: string;
  readonly expect?: Expect;
  readonly usd_per_hour: number;
  readonly backend: Backend;
}

type Context = StepContext<EvaluateOptions>;
type Result = Evaluated & { readonly timing: Timing | undefined };

/** Texts a call of `predict`, where only answers matter: it puts those of like length together. */
const BATCH = 256;
/** Texts timed one by one, at most, and texts answered before that. */
const TIMED = 200;
const WARM_UP = 10;

export const evaluate = defineStep<EvaluateOptions>({
  name: 'evaluate',
  version: 4,
  summary: 'Compares models on labelled rows: quality, size, speed, retention, errors against a baseline',
  inputs: {
    data: one('dataset'),
    teacher: named(optional('model')),
    answers: named(optional('logits')),
    usage: optional('measurement'),
    baseline: named(optional('model')),
    students: named(list('model')),
  },
  outputs: { report: 'report', timing: 'measurement' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],

  async run(ctx) {
    const { title, expect = {} } = ctx.options;
    const teacher = ctx.optionalInput('teacher');
    const answers = ctx.optionalInput('answers');
    if (teacher !== undefined && answers !== undefined) {
      throw new StepFailure(
        'two-teachers',
        'both "teacher" and "answers" are given, and there is one teacher',
        'Leave one out.',
      );
    }
    const baseline = ctx.optionalInput('baseline');
    for (const figure of ['retention', 'size_ratio'] as const) {
      if (expect[figure] !== undefined && (teacher ?? (figure === 'retention' ? answers : undefined)) === undefined) {
        throw new StepFailure(
          'no-teacher',
          `"expect" names ${figure}, which compares the student with a teacher, and there is none`,
          'Bind the input "teacher", or leave the expectation out.',
        );
      }
    }
    const data = await readTestRows(ctx.input('data').path);
    const bound: [Role, InputArtifact][] = [
      ...(teacher ? [['teacher', teacher] as [Role, InputArtifact]] : []),
      ...ctx.inputList('students').map((student): [Role, InputArtifact] => ['student', student]),
      ...(baseline ? [['baseline', baseline] as [Role, InputArtifact]] : []),
    ];
    const results: Result[] = answers === undefined ? [] : [await storedAnswers(ctx, answers, data)];
    for (const [role, artifact] of bound) results.push(await answer(ctx, role, artifact, data));

    const models = inReadingOrder(results);
    const evaluation: Evaluation = { ...data, title, models, expect, seed: ctx.seed };
    const report = reportOf(evaluation);
    const folder = await ctx.output('report');
    await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(folder, 'predictions.jsonl'), predictionLines(evaluation));
    ctx.measure('timing', {
      threads: ctx.threads,
      models: models.map(({ name, role, timing }) => ({ name, role, ...timing })),
    });
    ctx.show(
      tableOf(
        report,
        models.map(({ timing }) => timing),
        costsOf(ctx, models),
      ),
    );

    const missed = report.expectations.filter(({ met }) => !met);
    if (missed.length > 0) {
      const student = report.models.find(({ role }) => role === 'student');
      throw new StepFailure(
        'expectation',
        `${student?.name} misses what the recipe expects: ${missed
          .map(({ figure, expected, value }) => `${figure} is ${figureText(value)}, expected ${expected}`)
          .join('; ')}`,
      );
    }
  },
});

interface TestRows {
  readonly labels: readonly string[];
  readonly rows: readonly (Pick<Row, 'id' | 'text' | 'fields'> & { readonly label: string })[];
  readonly unlabelled: number;
}

/** The rows that have a label. */
async function readTestRows(folder: string): Promise<TestRows> {
  const { info, rows } = await readDataset(folder);
  const labelled = rows.flatMap(({ label, ...row }) => (label === null ? [] : [{ ...row, label }]));
  const hint = 'Bind "data" to rows whose labels are known, such as the test split.';
  if (rows.length === 0) throw new StepFailure('empty-data', 'the data to evaluate on has no rows', hint);
  if (labelled.length === 0) {
    throw new StepFailure('unlabelled-data', `none of the ${rows.length} rows to evaluate on has a label`, hint);
  }
  if (labelled.length === 1) {
    throw new StepFailure(
      'too-few-rows',
      'only one row to evaluate on has a label: that says nothing of a model',
      hint,
    );
  }
  return { labels: info.labels, rows: labelled, unlabelled: rows.length - labelled.length };
}

/** Loads one model, lets it answer every row, times it and lets it go. */
async function answer(ctx: Context, role: Role, { from, path }: InputArtifact, data: TestRows): Promise<Result> {
  const { loadPredictor } = await import('../models/index.js');
  const predictor = await loadPredictor(path, ctx.options.backend, ctx.threads);
  try {
    checkLabels(from, predictor.labels, data.labels);
    const logits = await answerAll(ctx, from, predictor, data);
    const timing = await timeOf(ctx, from, predictor, data);
    const { type, parameters, bytes } = predictor;
    return { name: from, role, type, parameters, bytes, trainedOn: await trainedOn(path), logits, timing };
  } finally {
    await predictor.close();
  }
}

function checkLabels(model: string, has: readonly string[], wanted: readonly string[]): void {
  if (has.length === wanted.length && has.every((label, k) => label === wanted[k])) return;
  const quoted = (labels: readonly string[]): string => labels.map((label) => JSON.stringify(label)).join(', ');
  const missing = wanted.filter((label) => !has.includes(label));
  const extra = has.filter((label) => !wanted.includes(label));
  const details = [
    ...(missing.length > 0 ? [`it does not know ${quoted(missing)}`] : []),
    ...(extra.length > 0 ? [`the data does not have ${quoted(extra)}`] : []),
  ];
  throw new StepFailure(
    'labels-differ',
    `the model of "${model}" has other labels than the data: ${details.join('; ') || `${quoted(has)} against ${quoted(wanted)}, in another order`}`,
    'Evaluate on rows of the corpus that the model was trained on.',
  );
}

async function answerAll(ctx: Context, name: string, predictor: Predictor, { labels, rows }: TestRows) {
  const logits = new Float32Array(rows.length * labels.length);
  for (let start = 0; start < rows.length; start += BATCH) {
    ctx.signal.throwIfAborted();
    const batch = rows.slice(start, start + BATCH);
    logits.set(await ask(predictor, batch), start * labels.length);
    await ctx.progress({ done: start + batch.length, total: rows.length, unit: 'rows', phase: name });
  }
  const broken = logits.findIndex((logit) => !Number.isFinite(logit));
  if (broken >= 0) {
    const row = rows[Math.floor(broken / labels.length)];
    throw new StepFailure(
      'not-a-number',
      `the model of "${name}" answers row ${row?.id} with ${logits[broken]}`,
      'Its training has probably diverged: lower the learning rate.',
    );
  }
  return logits;
}

/** Logits of rows. @throws StepFailure if the model compares two texts, and a row has one */
const ask = (predictor: Predictor, rows: TestRows['rows']): Promise<Float32Array> =>
  predictor.predict(
    rows.map(({ text }) => text),
    predictor.pairs && rows.map(pairOf),
  );

/** Texts spread evenly over the rows, one a call. */
async function timeOf(ctx: Context, name: string, predictor: Predictor, { rows }: TestRows): Promise<Timing> {
  const count = Math.min(TIMED, rows.length);
  const some = Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)] as (typeof rows)[0]);
  for (const row of some.slice(0, WARM_UP)) await ask(predictor, [row]);
  const times = new Float64Array(count);
  for (const [i, row] of some.entries()) {
    ctx.signal.throwIfAborted();
    const started = ctx.now();
    await ask(predictor, [row]);
    times[i] = ctx.now() - started;
    await ctx.progress({ done: i + 1, total: count, unit: 'rows', phase: `${name}, timing` });
  }
  times.sort();
  return { median_ms: percentile(times, 0.5), p95_ms: percentile(times, 0.95), rows: count };
}

/** What a teacher that is not here said of the rows, in an earlier step. Rows that it did not answer count as wrong. */
async function storedAnswers(ctx: Context, { from, path }: InputArtifact, { labels, rows }: TestRows): Promise<Result> {
  const { LogitsCache } = await import('../data/logits.js');
  const cache = await LogitsCache.open(path);
  try {
    checkLabels(from, cache.index.labels, labels);
    const logits = new Float32Array(rows.length * labels.length);
    let lacking = 0;
    rows.forEach(({ id, label }, i) => {
      if (cache.has(id)) logits.set(cache.classLogits(id), i * labels.length);
      else {
        lacking++;
        logits[i * labels.length + (label === labels[0] ? 1 : 0)] = 1;
      }
    });
    if (lacking > 0)
      ctx.log('warning', `${from} did not answer ${lacking} of ${rows.length} rows: they count as wrong`);
    return {
      name: from,
      role: 'teacher',
      type: 'api',
      parameters: null,
      bytes: null,
      trainedOn: undefined,
      logits,
      timing: undefined,
    };
  } finally {
    cache.close();
  }
}

/** What a thousand texts cost, where the teacher's bill is known. */
function costsOf(ctx: Context, models: readonly Result[]): Costs | undefined {
  const billed = (ctx.optionalInput('usage')?.value as { usd_a_thousand?: number } | undefined)?.usd_a_thousand;
  if (billed === undefined) return undefined;
  const hour = ctx.options.usd_per_hour;
  const usd = models.map(({ timing, role }) => {
    if (timing !== undefined) return (hour * timing.median_ms) / 3600;
    return role === 'teacher' ? billed : undefined;
  });
  return { usd, hour };
}

/** What the model's folder says of its training, if it does. */
async function trainedOn(folder: string): Promise<TrainedOn | undefined> {
  const recipe = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { trained_on?: TrainedOn };
  if (recipe.trained_on === undefined) return undefined;
  const { rows, labelled } = recipe.trained_on;
  return { rows, labelled };
}
