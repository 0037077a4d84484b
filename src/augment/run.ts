import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, type Row, readDataset, rowId, writeDataset } from '../data/dataset.js';
import { readLines } from '../data/lines.js';
import { loadWordTokenizer, type WordTokenizer } from '../data/word-pieces.js';
import type { StepContext } from '../engine/step.js';
import { loadMasked, type MaskedModel } from '../models/masked-model.js';
import type { AugmentDataOptions } from '../options/augment-data.js';
import { StepFailure } from '../util/failure.js';
import { copiesOf, type Source, type Tools } from './copies.js';
import { readEmbeddings } from './embeddings-file.js';
import { embeddingsOf, Neighbours } from './neighbours.js';

type Context = StepContext<AugmentDataOptions>;

/** Rows whose copies are made together: what one of them becomes never depends on where an earlier attempt stopped. */
const GROUP = 16;

/** The `augment-data` step. */
export async function run(ctx: Context): Promise<void> {
  const { info, rows } = await readDataset(ctx.input('data').path);
  const sources = rows.filter(({ augmented_from: from }) => from === undefined);
  if (sources.length < rows.length) {
    const message = `${rows.length - sources.length} of the ${rows.length} rows are copies already`;
    throw new StepFailure('augmented-data', message, 'Bind "data" to rows that augment-data has not made.');
  }
  const folder = ctx.input('model').path;
  const model = await loadMasked(folder, ctx.options.backend, ctx.threads);
  try {
    const tokenizer = await loadWordTokenizer(folder);
    const tools: Tools = { model, tokenizer, neighbours: await neighboursOf(ctx, model, tokenizer, rows) };
    const copies = await augment(ctx, rows, tools);
    await write(ctx, info, rows, copies);
  } finally {
    await model.runner.release();
  }
}

async function neighboursOf(
  { options, signal }: Context,
  model: MaskedModel,
  tokenizer: WordTokenizer,
  rows: readonly Row[],
): Promise<Neighbours> {
  const { embeddings: file, candidates } = options;
  if (file !== undefined) return new Neighbours(await readEmbeddings(file), candidates, model.runner);
  const pieces = new Map<string, Int32Array>();
  for (let start = 0; start < rows.length; start += GROUP) {
    signal.throwIfAborted();
    for (const { ids, words } of await split(model, tokenizer, rows.slice(start, start + GROUP))) {
      for (const { first, pieces: n } of words) {
        const own = ids.subarray(first, first + n);
        if (n > 1 && !pieces.has(own.join())) pieces.set(own.join(), own);
      }
    }
  }
  const words = await Promise.all([...pieces.values()].map((own) => tokenizer.spelling(own)));
  return new Neighbours(await embeddingsOf(model, tokenizer, words), candidates, model.runner);
}

const split = ({ config }: MaskedModel, tokenizer: WordTokenizer, rows: readonly Row[]) =>
  tokenizer.split(
    rows.map(({ text }) => text),
    config.maxLength,
  );

/** Copies of every row, in the order of the rows; a checkpoint holds those of some groups. */
async function augment(ctx: Context, rows: readonly Row[], tools: Tools): Promise<string[][]> {
  const { copies: copiesPerRow, probability, candidates, context } = ctx.options;
  const method = { copies: copiesPerRow, probability, candidates, context };
  const { done, shards } = await earlier(ctx);
  let unsaved: string[][] = [];
  let saved = shards;
  const save = async (): Promise<void> => {
    if (unsaved.length === 0) return;
    const lines = unsaved.map((texts) => `${JSON.stringify(texts)}\n`).join('');
    await ctx.checkpoint.save(shardName(saved++), (to) => writeFile(join(to, SHARD), lines));
    unsaved = [];
  };
  const after = async (): Promise<void> => {
    await ctx.progress({ done: done.length, total: rows.length, unit: 'rows' });
    if (ctx.signal.aborted) await save();
    ctx.signal.throwIfAborted();
  };
  for (let start = done.length; start < rows.length; start += GROUP) {
    const group = rows.slice(start, start + GROUP);
    const worded = await split(tools.model, tools.tokenizer, group);
    const sources = group.map(({ id, text }, i): Source => ({ id, text, worded: worded[i] as Source['worded'] }));
    const made = await copiesOf(sources, method, tools, ctx.seed, after);
    done.push(...made);
    unsaved.push(...made);
    if (ctx.checkpoint.due()) await save();
    await after();
  }
  return done;
}

const SHARD = 'copies.jsonl';
const shardName = (shard: number): string => `shard-${shard}`;

/** What earlier attempts at this very step made, and in how many shards it is. */
async function earlier({ checkpoint }: Context): Promise<{ readonly done: string[][]; readonly shards: number }> {
  const done: string[][] = [];
  for (let shards = 0; ; shards++) {
    const folder = await checkpoint.load(shardName(shards));
    if (folder === undefined) return { done, shards };
    for await (const { text } of readLines(join(folder, SHARD))) done.push(JSON.parse(text) as string[]);
  }
}

async function write(
  ctx: Context,
  info: DatasetInfo,
  rows: readonly Row[],
  copies: readonly string[][],
): Promise<void> {
  const { originals, keep_label: keepLabel } = ctx.options;
  const ids = new Set(rows.map(({ id }) => id));
  let [made, alike] = [0, 0];
  const all = rows.flatMap((row, i): Row[] => {
    const own = (copies[i] as string[]).flatMap((text): Row[] => {
      const id = rowId(text, row.fields);
      if (ids.has(id)) {
        alike++;
        return [];
      }
      ids.add(id);
      made++;
      const { fields, synthetic } = row;
      const label = keepLabel ? row.label : null;
      return [{ id, text, label, ...(fields && { fields }), augmented_from: row.id, ...(synthetic && { synthetic }) }];
    });
    return originals ? [row, ...own] : own;
  });
  ctx.log(
    'info',
    `${made} copies of ${rows.length} rows${alike > 0 ? `; ${alike} like another row are left out` : ''}`,
  );
  if (all.length === 0) {
    const hint = 'Raise probability, or train the masked language model on texts like these.';
    throw new StepFailure('no-rows', 'no word of any row was replaced', hint);
  }
  await writeDataset(await ctx.output('data'), info.labels, all, info.labelled_by);
}
