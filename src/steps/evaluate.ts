import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDataset, refuseCopies } from '../data/dataset.js';
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
import { ask } from '../models/ask.js';
import type { Predictor } from '../models/predictor.js';
import type { EvaluateOptions } from '../options/evaluate.js';
import type { Cost } from '../report/cost.js';
import {
  type Evaluated,
  type Evaluation,
  inReadingOrder,
  type LabelledRow,
  type Report,
  type Role,
  reportOf,
} from '../report/evaluate.js';
import type { Expect } from '../report/expect.js';
import { predictionLines } from '../report/predictions.js';
import { sliceTable } from '../report/slices.js';
import { type Costs, nameOf, type ReportTable, tableOf } from '../report/table.js';
import { costOf, judgeCosts, showCosts } from './cost.js';
import { evaluateProblems } from './evaluate-problems.js';
import { refuseMissed } from './refuse-missed.js';
import { checkSlices } from './slices.js';
import { trainedOn } from './trained-on.js';

type Context = StepContext<EvaluateOptions>;
type Result = Evaluated & { readonly cost: Cost };

/** Texts a call of `predict`, where only answers matter: it puts those of like length together. */
const BATCH = 256;

export const evaluate = defineStep<EvaluateOptions>({
  name: 'evaluate',
  version: 6,
  summary: 'Compares models on labelled rows: quality, size, speed, retention, errors against a baseline',
  inputs: {
    data: one('dataset'),
    teacher: named(optional('model')),
    answers: named(optional('logits')),
    usage: optional('measurement'),
    baseline: named(optional('model')),
    ngram_data: named(optional('dataset')),
    students: { ...named(list('model')), optional: true },
  },
  outputs: { report: 'report', timing: 'measurement' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  problems: evaluateProblems,

  async run(ctx) {
    const { task, title, slices = [] } = ctx.options;
    const expect: Expect = ctx.options.expect ?? {};
    if (task === 'masked-language-model') return (await import('./evaluate/masked.js')).evaluateMasked(ctx);
    if (task === 'generation') return (await import('./evaluate/language.js')).evaluateLanguage(ctx);
    if (task !== 'classification') return (await import('./evaluate-task.js')).evaluateTask(ctx, task);
    const teacher = ctx.optionalInput('teacher');
    const answers = ctx.optionalInput('answers');
    const baseline = ctx.optionalInput('baseline');
    const data = await readTestRows(ctx.input('data').path);
    checkSlices(slices, data.rows);
    const bound: [Role, InputArtifact][] = [
      ...(teacher ? [['teacher', teacher] as [Role, InputArtifact]] : []),
      ...ctx.inputList('students').map((student): [Role, InputArtifact] => ['student', student]),
      ...(baseline ? [['baseline', baseline] as [Role, InputArtifact]] : []),
    ];
    const results: Result[] = answers === undefined ? [] : [await storedAnswers(ctx, answers, data)];
    for (const [role, artifact] of bound) results.push(await answer(ctx, role, artifact, data));

    const models = inReadingOrder(results);
    const evaluation: Evaluation = { ...data, title, models, slices, expect, seed: ctx.seed };
    const report = reportOf(evaluation);
    const folder = await ctx.output('report');
    await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(folder, 'predictions.jsonl'), predictionLines(evaluation));
    const expectations = [...report.expectations, ...judgeCosts(ctx, models)];
    const costs = models.map(({ cost }) => cost);
    const timings = costs.map(({ timing }) => timing);
    ctx.show(tableOf(report, timings, expectations, costsOf(ctx, costs)));
    for (const field of report.slices) ctx.show(accuracyTable(report, field));
    showCosts(ctx, models);
    refuseMissed(expectations, models);
  },
});

interface TestRows {
  readonly labels: readonly string[];
  readonly rows: readonly LabelledRow[];
  readonly unlabelled: number;
}

/** The rows that have a label. */
async function readTestRows(folder: string): Promise<TestRows> {
  const { info, rows } = await readDataset(folder);
  refuseCopies(rows, 'data');
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
async function answer(ctx: Context, role: Role, artifact: InputArtifact, data: TestRows): Promise<Result> {
  const { from, path } = artifact;
  const { loadPredictor } = await import('../models/index.js');
  const predictor = await loadPredictor(path, ctx.options.backend, ctx.threads);
  try {
    checkLabels(from, predictor.labels, data.labels);
    const logits = await answerAll(ctx, from, predictor, data);
    const cost = await costOf(ctx, artifact, data.rows, (rows) => ask(predictor, rows));
    const { type, parameters, bytes } = predictor;
    return { name: from, role, type, parameters, bytes, trainedOn: await trainedOn(path), logits, cost };
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
  const predict = predictor.many?.().predict;
  for (let start = 0; start < rows.length; start += BATCH) {
    ctx.signal.throwIfAborted();
    const batch = rows.slice(start, start + BATCH);
    logits.set(await ask(predictor, batch, predict), start * labels.length);
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

/** What a teacher that is not here said of the rows, in an earlier step. Rows that it did not answer count as wrong. */
async function storedAnswers(ctx: Context, { from, path }: InputArtifact, { labels, rows }: TestRows): Promise<Result> {
  const { LogitsCache } = await import('../data/logits.js');
  const billed = billedAThousand(ctx);
  const cache = await LogitsCache.open(path);
  try {
    checkLabels(from, cache.index.labels, labels);
    const logits = new Float32Array(rows.length * labels.length);
    const unanswered = new Set<number>();
    rows.forEach(({ id, label }, i) => {
      if (cache.has(id)) logits.set(cache.classLogits(id), i * labels.length);
      else {
        unanswered.add(i);
        logits[i * labels.length + (label === labels[0] ? 1 : 0)] = 1;
      }
    });
    if (unanswered.size === rows.length) {
      const message = `${from} answered none of the ${rows.length} rows to evaluate on`;
      throw new StepFailure('unanswered', message, 'Ask it about these rows: bind "data" of query-teacher to them.');
    }
    if (unanswered.size > 0)
      ctx.log('warning', `${from} did not answer ${unanswered.size} of ${rows.length} rows: they count as wrong`);
    return {
      name: from,
      role: 'teacher',
      type: 'api',
      parameters: null,
      bytes: null,
      trainedOn: undefined,
      logits,
      unanswered,
      cost: { timing: undefined, batch: undefined, memory: undefined, usdPerMillion: billed && 1000 * billed },
    };
  } finally {
    cache.close();
  }
}

function accuracyTable({ title, models }: Report, field: Report['slices'][number]): ReportTable {
  const names = models.map((model) => nameOf(model, models));
  return sliceTable(title, field, names, 'accuracy', ({ accuracy }) => accuracy.toFixed(4));
}

/** What a thousand texts cost, where the teacher's bill is known. */
function costsOf(ctx: Context, costs: readonly Cost[]): Costs | undefined {
  if (billedAThousand(ctx) === undefined) return undefined;
  const usd = costs.map(({ usdPerMillion: million }) => million && million / 1000);
  return { usd, hour: ctx.options.usd_per_hour };
}

/** US dollars that the teacher took for a thousand texts. */
const billedAThousand = (ctx: Context): number | undefined =>
  (ctx.optionalInput('usage')?.value as { usd_a_thousand?: number } | undefined)?.usd_a_thousand;
