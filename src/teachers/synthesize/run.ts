import { setMaxListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, type Row, readDataset, writeDataset } from '../../data/dataset.js';
import type { StepContext } from '../../engine/step.js';
import type { SynthesizeDataOptions } from '../../options/synthesize-data.js';
import { StepFailure } from '../../util/failure.js';
import { Answers } from '../query/answers.js';
import { ANSWERS } from '../query/answers-file.js';
import { usageOf } from '../query/asking.js';
import { serveTeacher } from '../query/served.js';
import { askedBy, speechOf, whereOf } from '../query/settings.js';
import { type Cell, cellsOf } from './cells.js';
import { type Made, make } from './making.js';
import { judging } from './policy.js';
import { reportOf, tableOf } from './report.js';
import { Respondent } from './respondent.js';
import type { Wishing } from './wishes.js';
import { promptOf, systemOf, writerOf } from './writer.js';

type Context = StepContext<SynthesizeDataOptions>;

/** Rows that are there already. */
interface Seeds {
  readonly info: DatasetInfo | undefined;
  readonly rows: readonly Row[];
}

/** The `synthesize-data` step. */
export async function run(ctx: Context): Promise<void> {
  const { options } = ctx;
  // Each request under way listens.
  setMaxListeners(0, ctx.signal);
  const seeds = await readSeeds(ctx);
  const cells = cellsOf(labelsOf(options, seeds), options.topics, options.rows);
  const file = join(await ctx.sharedFolder(ANSWERS.folder), ANSWERS.file);
  const answers = Answers.open(file, ctx.account, options.budget, ctx.now);
  try {
    const served = await serveTeacher(ctx, options.teacher);
    try {
      const began = ctx.now();
      const { writer, judge, who } = await staff(ctx, answers, served?.baseUrl);
      const { near, rounds } = options;
      const threshold = options.judge === false ? 0 : options.judge.threshold;
      const wishing = wishingOf(ctx, seeds);
      const made = await make(ctx, writer, judge, { cells, seeds: seeds.rows, near, rounds, wishing, threshold });
      const usd = (writer.nanousd + (judge?.nanousd ?? 0)) / 1e9;
      const askers = [writer.asker, ...(judge ? [judge.asker] : [])] as const;
      ctx.measure('usage', usageOf(askers, (ctx.now() - began) / 1000, { rows: made.counts.kept, usd }));
      await write(ctx, seeds, cells, made, who);
    } finally {
      await served?.stop();
    }
  } finally {
    await answers.close();
  }
}

async function readSeeds(ctx: Context): Promise<Seeds> {
  const input = ctx.optionalInput('seeds');
  return input === undefined ? { info: undefined, rows: [] } : readDataset(input.path);
}

function labelsOf({ labels }: SynthesizeDataOptions, { info }: Seeds): readonly string[] {
  const found = labels ?? info?.labels ?? [];
  if (found.length > 0) return found;
  throw new StepFailure('no-labels', 'the seeds have no labels, and the recipe names none', 'Add labels: [spam, ham].');
}

/** Who writes and who judges. @param served address of the model that is served for the time of the step */
async function staff(ctx: Context, answers: Answers, served: string | undefined) {
  const { options } = ctx;
  const { texts_per_request: perRequest, temperature } = options;
  const where = whereOf(options, ctx.optionalInput('serve'));
  const { speech, revision, price } = await speechOf(options, where);
  const prompt = {
    system: options.system ?? systemOf(perRequest),
    user: options.prompt ?? promptOf(options.topics !== undefined),
    examples: [],
  };
  const inquiry = writerOf({ ...speech, prompt }, perRequest, temperature);
  const writer = new Respondent(ctx, { options, inquiry, price, baseUrl: served ?? where }, answers);
  const asked = judging(options);
  if (asked === undefined) return { writer, judge: undefined, who: { writer: revision, judge: null } };
  const same = options.judge !== false && options.judge.teacher === undefined;
  const place = same ? where : whereOf(asked, undefined);
  const judged = await askedBy(asked, [], place);
  const post = { options: asked, inquiry: judged.inquiry, price: judged.price, baseUrl: (same && served) || place };
  return { writer, judge: new Respondent(ctx, post, answers), who: { writer: revision, judge: judged.revision } };
}

function wishingOf({ options, seed }: Context, { rows }: Seeds): Wishing {
  const seeds = new Map<string, string[]>();
  for (const { text, label } of rows) {
    if (label === null) continue;
    const own = seeds.get(label);
    if (own === undefined) seeds.set(label, [text]);
    else own.push(text);
  }
  const { descriptions, seed_texts: seedTexts, texts_per_request: perRequest } = options;
  return { descriptions, seeds, seedTexts, perRequest, seed };
}

async function write(
  ctx: Context,
  { info, rows }: Seeds,
  cells: readonly Cell[],
  made: Made,
  who: Parameters<typeof reportOf>[2],
): Promise<void> {
  const report = reportOf(cells, made, who);
  const lines = made.rejected.map((rejected) => `${JSON.stringify(rejected)}\n`);
  await writeFile(join(await ctx.output('rejected'), 'rows.jsonl'), lines.join(''));
  await writeFile(join(await ctx.output('report'), 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  ctx.show(tableOf(report));
  const texts = made.kept.flat();
  if (texts.length === 0) {
    throw new StepFailure(
      'no-rows',
      `none of the ${made.rejected.length} texts is left: ${Object.entries(made.counts).flatMap(([fate, n]) => (n > 0 ? [`${n} ${fate}`] : []))}`,
      'Raise near, lower the threshold of the judge, or ask otherwise. Answers are kept.',
    );
  }
  if (texts.length < report.wanted) {
    ctx.log('warning', `${texts.length} of ${report.wanted} texts that are wanted; more rounds would ask again`);
  }
  const all = ctx.options.originals ? [...rows, ...texts] : texts;
  await writeDataset(await ctx.output('data'), allLabels(info, cells), all, info?.labelled_by);
}

/** In the order of the seeds, if they know them all, as a model tells both apart; else sorted, as sample-data has them. */
function allLabels(info: DatasetInfo | undefined, cells: readonly Cell[]): string[] {
  const known = info?.labels ?? [];
  const all = new Set([...known, ...cells.map(({ label }) => label)]);
  return all.size === known.length ? [...known] : [...all].sort();
}
