import { percentile } from '../util/numbers.js';
import type { ModelReport } from './evaluate.js';
import type { Figures } from './expect.js';
import { grouped, milliseconds, nameOf, type ReportTable, sizeOf } from './table.js';

/** How long a text takes alone, in milliseconds. */
export interface Timing {
  readonly median_ms: number;
  readonly p95_ms: number;
  /** Texts timed. */
  readonly rows: number;
}

/** How long a text of a batch takes, in milliseconds. */
export interface BatchTiming {
  /** Texts of a batch. */
  readonly size: number;
  readonly batches: number;
  readonly median_ms: number;
  readonly p95_ms: number;
  readonly texts_per_second: number;
}

/** What a model's answers cost here; what is not measured, or is not here to be, is undefined. */
export interface Cost {
  readonly timing: Timing | undefined;
  readonly batch: BatchTiming | undefined;
  /** Bytes. */
  readonly memory: number | undefined;
  /** US dollars for a million texts, one by one. */
  readonly usdPerMillion: number | undefined;
}

/** A model, as far as its costs go. */
export type Costed = Pick<ModelReport, 'name' | 'role' | 'type' | 'parameters' | 'bytes'>;

/** @param times of one text each, milliseconds; not empty */
export function timingOf(times: Float64Array): Timing {
  const sorted = times.slice().sort();
  return { median_ms: percentile(sorted, 0.5), p95_ms: percentile(sorted, 0.95), rows: times.length };
}

/** @param times of a whole batch each, milliseconds; not empty */
export function batchTimingOf(times: Float64Array, size: number): BatchTiming {
  const sorted = times.map((ms) => ms / size).sort();
  const all = times.reduce((sum, ms) => sum + ms, 0);
  return {
    size,
    batches: times.length,
    median_ms: percentile(sorted, 0.5),
    p95_ms: percentile(sorted, 0.95),
    texts_per_second: (1000 * size * times.length) / all,
  };
}

/** US dollars for a million texts of so many milliseconds, on a machine that costs so much an hour. */
export const usdPerMillion = (milliseconds: number, hour: number): number => (hour * milliseconds) / 3.6;

/** The figures of `expect` that are measured. @param teacher of the model that it is compared with */
export function costFigures(cost: Cost, teacher: Cost | undefined): Figures {
  const { timing, batch, memory, usdPerMillion: usd } = cost;
  return {
    p50_ms: timing?.median_ms ?? null,
    p95_ms: timing?.p95_ms ?? null,
    batch32_p50_ms: batch?.median_ms ?? null,
    batch32_p95_ms: batch?.p95_ms ?? null,
    texts_per_second: batch?.texts_per_second ?? null,
    memory_mb: memory === undefined ? null : memory / 1e6,
    usd_per_million: usd ?? null,
    price_ratio: usd === undefined || !teacher?.usdPerMillion ? null : usd / teacher.usdPerMillion,
  };
}

/** An amount as one reads it: `0.034`, `1,250`. */
export const dollars = (value: number): string => (value >= 99.5 ? grouped(Math.round(value)) : value.toPrecision(2));

/**
 * What answering costs, model by model.
 * @param costs in the order of the models
 * @param hour US dollars that an hour of this machine is taken to cost
 */
export function costTable(title: string, models: readonly Costed[], costs: readonly Cost[], hour: number): ReportTable {
  const teacher = costs[models.findIndex(({ role }) => role === 'teacher')];
  const batch = costs.find((cost) => cost.batch)?.batch;
  const timed = costs.find(({ timing }) => timing)?.timing;
  const dash = (value: number | undefined, text: (value: number) => string): string =>
    value === undefined ? '–' : text(value);
  const columns: [label: string, cell: (cost: Cost, i: number) => string][] = [
    ['parameters', (_, i) => dash(models[i]?.parameters ?? undefined, grouped)],
    ['bytes', (_, i) => dash(models[i]?.bytes ?? undefined, sizeOf)],
    ['memory', ({ memory }) => dash(memory, sizeOf)],
    ['ms p50', ({ timing }) => milliseconds(timing?.median_ms)],
    ['ms p95', ({ timing }) => milliseconds(timing?.p95_ms)],
    [`ms p50, ${batch?.size ?? 32}`, ({ batch: own }) => milliseconds(own?.median_ms)],
    [`ms p95, ${batch?.size ?? 32}`, ({ batch: own }) => milliseconds(own?.p95_ms)],
    ['texts/s', ({ batch: own }) => dash(own && Math.round(own.texts_per_second), grouped)],
    ['$/million', ({ usdPerMillion: usd }) => dash(usd, dollars)],
  ];
  if (teacher) {
    const ratio = (cost: Cost): number | undefined => costFigures(cost, teacher).price_ratio ?? undefined;
    columns.push(['÷ teacher', (cost) => (cost === teacher ? '' : dash(ratio(cost), (value) => value.toPrecision(2)))]);
  }
  return {
    title: `${title}: what answering costs`,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model, i) => [nameOf(model, models), ...columns.map(([, cell]) => cell(costs[i] as Cost, i))]),
    notes: [
      ...(timed ? timingNotes(timed, batch) : []),
      `$/million: dollars for a million texts one by one, at $${hour} for an hour of this machine; of a teacher behind an API, as it was billed.`,
    ],
  };
}

const timingNotes = (timed: Timing, batch: BatchTiming | undefined): string[] => [
  `ms are of a text: alone (median and 95th percentile of ${grouped(timed.rows)} texts), and in batches of ${batch?.size ?? 32} (${batch?.batches ?? 0} timed), which texts/s is of.`,
  'Memory is the largest of a process that loads the model and answers a batch, Node.js and the backend included.',
];
