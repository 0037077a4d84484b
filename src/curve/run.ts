import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, type Row, readDataset } from '../data/dataset.js';
import type { StepContext } from '../engine/step.js';
import { answersOf, type Exam } from '../exams/exam.js';
import { exams } from '../exams/index.js';
import type { LearningCurveOptions } from '../options/learning-curve.js';
import { type RowStatistic, rowStatistic } from '../report/row-answers.js';
import { taskOf } from '../train/tasks/index.js';
import { StepFailure } from '../util/failure.js';
import type { Json } from '../util/json.js';
import { streamKey } from '../util/random.js';
import type { CurveTask, Metric } from './metrics.js';
import { outlookOf, type Trained } from './outlook.js';
import { reportOf } from './report.js';
import { rowsAt, sizesOf } from './sizes.js';
import { readTestRows } from './test-rows.js';
import { type Training, trainOne } from './train-one.js';
import { saidOf, tableOf } from './words.js';

type Context = StepContext<LearningCurveOptions>;

/** The `learning-curve` step. */
export async function run(ctx: Context): Promise<void> {
  const { options, seed } = ctx;
  const exam = exams[options.task as CurveTask];
  const { info, rows } = await readLessons(ctx, exam);
  const { labels } = taskOf({ options, log: ctx.log, seed }, info);
  const metric = metricOf(options, exam, labels);
  const sizes = sizesOf(options.sizes, rows.length);
  const test = await readTestRows(ctx.input('test').path, exam, labels, rows);
  const truth = test.rows.map((row) => exam.truth(row, labels));
  const all = sizes.length * options.seeds;
  const judgedSizes: { rows: number; models: RowStatistic[] }[] = [];
  for (const [s, size] of sizes.entries()) {
    const models: RowStatistic[] = [];
    for (let k = 0; k < options.seeds; k++) {
      const own = streamKey(seed, `training ${k}`);
      const number = s * options.seeds + k + 1;
      const training: Training = {
        name: `rows-${size}-seed-${k + 1}`,
        phase: `${size} rows, seed ${k + 1} of ${options.seeds} (training ${number} of ${all})`,
        rows: rowsAt(rows, size, own),
        seed: own,
      };
      const said = await judged(ctx, info, training, exam, test.rows);
      models.push(rowStatistic(metric, { truth, answers: [said] }, 0, labels) as RowStatistic);
    }
    judgedSizes.push({ rows: size, models });
  }
  await tell(ctx, { metric, rows: truth.length, sizes: judgedSizes }, rows.length, test.unlabelled);
}

/** @throws StepFailure `metric` where tags mark no entities, and their F1 is asked for */
function metricOf({ metric, task }: LearningCurveOptions, exam: Exam<unknown>, labels: readonly string[]): Metric {
  const usual = exam.main(labels);
  if (metric !== 'entity_f1' || usual === metric) return metric ?? usual;
  const message = `task "${task}" has entities to count where tags are B-…, I-… and the like, and here they are ${labels.slice(0, 5).join(', ')}`;
  throw new StepFailure('metric', message, `Take metric: ${usual}.`, '/metric');
}

/** The rows that can be learnt from: all if there is a teacher, otherwise those whose answer is known. */
async function readLessons(
  ctx: Context,
  { isKnown, needs }: Exam<unknown>,
): Promise<{ readonly info: DatasetInfo; readonly rows: Row[] }> {
  const { info, rows } = await readDataset(ctx.input('data').path);
  if (ctx.inputList('teacher').length > 0) return { info, rows };
  const labelled = rows.filter(isKnown);
  const left = rows.length - labelled.length;
  if (left > 0) ctx.log('info', `${left} of ${rows.length} rows do not have ${needs} and are left out`);
  return { info, rows: labelled };
}

const ANSWERS = 'answers.json';

/** What one training's model says of the test rows; found where an earlier attempt came so far. */
async function judged<Answer>(
  ctx: Context,
  info: DatasetInfo,
  training: Training,
  exam: Exam<Answer>,
  rows: readonly Row[],
): Promise<Json[]> {
  const done = await ctx.checkpoint.load(training.name);
  if (done !== undefined) return JSON.parse(await readFile(join(done, ANSWERS), 'utf8')) as Json[];
  let said: Json[] = [];
  // The checkpoint's folder is where it is made: a kill leaves nothing elsewhere.
  await ctx.checkpoint.save(training.name, async (room) => {
    const model = await exam.load(await trainOne(ctx, info, training, room), ctx.options.backend, ctx.threads);
    const phase = `${training.phase}, judging`;
    try {
      const answers = await answersOf(model, rows, async (done) => {
        await ctx.progress({ done, total: rows.length, unit: 'rows', phase });
        ctx.signal.throwIfAborted();
      });
      said = rows.map((row, i) => exam.said(row, answers[i] as Answer, model.labels));
    } finally {
      await model.close();
    }
    for (const made of ['data', 'model']) await rm(join(room, made), { recursive: true });
    await writeFile(join(room, ANSWERS), JSON.stringify(said));
  });
  return said;
}

async function tell(ctx: Context, trained: Trained, rows: number, unlabelled: number): Promise<void> {
  const { options, seed } = ctx;
  const outlook = outlookOf(trained, seed);
  const about = {
    task: options.task,
    model: options.model.type,
    rows,
    unlabelled,
    seed,
    usdPerRow: options.usd_per_row,
  };
  const report = reportOf(trained, outlook, about);
  await writeFile(join(await ctx.output('report'), 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  // A bill differs from run to run: what follows from it is shown and measured, and not in the report.
  const billed = (ctx.optionalInput('usage')?.value as { usd_a_thousand?: number } | undefined)?.usd_a_thousand;
  const usdPerRow = options.usd_per_row ?? (billed === undefined ? undefined : billed / 1000);
  const said = saidOf(trained, outlook, usdPerRow);
  const more = outlook.verdict === 'reachable' ? (outlook.more?.value ?? null) : null;
  const usd = more === null || usdPerRow === undefined ? null : more * usdPerRow;
  ctx.measure('next', { verdict: outlook.verdict, said, rows: more, usd });
  ctx.show(tableOf(trained, outlook, said));
}
