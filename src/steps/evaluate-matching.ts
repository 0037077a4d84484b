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
import { ask } from '../models/ask.js';
import type { Predictor } from '../models/predictor.js';
import type { EvaluateMatchingOptions } from '../options/evaluate-matching.js';
import type { Timing } from '../report/cost.js';
import { matchLines } from '../report/match-answers.js';
import {
  type MatchEvaluation,
  type Matched,
  matchReport,
  matchSliceTable,
  matchTable,
  rankedBy,
  scoreLines,
} from '../report/matching.js';
import { timeAlone } from './cost.js';
import { checkSlices } from './slices.js';

type Context = StepContext<EvaluateMatchingOptions>;

/** Rows a call of `predict`: it puts those of like length together. */
const BATCH = 256;

export const evaluateMatching = defineStep<EvaluateMatchingOptions>({
  name: 'evaluate-matching',
  version: 2,
  summary: 'Lets models find which of several texts belongs to another: recall, ranks, area under the curve, speed',
  inputs: {
    data: one('dataset'),
    teacher: named(optional('model')),
    answers: named(optional('logits')),
    baseline: named(optional('model')),
    students: named(list('model')),
  },
  outputs: { report: 'report', timing: 'measurement' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],

  async run(ctx) {
    const { title, slices = [] } = ctx.options;
    const data = await readPairs(ctx.input('data').path);
    checkSlices(slices, data.rows);
    const bound = (['teacher', 'student', 'baseline'] as const).flatMap((role) =>
      ctx.inputList(role === 'student' ? 'students' : role).map((artifact) => ({ role, artifact })),
    );
    const answers = ctx.optionalInput('answers');
    if (answers && ctx.optionalInput('teacher')) {
      const message = 'both "teacher" and "answers" are given, and there is one teacher';
      throw new StepFailure('two-teachers', message, 'Leave one out.');
    }
    const models: Matched[] = answers ? [await stored(answers, data)] : [];
    const timings: (Timing | undefined)[] = models.map(() => undefined);
    for (const { role, artifact } of bound) {
      const { timing, ...model } = await compared(ctx, role, artifact, data);
      models.push(model);
      timings.push(timing);
    }
    const rows = data.rows.map((row) => ({ ...row, pair: pairOf(row), belongs: row.label === data.labels[1] }));
    const evaluation: MatchEvaluation = { title, rows, unlabelled: data.unlabelled, models, slices, seed: ctx.seed };
    const report = matchReport(evaluation);
    const folder = await ctx.output('report');
    await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(folder, 'scores.jsonl'), scoreLines(evaluation));
    await writeFile(join(folder, 'predictions.jsonl'), matchLines(rows, rankedBy(rows, models)));
    ctx.measure('timing', {
      threads: ctx.threads,
      models: models.map(({ name, role }, i) => ({ name, role, ...timings[i] })),
    });
    ctx.show(matchTable(report, timings));
    for (const field of report.slices) ctx.show(matchSliceTable(report, field));
  },
});

interface Pairs {
  /** Of pairs that do not belong together, and of those that do. */
  readonly labels: readonly string[];
  readonly rows: readonly Row[];
  readonly unlabelled: number;
}

/** The rows that have a label. */
async function readPairs(folder: string): Promise<Pairs> {
  const { info, rows } = await readDataset(folder);
  const labelled = rows.filter(({ label }) => label !== null);
  for (const row of labelled) pairOf(row);
  const hint = 'Make pairs of the test split with a make-pairs step.';
  if (info.labels.length !== 2) {
    throw new StepFailure(
      'labels',
      `two texts belong together or not: that takes two labels, and the data to evaluate on has ${info.labels.length}`,
      hint,
    );
  }
  if (labelled.length < 2) {
    const count = labelled.length === 0 ? 'none' : 'only one';
    throw new StepFailure('too-few-rows', `${count} of the ${rows.length} rows to evaluate on has a label`, hint);
  }
  return { labels: info.labels, rows: labelled, unlabelled: rows.length - labelled.length };
}

/** Loads one model, lets it compare the texts of every row, times it and lets it go. */
async function compared(
  ctx: Context,
  role: Matched['role'],
  { from, path }: InputArtifact,
  { labels, rows }: Pairs,
): Promise<Matched & { readonly timing: Timing }> {
  const [{ loadPredictor }, { pairScores }] = await Promise.all([
    import('../models/index.js'),
    import('../exams/matching.js'),
  ]);
  const predictor = await loadPredictor(path, ctx.options.backend, ctx.threads);
  try {
    const places = labels.map((label) => predictor.labels.indexOf(label));
    if (!predictor.pairs || predictor.labels.length !== 2 || places.includes(-1)) {
      const has = predictor.labels.map((label) => JSON.stringify(label)).join(', ');
      throw new StepFailure(
        'labels-differ',
        predictor.pairs
          ? `the model of "${from}" has the labels ${has}, and the data ${labels.map((l) => JSON.stringify(l)).join(', ')}`
          : `the model of "${from}" reads one text at a time and compares none`,
        'Evaluate models that were trained with task: matching or pair-classification, on pairs like those.',
      );
    }
    const scores = new Float64Array(rows.length);
    const predict = predictor.many?.().predict;
    for (let start = 0; start < rows.length; start += BATCH) {
      ctx.signal.throwIfAborted();
      const some = rows.slice(start, start + BATCH);
      scores.set(await pairScores(predictor, labels, some, predict), start);
      await ctx.progress({ done: start + some.length, total: rows.length, unit: 'pairs', phase: from });
    }
    const timing = await timeAlone(ctx, from, rows, (some) => ask(predictor, some));
    return { name: from, role, ...(await described(predictor, path)), scores, timing };
  } finally {
    await predictor.close();
  }
}

/** What a teacher that is not here said of the rows, in earlier steps. */
async function stored({ from, path }: InputArtifact, { labels, rows }: Pairs): Promise<Matched> {
  const { LogitsCache } = await import('../data/logits.js');
  const cache = await LogitsCache.open(path);
  try {
    const [no, yes] = labels.map((label) => cache.index.labels.indexOf(label)) as [number, number];
    if (no < 0 || yes < 0 || cache.index.labels.length !== 2) {
      const message = `the answers of "${from}" have the labels ${cache.index.labels.join(', ')}, and the data ${labels.join(', ')}`;
      throw new StepFailure('labels-differ', message, 'Ask the teacher about pairs like those.');
    }
    const scores = Float64Array.from(rows, ({ id }) => {
      const logits = cache.classLogits(id);
      return (logits[yes] as number) - (logits[no] as number);
    });
    return {
      name: from,
      role: 'teacher',
      type: null,
      vectors: null,
      parameters: null,
      bytes: null,
      trainedOn: null,
      scores,
    };
  } finally {
    cache.close();
  }
}

async function described({ type, parameters, bytes, similarity }: Predictor, folder: string) {
  const recipe = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { trained_on?: { rows: number } };
  return { type, parameters, bytes, vectors: similarity !== undefined, trainedOn: recipe.trained_on?.rows ?? null };
}
