import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, type Row, readDataset } from '../data/dataset.js';
import type { StepContext } from '../engine/step.js';
import type { LearningCurveOptions } from '../options/learning-curve.js';
import { streamKey } from '../util/random.js';
import { outlookOf, type Trained } from './outlook.js';
import { reportOf } from './report.js';
import { rowsAt, sizesOf } from './sizes.js';
import { answersOf, readTestRows, type TestRows } from './test-rows.js';
import { type Training, trainOne } from './train-one.js';
import { saidOf, tableOf } from './words.js';

type Context = StepContext<LearningCurveOptions>;

/** The `learning-curve` step. */
export async function run(ctx: Context): Promise<void> {
  const { options, seed } = ctx;
  const { info, rows } = await readLessons(ctx);
  const sizes = sizesOf(options.sizes, rows.length);
  const test = await readTestRows(ctx.input('test').path, info, rows);
  const all = sizes.length * options.seeds;
  const answers: Int32Array[][] = sizes.map(() => []);
  for (const [s, size] of sizes.entries()) {
    for (let k = 0; k < options.seeds; k++) {
      const own = streamKey(seed, `training ${k}`);
      const number = s * options.seeds + k + 1;
      const training: Training = {
        name: `rows-${size}-seed-${k + 1}`,
        phase: `${size} rows, seed ${k + 1} of ${options.seeds} (training ${number} of ${all})`,
        rows: rowsAt(rows, size, own),
        seed: own,
      };
      answers[s]?.push(await judged(ctx, info, training, test));
    }
  }
  const trained: Trained = {
    metric: options.metric,
    labels: info.labels.length,
    truth: test.truth,
    sizes: sizes.map((size, s) => ({ rows: size, answers: answers[s] as Int32Array[] })),
  };
  await tell(ctx, trained, rows.length, test.unlabelled);
}

/** The rows that can be learnt from: all if there is a teacher, otherwise those with a label. */
async function readLessons(ctx: Context): Promise<{ readonly info: DatasetInfo; readonly rows: Row[] }> {
  const { info, rows } = await readDataset(ctx.input('data').path);
  if (ctx.inputList('teacher').length > 0) return { info, rows };
  const labelled = rows.filter(({ label }) => label !== null);
  const left = rows.length - labelled.length;
  if (left > 0) ctx.log('info', `${left} of ${rows.length} rows have no label and are left out`);
  return { info, rows: labelled };
}

const ANSWERS = 'answers.json';

/** What one training's model says of the test rows; found where an earlier attempt came so far. */
async function judged(ctx: Context, info: DatasetInfo, training: Training, test: TestRows): Promise<Int32Array> {
  const done = await ctx.checkpoint.load(training.name);
  if (done !== undefined) return Int32Array.from(JSON.parse(await readFile(join(done, ANSWERS), 'utf8')) as number[]);
  let answers: Int32Array = new Int32Array();
  // The checkpoint's folder is where it is made: a kill leaves nothing elsewhere.
  await ctx.checkpoint.save(training.name, async (room) => {
    const model = await trainOne(ctx, info, training, room);
    const computing = { backend: ctx.options.backend, threads: ctx.threads };
    const phase = `${training.phase}, judging`;
    answers = await answersOf(model, test, computing, async (rows) => {
      await ctx.progress({ done: rows, total: test.rows.length, unit: 'rows', phase });
      ctx.signal.throwIfAborted();
    });
    for (const made of ['data', 'model']) await rm(join(room, made), { recursive: true });
    await writeFile(join(room, ANSWERS), JSON.stringify([...answers]));
  });
  return answers;
}

async function tell(ctx: Context, trained: Trained, rows: number, unlabelled: number): Promise<void> {
  const { options, seed } = ctx;
  const outlook = outlookOf(trained, seed);
  const about = { model: options.model.type, rows, unlabelled, seed, usdPerRow: options.usd_per_row };
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
