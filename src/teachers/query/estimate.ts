import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDatasetInfo, streamRows } from '../../data/dataset.js';
import type { Estimate, EstimateContext } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { Answers } from './answers.js';
import { ANSWERS } from './answers-file.js';
import type { Request } from './asker.js';
import type { AskingOptions } from './asking.js';
import { keyOf } from './key.js';
import type { Budget } from './ledger.js';
import { costOf, mostTokens, type Price } from './price.js';
import { teacherOf } from './providers.js';
import type { Question } from './reply.js';
import { type Asked, askedBy, whereOf } from './settings.js';

/** Rows that are looked at, spread over the data. */
const SAMPLE = 500;
/** English text has about four bytes a token; nobody is asked to pay for finding out. */
const BYTES_A_TOKEN = 4;
/** What a chat template adds to a message, as bytes of text. */
const MESSAGE_BYTES = 16;
/** Of a request: servers tell nothing before they are asked. */
const SECONDS = 1;
const NOTHING = { nanousd: 0, tokens: 0 };

/** What asking about the rows will take: from a sample of them, and from what answers so far have used. */
export async function estimate(ctx: EstimateContext<QueryTeacherOptions>): Promise<Estimate> {
  const { options } = ctx;
  const data = ctx.input('data').path;
  const where = whereOf(options, ctx.optionalInput('serve'));
  const asked = await askedBy(options, (await readDatasetInfo(data)).labels, where);
  const calibration = ctx.optionalInput('calibration')?.path;
  const { rows, sample } = await sampleRows(calibration === undefined ? [data] : [data, calibration], asked);
  const there = (await readDatasetInfo(data)).rows;
  const expected = Math.min(ctx.expectedRows('data') ?? there, there);
  const file = join(await ctx.sharedFolder(ANSWERS.folder), ANSWERS.file);
  const known = existsSync(file) ? Answers.open(file, ctx.account, {}, () => 0) : undefined;
  try {
    const found = estimateOf(options, asked.price, rows - there + expected, sample, known);
    const likely = `rows: ${expected} of ${there}, of which nobody knows yet which they are`;
    return expected < there ? { ...found, notes: [likely, ...found.notes] } : found;
  } finally {
    await known?.close();
  }
}

async function sampleRows(sources: readonly string[], { inquiry }: Asked) {
  let rows = 0;
  for (const source of sources) rows += (await readDatasetInfo(source)).rows;
  const step = Math.max(1, Math.floor(rows / SAMPLE));
  const sample: (readonly Request[])[] = [];
  let i = 0;
  for (const source of sources) {
    for await (const row of streamRows(source)) if (i++ % step === 0) sample.push(inquiry.requests(row));
  }
  return { rows, sample };
}

/**
 * @param rows that are asked about
 * @param sample the requests of some of them
 * @param known undefined where nothing was ever answered
 */
export function estimateOf(
  { teacher, budget, rate }: AskingOptions,
  price: Price | undefined,
  rows: number,
  sample: readonly (readonly Request[])[],
  known: Answers | undefined,
): Estimate {
  const open = sample.filter((requests) => requests.some(({ question }) => known?.get(keyOf(question)) === undefined));
  const scale = rows / Math.max(1, sample.length);
  const requests = open.flat();
  const { model } = teacherOf(teacher);
  const used = known?.averages(model);
  const total = (count: (request: Request) => number): number =>
    Math.round(scale * requests.reduce((sum, request) => sum + count(request), 0));
  const prompt = total(({ question }) => bytesOf(question) * (used?.promptTokensPerByte ?? 1 / BYTES_A_TOKEN));
  const completion = total(({ question }) => Math.min(mostTokens(question), used?.completionTokens ?? Infinity));
  const usd = costOf({ prompt, cached: 0, completion }, price).nanousd / 1e9;
  const asked = requests.length * scale;
  const minutes = Math.max(
    (asked * SECONDS) / rate.concurrency / 60,
    asked / (rate.requests_per_minute ?? Infinity),
    (prompt + completion) / (rate.tokens_per_minute ?? Infinity),
  );
  return {
    rows,
    done: rows - Math.round(open.length * scale),
    tokens: prompt + completion,
    ...(price === undefined ? {} : { usd }),
    seconds: 60 * minutes,
    notes: [
      used === undefined
        ? `tokens: ${BYTES_A_TOKEN} bytes each, and answers as long as they may be, as no answer of ${model} is stored yet`
        : `tokens: as in ${used.answers} stored answers of ${model}`,
      `time: ${SECONDS} s a request, ${rate.concurrency} at once`,
      ...beyond(budget, usd, prompt + completion, known),
    ],
  };
}

const bytesOf = ({ messages }: Question): number =>
  messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + MESSAGE_BYTES, 0);

/** Whether the budget will do. */
function beyond(budget: Budget, usd: number, tokens: number, known: Answers | undefined): string[] {
  const { spent, reserved } = known?.balance() ?? { spent: NOTHING, reserved: NOTHING };
  const money = usd + (spent.nanousd + reserved.nanousd) / 1e9;
  const count = tokens + spent.tokens + reserved.tokens;
  return [
    ...(money > (budget.usd ?? Infinity)
      ? [`the budget of $${budget.usd} will not do: $${money.toFixed(2)} in all`]
      : []),
    ...(count > (budget.tokens ?? Infinity)
      ? [`the budget of ${budget.tokens} tokens will not do: ${count} in all`]
      : []),
  ];
}
