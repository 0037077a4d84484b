import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepContext } from '../engine/step.js';
import type { Embedder } from '../models/embedder.js';
import { loadEmbedder } from '../models/embedders.js';
import { unitRows } from '../models/similarity.js';
import type { ChooseDataOptions } from '../options/choose-data.js';
import { Random } from '../util/random.js';
import type { Pool } from './pool.js';
import type { Vectors } from './vectors.js';
import { type WordModel, wordVectors } from './word-vectors.js';

type Context = StepContext<ChooseDataOptions>;

/** Texts that get their vectors together. */
const CHUNK = 64;

/** Of every row of a pool a vector of length 1, and what it is made by. */
export interface RowVectors extends Vectors {
  /** The encoder's type, or `tf-idf`. */
  readonly from: string;
}

/**
 * @param sample words of some of the rows, and their texts: without an encoder the directions come from them
 */
export async function rowVectors(
  ctx: Context,
  pool: Pool,
  sample: { readonly model: WordModel; readonly texts: readonly string[] },
): Promise<RowVectors> {
  const encoder = ctx.optionalInput('encoder');
  if (encoder === undefined) {
    const { width, vectors } = wordVectors(sample.model, sample.texts, new Random(ctx.seed, 'directions'));
    const data = await filled(ctx, pool, width, async (some) => vectors(some));
    return { data, count: pool.count, width, from: 'tf-idf' };
  }
  const embedder = await loadEmbedder(encoder.path, ctx.options.backend, ctx.threads);
  try {
    const data = await embedded(ctx, pool, embedder);
    return { data, count: pool.count, width: embedder.width, from: embedder.type };
  } finally {
    await embedder.close();
  }
}

/** A model takes long, so what it gave is kept every few seconds. */
async function embedded(ctx: Context, pool: Pool, embedder: Embedder): Promise<Float32Array> {
  const { width } = embedder;
  const kept = await earlier(ctx);
  let shards = kept.length;
  let unsaved: Float32Array[] = [];
  const save = async (): Promise<void> => {
    if (unsaved.length === 0) return;
    const bytes = Buffer.concat(unsaved.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
    await ctx.checkpoint.save(shardName(shards++), (to) => writeFile(join(to, SHARD), bytes));
    unsaved = [];
  };
  return filled(
    ctx,
    pool,
    width,
    async (texts) => {
      const made = unitRows(await embedder.embed(texts), width);
      unsaved.push(made);
      return made;
    },
    kept,
    async () => {
      if (ctx.checkpoint.due() || ctx.signal.aborted) await save();
    },
  );
}

/**
 * The vectors of all texts, chunk by chunk.
 * @param kept the first of them, made before
 * @param after awaited after each chunk, before a wish to stop is heeded
 */
async function filled(
  ctx: Context,
  pool: Pool,
  width: number,
  vectorsOf: (texts: readonly string[]) => Promise<Float32Array>,
  kept: readonly Float32Array[] = [],
  after: () => Promise<void> = async () => {},
): Promise<Float32Array> {
  const data = new Float32Array(pool.count * width);
  let done = 0;
  for (const part of kept) {
    data.set(part, done * width);
    done += part.length / width;
  }
  let texts: string[] = [];
  const flush = async (): Promise<void> => {
    data.set(await vectorsOf(texts), done * width);
    done += texts.length;
    texts = [];
    await ctx.progress({ done, total: pool.count, unit: 'texts', phase: 'vectors' });
    await after();
    ctx.signal.throwIfAborted();
  };
  const first = done;
  await pool.each(async ({ text }, row) => {
    if (row < first) return;
    texts.push(text);
    if (texts.length === CHUNK) await flush();
  });
  if (texts.length > 0) await flush();
  return data;
}

const SHARD = 'vectors.f32';
const shardName = (shard: number): string => `vectors-${shard}`;

/** What earlier attempts at this very step made. */
async function earlier({ checkpoint }: Context): Promise<Float32Array[]> {
  const parts: Float32Array[] = [];
  for (;;) {
    const folder = await checkpoint.load(shardName(parts.length));
    if (folder === undefined) return parts;
    const bytes = await readFile(join(folder, SHARD));
    parts.push(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)));
  }
}
