import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { type Row, readDatasetInfo, streamRows } from '../../data/dataset.js';
import { fieldsOf } from '../../data/template.js';
import type { Progress, StepContext } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import { Answers } from './answers.js';
import { ANSWERS } from './answers-file.js';
import { type Asker, OutOfBudget } from './asker.js';
import { type Asking, openAsking, outOfBudget, usageOf } from './asking.js';
import { askInBatches } from './batch.js';
import { RequestFailure } from './failure.js';
import { parameterFailure } from './giving-up.js';
import { teacherOf } from './providers.js';
import { askAll, type Unanswered } from './round.js';
import { serveTeacher } from './served.js';
import { type Asked, askedBy, whereOf } from './settings.js';
import { writeAnswers } from './write.js';

/** The `query-teacher` step: asks about every row that has no answer yet, then writes the answers in the rows' order. */
export async function run(ctx: StepContext<QueryTeacherOptions>): Promise<void> {
  const { options } = ctx;
  const data = ctx.input('data').path;
  const where = whereOf(options, ctx.optionalInput('serve'));
  // Each request under way listens.
  setMaxListeners(0, ctx.signal);
  const asked = await askedBy(options, (await readDatasetInfo(data)).labels, where);
  const calibration = ctx.optionalInput('calibration')?.path;
  const sources = calibration === undefined ? [data] : [data, calibration];
  const total = await checkRows(sources, asked);
  const file = join(await ctx.sharedFolder(ANSWERS.folder), ANSWERS.file);
  const answers = Answers.open(file, ctx.account, options.budget, ctx.now);
  try {
    const began = ctx.now();
    const served = await serveTeacher(ctx, options.teacher);
    const asking = openAsking(ctx, options, answers, asked.price, served?.baseUrl ?? where);
    const unanswered = await askEverything(ctx, asked, asking, sources, total).finally(() => served?.stop());
    const seconds = (ctx.now() - began) / 1000;
    const written = await writeAnswers(ctx, asked, answers, unanswered);
    ctx.measure('usage', usageOf([asking.asker], seconds, written));
  } finally {
    await answers.close();
  }
}

/** Every row has what the prompt takes: known before the first question is paid for. */
async function checkRows(sources: readonly string[], { fields }: Asked): Promise<number> {
  let rows = 0;
  for (const source of sources) {
    for await (const row of streamRows(source)) {
      rows++;
      const has = fieldsOf(row);
      const lacking = fields.find((name) => !Object.hasOwn(has, name));
      if (lacking === undefined) continue;
      throw new StepFailure(
        'no-field',
        `the prompt takes the field "${lacking}", which row ${row.id} does not have`,
        `It has ${Object.keys(has)
          .map((name) => `"${name}"`)
          .join(', ')}. Let sample-data keep the field, with the option "fields" of its source, or change the prompt.`,
      );
    }
  }
  if (rows === 0) throw new StepFailure('no-rows', 'there are no rows to ask about');
  return rows;
}

async function askEverything(
  ctx: StepContext<QueryTeacherOptions>,
  { inquiry }: Asked,
  { asker, pace, answers, client }: Asking,
  sources: readonly string[],
  total: number,
): Promise<Unanswered> {
  let answered = 0;
  const where = {
    baseUrl: whereOf(ctx.options, ctx.optionalInput('serve')),
    model: teacherOf(ctx.options.teacher).model,
  };
  try {
    if (ctx.options.batch) {
      return await askInBatches(() => rowsOf(sources), {
        inquiry,
        asker,
        answers,
        client,
        ...where,
        account: ctx.account,
        retries: ctx.options.rate.retries,
        total,
        maxInvalid: ctx.options.max_invalid,
        signal: ctx.signal,
        now: ctx.now,
        settled: (rows) => {
          answered = rows;
        },
        progress: (done, all) => ctx.progress({ done, total: all, unit: 'questions', phase: 'batch' }),
        log: (message) => ctx.log('info', message),
      });
    }
    return await askAll(rowsOf(sources), {
      inquiry,
      asker,
      pace,
      total,
      maxInvalid: ctx.options.max_invalid,
      signal: ctx.signal,
      progress: async (done) => {
        answered = done;
        await ctx.progress({ done, total, unit: 'rows', ...spending(ctx.options, asker, total - done) });
      },
    });
  } catch (error) {
    if (error instanceof OutOfBudget) {
      throw outOfBudget(ctx.options.budget, asker, `${answered} of ${total} rows are answered`);
    }
    if (error instanceof RequestFailure) throw parameterFailure(error, where.baseUrl, where.model);
    throw error;
  }
}

async function* rowsOf(sources: readonly string[]): AsyncGenerator<Row> {
  for (const source of sources) yield* streamRows(source);
}

/** Money so far, by all runs, and what it will be if the rest costs as much a row. */
function spending({ teacher }: QueryTeacherOptions, asker: Asker, left: number): Pick<Progress, 'cost' | 'costInAll'> {
  if (teacher.price === undefined) return {};
  const { rows, nanousd } = asker.counts;
  const cost = (asker.before.spent.nanousd + nanousd) / 1e9;
  return rows === 0 ? { cost } : { cost, costInAll: cost + ((nanousd / rows) * left) / 1e9 };
}
