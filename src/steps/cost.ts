import type { InputArtifact, StepContext } from '../engine/step.js';
import { memoryOf } from '../models/memory.js';
import type { Predictor } from '../models/predictor.js';
import type { Backend } from '../options/evaluate.js';
import { type BatchTiming, batchTimingOf, type Timing, timingOf } from '../report/cost.js';
import { ask, pairsFor, type Question } from './ask.js';

/** Texts timed one by one, at most, and texts answered before that. */
const TIMED = 200;
const WARM_UP = 10;
/** Texts of a batch; batches timed, at most, and before that. */
const BATCH = 32;
const BATCHES = 20;
const WARM_UP_BATCHES = 2;

type Context = Pick<StepContext<{ readonly backend: Backend }>, 'now' | 'signal' | 'progress' | 'options' | 'threads'>;

/** Texts spread evenly over all, one a call. */
export async function timeAlone(ctx: Context, name: string, model: Predictor, rows: readonly Question[]) {
  const some = spread(rows, Math.min(TIMED, rows.length)).map((row) => [row]);
  return timingOf(await times(ctx, `${name}, timing`, model, some, WARM_UP)) satisfies Timing;
}

/** Texts spread evenly over all, 32 a call; fewer where there are fewer. */
export async function timeBatches(ctx: Context, name: string, model: Predictor, rows: readonly Question[]) {
  const size = Math.min(BATCH, rows.length);
  const count = Math.min(BATCHES, Math.floor(rows.length / size));
  const some = spread(rows, size * count);
  const batches = Array.from({ length: count }, (_, i) => some.filter((_, k) => k % count === i));
  return batchTimingOf(
    await times(ctx, `${name}, timing batches`, model, batches, WARM_UP_BATCHES),
    size,
  ) satisfies BatchTiming;
}

/** Bytes of a process of its own that answers a batch. */
export async function memoryFor(
  ctx: Context,
  { path }: InputArtifact,
  model: Predictor,
  rows: readonly Question[],
): Promise<number> {
  const { threads, signal } = ctx;
  const some = spread(rows, Math.min(BATCH, rows.length));
  const texts = some.map(({ text }) => text);
  return memoryOf(
    path,
    { texts, pairs: pairsFor(model, some) },
    {
      backend: ctx.options.backend,
      threads,
      signal,
    },
  );
}

const spread = (rows: readonly Question[], count: number): Question[] =>
  Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)] as Question);

/** Milliseconds of each call. */
async function times(
  ctx: Context,
  phase: string,
  model: Predictor,
  calls: readonly (readonly Question[])[],
  warmUp: number,
): Promise<Float64Array> {
  for (const rows of calls.slice(0, warmUp)) await ask(model, rows);
  const taken = new Float64Array(calls.length);
  for (const [i, rows] of calls.entries()) {
    ctx.signal.throwIfAborted();
    const started = ctx.now();
    await ask(model, rows);
    taken[i] = ctx.now() - started;
    await ctx.progress({ done: i + 1, total: calls.length, unit: 'calls', phase });
  }
  return taken;
}
