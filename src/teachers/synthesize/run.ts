import { setMaxListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, writeDataset } from '../../data/dataset.js';
import type { StepContext } from '../../engine/step.js';
import type { SynthesizeDataOptions } from '../../options/synthesize-data.js';
import { StepFailure } from '../../util/failure.js';
import { Answers } from '../query/answers.js';
import { ANSWERS } from '../query/answers-file.js';
import { usageOf } from '../query/asking.js';
import { serveTeacher } from '../query/served.js';
import { type Cell, cellsOf } from './cells.js';
import { type Made, make } from './making.js';
import { type NamedPost, postsOf } from './posts.js';
import { reportOf, tableOf } from './report.js';
import { Respondent } from './respondent.js';
import { labelsOf, readSeeds, type Seeds, wishingOf } from './seeds.js';

type Context = StepContext<SynthesizeDataOptions>;

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
      const posts = await postsOf(options, ctx.optionalInput('serve'));
      const writer = new Respondent(ctx, at(posts.writer, served?.baseUrl), answers);
      const judge =
        posts.judge && new Respondent(ctx, at(posts.judge, posts.same ? served?.baseUrl : undefined), answers);
      const { near, rounds } = options;
      const threshold = options.judge === false ? 0 : options.judge.threshold;
      const wishing = wishingOf(ctx, seeds);
      const made = await make(ctx, writer, judge, { cells, seeds: seeds.rows, near, rounds, wishing, threshold });
      const usd = (writer.nanousd + (judge?.nanousd ?? 0)) / 1e9;
      const askers = [writer.asker, ...(judge ? [judge.asker] : [])] as const;
      ctx.measure('usage', usageOf(askers, (ctx.now() - began) / 1000, { rows: made.counts.kept, usd }));
      await write(ctx, seeds, cells, made, { writer: posts.writer.revision, judge: posts.judge?.revision ?? null });
    } finally {
      await served?.stop();
    }
  } finally {
    await answers.close();
  }
}

/** A post whose server is started for the time of the step. */
const at = (post: NamedPost, served: string | undefined): NamedPost =>
  served === undefined ? post : { ...post, baseUrl: served };

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
