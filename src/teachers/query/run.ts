import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { type Row, readDatasetInfo, streamRows } from '../../data/dataset.js';
import { fieldsOf } from '../../data/template.js';
import type { Progress, StepContext } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import type { JsonObject } from '../../util/json.js';
import { Answers } from './answers.js';
import { ANSWERS } from './answers-file.js';
import { Asker, OutOfBudget } from './asker.js';
import { askInBatches } from './batch.js';
import { Client } from './client.js';
import { RequestFailure } from './failure.js';
import { parameterFailure } from './giving-up.js';
import { Pace } from './pace.js';
import type { Price } from './price.js';
import { teacherOf } from './providers.js';
import { askAll, type Unanswered } from './round.js';
import { type Served, serveModel } from './served.js';
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
    const served = await serveTeacher(ctx);
    const asking = makeAsker(ctx, answers, asked.price, served?.baseUrl ?? where);
    const unanswered = await askEverything(ctx, asked, asking, sources, total).finally(() => served?.stop());
    const seconds = (ctx.now() - began) / 1000;
    const written = await writeAnswers(ctx, asked, answers, unanswered);
    ctx.measure('usage', usageOf(asking.asker, seconds, written));
  } finally {
    await answers.close();
  }
}

/** Starts the server of a model of this workplace, if that is the teacher. */
async function serveTeacher(ctx: StepContext<QueryTeacherOptions>): Promise<Served | undefined> {
  const { baseUrl, model } = teacherOf(ctx.options.teacher);
  if (baseUrl !== undefined) return undefined;
  return serveModel(ctx.input('serve').path, model, ctx.threads, ctx.signal);
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

interface Asking {
  readonly asker: Asker;
  readonly pace: Pace;
  readonly answers: Answers;
  readonly client: Client;
}

function makeAsker(
  ctx: StepContext<QueryTeacherOptions>,
  answers: Answers,
  price: Price | undefined,
  baseUrl: string,
): Asking {
  const { rate, budget } = ctx.options;
  const { signal, now } = ctx;
  const timeoutMs = 1000 * rate.timeout;
  const clients = keysOf(ctx).map((key) => new Client({ baseUrl, key, timeoutMs, signal, now }));
  const pace = new Pace(clients, {
    concurrency: rate.concurrency,
    requestsPerMinute: rate.requests_per_minute,
    tokensPerMinute: rate.tokens_per_minute,
    signal,
    now,
  });
  const bounded = budget.usd !== undefined || budget.tokens !== undefined;
  const asker = new Asker({ answers, pace, price, bounded, retries: rate.retries, signal });
  return { asker, pace, answers, client: clients[0] as Client };
}

/** The recipe's keys, or the one that the provider's variable holds; one that is undefined: none is sent. */
function keysOf(ctx: StepContext<QueryTeacherOptions>): (string | undefined)[] {
  const { teacher } = ctx.options;
  if (teacher.api_key !== undefined) return [teacher.api_key].flat();
  const { variable } = teacherOf(teacher).provider;
  return [variable === undefined || teacher.base_url !== undefined ? undefined : ctx.variable(variable)];
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
    if (error instanceof OutOfBudget) throw pause(ctx.options, asker, answered, total);
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

function pause({ budget }: QueryTeacherOptions, asker: Asker, answered: number, total: number): StepFailure {
  const { spent, reserved } = asker.balance();
  const usd = (nanousd: number): string => `$${(nanousd / 1e9).toFixed(4)}`;
  const parts = [
    ...(budget.usd === undefined ? [] : [`${usd(spent.nanousd)} of $${budget.usd} spent`]),
    ...(budget.tokens === undefined ? [] : [`${spent.tokens} of ${budget.tokens} tokens used`]),
  ];
  const open = budget.usd === undefined ? `${reserved.tokens} tokens` : usd(reserved.nanousd);
  const held = reserved.tokens === 0 ? '' : `, ${open} set aside for requests whose end is not known`;
  return new StepFailure(
    'budget',
    `the budget has no room for another question: ${parts.join(', ')}${held}; ${answered} of ${total} rows are answered`,
    'Raise "budget" and run the recipe again: it goes on where it stopped, and nothing is paid for twice.',
  );
}

/** What this run took of the teacher. */
function usageOf(asker: Asker, seconds: number, written: { readonly rows: number; readonly usd: number }): JsonObject {
  const { sent, found, again, slowDowns, nanousd, prompt, completion } = asker.counts;
  return {
    requests: sent,
    repeated: again,
    slow_downs: slowDowns,
    stored_answers: found,
    prompt_tokens: prompt,
    completion_tokens: completion,
    usd: nanousd / 1e9,
    usd_in_all: asker.balance().spent.nanousd / 1e9,
    seconds,
    /** Of these rows, whenever their answers were paid for. */
    usd_a_thousand: (1000 * written.usd) / Math.max(1, written.rows),
  };
}
