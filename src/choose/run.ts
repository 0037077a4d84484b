import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, writeDataset } from '../data/dataset.js';
import { LogitsCache } from '../data/logits.js';
import type { StepContext } from '../engine/step.js';
import type { ChooseDataOptions } from '../options/choose-data.js';
import { StepFailure } from '../util/failure.js';
import { coverageOf } from './coverage.js';
import { sample } from './draw.js';
import { mapOf } from './map.js';
import type { Task } from './method.js';
import { methodOf } from './methods/index.js';
import { logitsMisfits } from './misfits.js';
import { Pool } from './pool.js';
import { type ChoiceReport, sharesOf, tableOf } from './report.js';
import { type RowVectors, rowVectors } from './row-vectors.js';
import { wordModel } from './word-vectors.js';

type Context = StepContext<ChooseDataOptions>;

/** Rows that words, regions and figures are taken from, at most. */
const SAMPLE = 10_000;

/** The `choose-data` step. */
export async function run(ctx: Context): Promise<void> {
  const { rows, by } = ctx.options;
  const pool = await Pool.open(ctx.input('data').path, ctx.optionalInput('chosen')?.path);
  checkSize(pool, rows);
  // Asked before anything ran; but a step that gives logits may be switched off.
  const [misfit] = logitsMisfits(by, ctx.inputList('logits').length);
  if (misfit) throw new StepFailure('logits', misfit.message, misfit.hint, misfit.pointer);
  const numbers = sample(pool.count, SAMPLE, ctx.seed, 'sample');
  const texts = (await pool.some(numbers)).map(({ text }) => text);
  const progress: Task['progress'] = async (done, total, phase, unit = 'rows') => {
    await ctx.progress({ done, total, unit, phase });
    ctx.signal.throwIfAborted();
  };
  const words = await wordModel(texts, (done, total) => progress(done, total, 'counting words', 'texts'));
  let made: Promise<RowVectors> | undefined;
  const vectors = (): Promise<RowVectors> => {
    made ??= rowVectors(ctx, pool, { model: words, texts });
    return made;
  };
  const caches: LogitsCache[] = [];
  try {
    for (const { path } of ctx.inputList('logits')) caches.push(await LogitsCache.open(path, ctx.signal));
    const task: Task = { pool, rows, seed: ctx.seed, caches, vectors, progress };
    const own = await methodOf(by).choose(task, by);
    const chosen = [...Array.from({ length: pool.before }, (_, i) => i), ...Array.from(own)];

    const all = await vectors();
    const { coverage, covered } = await coverageOf(all, numbers, chosen, ctx.seed, (done, total) =>
      progress(done, total, 'coverage'),
    );
    const seen = { vectors: all, sample: numbers, texts, covered, chosen };
    const drawing = await mapOf(
      seen,
      words,
      ctx.seed,
      async (some) => (await pool.some(some)).map(({ id }) => id),
      (done, most) => progress(done, most, 'regions', 'iterations'),
    );
    const labels = await write(ctx, pool, chosen);
    const report: ChoiceReport = {
      report: 'coverage',
      by,
      rows: { pool: pool.count, before: pool.before, chosen: own.length },
      vectors: { from: all.from, width: all.width },
      coverage: { ...coverage, sample: numbers.length },
      labels: sharesOf(labels, pool.info.labels),
      ...drawing,
    };
    await writeFile(join(await ctx.output('report'), 'report.json'), `${JSON.stringify(report)}\n`);
    ctx.show(tableOf(report));
  } finally {
    for (const cache of caches) cache.close();
  }
}

function checkSize({ count, before }: Pool, rows: number): void {
  if (count === before) {
    throw new StepFailure(
      'empty-data',
      'the data to choose from has no rows',
      'Bind "data" to a dataset that has some.',
    );
  }
  if (rows <= count - before) return;
  const message = `${rows} rows are to be chosen, and there are ${count - before} to choose from`;
  throw new StepFailure('too-few-rows', message, 'Choose fewer.', '/rows');
}

/** Writes the rows that are left as they pass by, then the chosen ones in their order. */
async function write(ctx: Context, pool: Pool, chosen: readonly number[]) {
  const { labels, labelled_by: by, tags, span_labels } = pool.info;
  const names = { ...(tags && { tags }), ...(span_labels && { span_labels }) };
  const places = new Map(chosen.map((row, i) => [row, i]));
  const taken: Row[] = new Array(chosen.length);
  const counted = { pool: new Map<string | null, number>(), chosen: new Map<string | null, number>() };
  const count = (counts: Map<string | null, number>, label: string | null): void => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
  };
  async function* left(): AsyncGenerator<Row> {
    let number = 0;
    for await (const row of pool.rows()) {
      const place = places.get(number++);
      count(counted.pool, row.label);
      if (place === undefined) yield row;
      else {
        count(counted.chosen, row.label);
        taken[place] = row;
      }
    }
  }
  await writeDataset(await ctx.output('rest'), labels, left(), by, names);
  await writeDataset(await ctx.output('data'), labels, taken, by, names);
  return counted;
}
