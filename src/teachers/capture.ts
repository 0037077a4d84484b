import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogitsRow, type ShardEntry, shardName, signalOf, writeIndex } from '../data/logits/index-file.js';
import { cacheBytes, rowBytes } from '../data/logits/signal.js';
import { type RowParts, writeShard } from '../data/logits/write-shard.js';
import type { StepContext } from '../engine/step.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { freeBytes } from '../util/free-bytes.js';
import { localTeacher, numbersKey } from './local-teacher.js';
import { checkRoom, checkSize } from './room.js';
import { groups } from './shard-groups.js';
import { ShardStore, share } from './shard-store.js';
import { readTexts, type Survey, surveyTexts } from './survey.js';
import type { Teacher } from './teacher.js';

/** A mean mass of what is kept of the next tokens that is worth a warning. */
const LITTLE = 0.9;

type Context = StepContext<CacheLogitsOptions>;

/**
 * The `cache-logits` step: what a teacher says of each text of a dataset, shard by shard. Shards are kept beside the
 * artifact for as long as the workplace is there, so a text that this teacher answered before, for other data or before
 * a kill, is not asked again.
 */
export async function run(ctx: Context): Promise<void> {
  const teacher = await localTeacher(ctx.input('teacher'), ctx.options, ctx.seed, ctx.threads);
  try {
    await capture(ctx, teacher);
  } finally {
    await teacher.close();
  }
}

async function capture(ctx: Context, teacher: Teacher): Promise<void> {
  const data = ctx.input('data').path;
  const { about } = teacher;
  const signal = signalOf(about);
  const survey = await surveyTexts(data, teacher.encode, async (done, total) => {
    await ctx.progress({ done, total, unit: 'texts', phase: 'reading' });
    ctx.signal.throwIfAborted();
  });
  const texts = survey.ids.length;
  checkSize(texts, cacheBytes(signal, survey.tokens), ctx.options.max_bytes);

  const store = await ShardStore.open(await ctx.sharedFolder('logits'), about, numbersKey(ctx.seed, teacher));
  const own = await ownShards(ctx);
  const found = await store.find(survey, own);
  for (const sha256 of found.damaged) {
    ctx.log('warning', `a shard of an earlier run was damaged (${sha256.slice(0, 12)}): its texts are computed again`);
  }
  const missing = found.shard.reduce((sum, shard) => sum + (shard < 0 ? 1 : 0), 0);
  if (missing < texts) ctx.log('info', `${texts - missing} of ${texts} texts were computed in an earlier run`);
  const needed = survey.tokens.filter((_, i) => (found.shard[i] as number) < 0);
  const folder = await ctx.output('logits');
  checkRoom(await freeBytes(folder), texts, cacheBytes(signal, needed));

  const shards: (Omit<ShardEntry, 'file'> & { path: string })[] = [];
  for (const { sha256, rows } of found.shards) {
    const path = join(folder, `${sha256}.kept`);
    await share(store.path(sha256), path);
    shards.push({ path, sha256, rows, bytes: (await stat(path)).size });
  }
  if (missing > 0) {
    const said = await teacher.prepare(survey);
    if (said !== undefined) ctx.log('info', said);
  }
  let done = texts - missing;
  const progress = (more: number): Promise<void> => ctx.progress({ done: done + more, total: texts, unit: 'texts' });
  await progress(0);
  const lacking = readTexts(data, survey, teacher.encode, (i) => (found.shard[i] as number) < 0);
  for await (const group of groups(lacking, teacher.shard, (tokens) => rowBytes(signal, tokens))) {
    const rows = await teacher.say(
      group.map(({ text }) => text),
      progress,
    );
    for (const [row, { number }] of group.entries()) {
      found.shard[number] = shards.length;
      found.row[number] = row;
      found.covered[number] = (rows[row]?.covered as Float32Array | undefined)?.[0] ?? 1;
      rows[row] = { ...rows[row], ...namesOf(survey, number, signal.aligned) };
    }
    const path = join(folder, `${shards.length}.fresh`);
    const written = await writeShard(path, about, rows);
    await store.add(path, written.sha256);
    await ctx.checkpoint.save(checkpointName(own.length), (to) => writeFile(join(to, SHARD), written.sha256));
    own.push(written.sha256);
    shards.push({ path, ...written });
    done += group.length;
    ctx.signal.throwIfAborted();
  }

  // Shards are numbered in the order in which the data needs them, however they came about.
  const order = [...new Set(found.shard)];
  const place = new Map(order.map((shard, i) => [shard, i]));
  const entries: ShardEntry[] = [];
  for (const [i, shard] of order.entries()) {
    const { path, ...entry } = shards[shard] as (typeof shards)[number];
    await rename(path, join(folder, shardName(i)));
    entries.push({ file: shardName(i), ...entry });
  }
  function* lines(): Generator<LogitsRow> {
    for (let i = 0; i < texts; i++) {
      yield {
        id: survey.ids.at(i),
        ...(signal.aligned && { hash: survey.hashes.at(i), tokens: survey.tokens[i] as number }),
        shard: place.get(found.shard[i] as number) as number,
        row: found.row[i] as number,
        ...(signal.tokens !== null && { covered: found.covered[i] as number }),
      };
    }
  }
  const { covered } = await writeIndex(folder, about, lines(), entries);
  if (covered !== null) reportMass(ctx, teacher, covered);
}

/** What says which text a row is of. */
function namesOf({ ids, hashes, tokens }: Survey, i: number, aligned: boolean): RowParts {
  if (!aligned) return { id: ids.slice(i) };
  return { id: ids.slice(i), hash: hashes.slice(i), tokens: tokens.subarray(i, i + 1) };
}

const SHARD = 'shard';
const checkpointName = (shard: number): string => `shard-${shard}`;

/**
 * Hashes of the shards that earlier attempts at this very step made. They are taken before others that hold the same
 * texts: an attempt that goes on then ends as one that was never stopped.
 */
async function ownShards(ctx: Context): Promise<string[]> {
  const own: string[] = [];
  for (;;) {
    const folder = await ctx.checkpoint.load(checkpointName(own.length));
    if (folder === undefined) return own;
    own.push(await readFile(join(folder, SHARD), 'utf8'));
  }
}

/** Says how much of the next tokens' mass was kept: of what is not, a student learns only how much it is, or by chance. */
function reportMass(ctx: Context, { about }: Teacher, { mean, least }: { mean: number; least: number }): void {
  if (about.tokens?.keep === 'full') return;
  const percent = (mass: number): string => `${(100 * mass).toFixed(1)} %`;
  const mass = `what is kept covers ${percent(mean)} of the teacher's next tokens on average, ${percent(least)} in the text with the least`;
  ctx.log('info', mass);
  if (about.tokens?.keep === 'top-k' && mean < LITTLE) {
    ctx.log('warning', `k = ${about.tokens.k} covers less than ${percent(LITTLE)}: raise k, or keep: sampled`);
  }
}
