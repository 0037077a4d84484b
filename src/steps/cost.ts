import type { Row } from '../data/dataset.js';
import type { InputArtifact, StepContext } from '../engine/step.js';
import type { EvaluateOptions } from '../options/evaluate.js';
import {
  batchTimingOf,
  type Cost,
  type Costed,
  costFigures,
  costTable,
  type Timing,
  timingOf,
  usdPerMillion,
} from '../report/cost.js';
import { type Expectation, isMeasured, judge, wantedOf } from '../report/expect.js';
import { memoryOf } from './memory.js';

/** Rows timed one by one, at most, and rows answered before that. */
const TIMED = 200;
const WARM_UP = 10;
/** Rows of a batch; batches timed, at most, and before that. */
const BATCH = 32;
const BATCHES = 20;
const WARM_UP_BATCHES = 2;

type Context = StepContext<EvaluateOptions>;
type Clock = Pick<StepContext<never>, 'now' | 'signal' | 'progress'>;
type Answer = (rows: readonly Row[]) => Promise<unknown>;

/** What a model's answers cost, as far as it is asked for; rows are spread evenly over all. */
export async function costOf(
  ctx: Context,
  { from, path }: InputArtifact,
  rows: readonly Row[],
  answer: Answer,
): Promise<Cost> {
  const { cost, expect = {}, usd_per_hour: hour } = ctx.options;
  const asked = (...figures: string[]): boolean =>
    cost || wantedOf(expect).some(({ figure }) => figures.includes(figure));
  const timing = await timeAlone(ctx, from, rows, answer);
  const size = Math.min(BATCH, rows.length);
  return {
    timing,
    batch: asked('batch32_p50_ms', 'batch32_p95_ms', 'texts_per_second')
      ? batchTimingOf(await times(ctx, `${from}, timing batches`, answer, batchesOf(rows, size), WARM_UP_BATCHES), size)
      : undefined,
    memory: asked('memory_mb') ? await memoryOf(ctx, path, spread(rows, size)) : undefined,
    usdPerMillion: usdPerMillion(timing.median_ms, hour),
  };
}

/** How long a row takes, one after the other. */
export async function timeAlone(ctx: Clock, from: string, rows: readonly Row[], answer: Answer): Promise<Timing> {
  const one = spread(rows, Math.min(TIMED, rows.length)).map((row) => [row]);
  return timingOf(await times(ctx, `${from}, timing`, answer, one, WARM_UP));
}

/**
 * Holds measured figures against what is expected of them, and keeps all of them in the output `timing`.
 * @returns what is expected of them
 */
export function judgeCosts(ctx: Context, models: readonly (Costed & { readonly cost: Cost })[]): Expectation[] {
  const ofRole = (role: Costed['role']): Cost | undefined => models.find((model) => model.role === role)?.cost;
  const teacher = ofRole('teacher');
  const figures = (cost: Cost | undefined) => (cost ? costFigures(cost, teacher) : {});
  const expectations = judge(wantedOf(ctx.options.expect ?? {}).filter(isMeasured), {
    student: figures(ofRole('student')),
    teacher: figures(teacher),
  });
  ctx.measure('timing', {
    threads: ctx.threads,
    models: models.map(({ name, role, cost }) => ({
      name,
      role,
      ...cost.timing,
      ...(cost.batch && { batch: { ...cost.batch } }),
      ...(cost.memory !== undefined && { memory: cost.memory }),
      ...(cost.usdPerMillion !== undefined && { usd_per_million: cost.usdPerMillion }),
    })),
    expectations: expectations.map((each) => ({ ...each })),
  });
  return expectations;
}

/** The second table, where the recipe asks for it. */
export function showCosts(ctx: Context, models: readonly (Costed & { readonly cost: Cost })[]): void {
  if (!ctx.options.cost) return;
  const costs = models.map(({ cost }) => cost);
  ctx.show(costTable(ctx.options.title, models, costs, ctx.options.usd_per_hour));
}

const spread = (rows: readonly Row[], count: number): Row[] =>
  Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)] as Row);

function batchesOf(rows: readonly Row[], size: number): Row[][] {
  const count = Math.min(BATCHES, Math.floor(rows.length / size));
  const some = spread(rows, size * count);
  return Array.from({ length: count }, (_, i) => some.filter((_, k) => k % count === i));
}

/** Milliseconds of each call. */
async function times(
  ctx: Clock,
  phase: string,
  answer: Answer,
  calls: readonly (readonly Row[])[],
  warmUp: number,
): Promise<Float64Array> {
  for (const rows of calls.slice(0, warmUp)) await answer(rows);
  const taken = new Float64Array(calls.length);
  for (const [i, rows] of calls.entries()) {
    ctx.signal.throwIfAborted();
    const started = ctx.now();
    await answer(rows);
    taken[i] = ctx.now() - started;
    await ctx.progress({ done: i + 1, total: calls.length, unit: 'calls', phase });
  }
  return taken;
}
