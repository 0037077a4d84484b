import type { InputArtifact, StepContext } from '../engine/step.js';
import { memoryOf } from '../models/memory.js';
import type { Predictor } from '../models/predictor.js';
import type { Backend } from '../options/evaluate.js';
import { type BatchTiming, batchTimingOf, type Timing, timingOf } from '../report/cost.js';

/** Texts timed one by one, at most, and texts answered before that. */
const TIMED = 200;
const WARM_UP = 10;
/** Texts of a batch; batches timed, at most, and before that. */
const BATCH = 32;
const BATCHES = 20;
const WARM_UP_BATCHES = 2;

type Context = Pick<StepContext<{ readonly backend: Backend }>, 'now' | 'signal' | 'progress' | 'options' | 'threads'>;

/** Texts spread evenly over all, one a call. */
export async function timeAlone(ctx: Context, name: string, model: Predictor, texts: readonly string[]) {
  const some = spread(texts, Math.min(TIMED, texts.length)).map((text) => [text]);
  return timingOf(await times(ctx, `${name}, timing`, model, some, WARM_UP)) satisfies Timing;
}

/** Texts spread evenly over all, 32 a call; fewer where there are fewer. */
export async function timeBatches(ctx: Context, name: string, model: Predictor, texts: readonly string[]) {
  const size = Math.min(BATCH, texts.length);
  const count = Math.min(BATCHES, Math.floor(texts.length / size));
  const some = spread(texts, size * count);
  const batches = Array.from({ length: count }, (_, i) => some.filter((_, k) => k % count === i));
  return batchTimingOf(
    await times(ctx, `${name}, timing batches`, model, batches, WARM_UP_BATCHES),
    size,
  ) satisfies BatchTiming;
}

/** Bytes of a process of its own that answers a batch. */
export async function memoryFor(ctx: Context, { path }: InputArtifact, texts: readonly string[]): Promise<number> {
  const { threads, signal } = ctx;
  return memoryOf(path, spread(texts, Math.min(BATCH, texts.length)), {
    backend: ctx.options.backend,
    threads,
    signal,
  });
}

const spread = (texts: readonly string[], count: number): string[] =>
  Array.from({ length: count }, (_, i) => texts[Math.floor((i * texts.length) / count)] as string);

/** Milliseconds of each call. */
async function times(
  ctx: Context,
  phase: string,
  model: Predictor,
  calls: readonly (readonly string[])[],
  warmUp: number,
): Promise<Float64Array> {
  for (const texts of calls.slice(0, warmUp)) await model.predict(texts);
  const taken = new Float64Array(calls.length);
  for (const [i, texts] of calls.entries()) {
    ctx.signal.throwIfAborted();
    const started = ctx.now();
    await model.predict(texts);
    taken[i] = ctx.now() - started;
    await ctx.progress({ done: i + 1, total: calls.length, unit: 'calls', phase });
  }
  return taken;
}
