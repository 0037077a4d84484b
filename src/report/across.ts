import { type Ratio, ratio } from './compare.js';
import type { Role } from './evaluate.js';
import { holm } from './holm.js';
import { bootstrapP, mcnemar, percentileInterval, RESAMPLES, resampled } from './intervals.js';
import { paretoFront } from './pareto.js';
import type { RowStatistic } from './row-answers.js';

/** A model of one or several runs, with its answers to the rows that all were asked. */
export interface Contender {
  readonly name: string;
  readonly role: Role;
  /** Null of a teacher of which only answers are here, and of what is no model. */
  readonly type: string | null;
  /** Places of its runs among those that are compared, from 1. */
  readonly runs: readonly number[];
  readonly parameters: number | null;
  readonly bytes: number | null;
  /** Milliseconds of a text alone, median and 95th percentile; null where it was not timed. */
  readonly ms: number | null;
  readonly p95_ms: number | null;
  /** The figure that models are compared by. */
  readonly statistic: RowStatistic;
  /** Whether each row's answer is right; undefined where answers are right by degrees. */
  readonly right: readonly boolean[] | undefined;
}

export interface ComparedModel extends Omit<Contender, 'statistic' | 'right'> {
  /** With its interval, 95 %. */
  readonly quality: Ratio;
  /** Its figure minus the best student's, on the same rows; null for that one. */
  readonly difference: Ratio | null;
  /** McNemar's exact test against the best student, Holm's correction for all of them; null where there is none. */
  readonly mcnemar_p: number | null;
  /** The same where answers are right by degrees, by the resamples of `difference`; else null. */
  readonly bootstrap_p: number | null;
  /** Which fronts of quality and cost it is on: no other model is as good and smaller, or as good and faster. */
  readonly pareto: readonly ('size' | 'time')[];
}

/** Models of several runs, the best first. */
export interface Comparison {
  readonly figure: string;
  readonly rows: number;
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  readonly models: readonly ComparedModel[];
}

/**
 * Holds models against the best student (or, without students, the best model); all intervals are of the same resamples.
 * @param rows that all models answered
 */
export function compareModels(figure: string, rows: number, models: readonly Contender[], seed: number): Comparison {
  const all = Int32Array.from({ length: rows }, (_, row) => row);
  const scoreOf = ({ statistic }: Contender): number => {
    const value = statistic(all);
    return Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
  };
  const ordered = models
    .map((model) => ({ model, value: scoreOf(model) }))
    .sort((a, b) => b.value - a.value || (a.model.bytes ?? Infinity) - (b.model.bytes ?? Infinity))
    .map(({ model }) => model);
  const best = (ordered.find(({ role }) => role === 'student') ?? ordered[0]) as Contender;
  const others = ordered.filter((model) => model !== best);
  const statistics = [
    ...ordered.map(({ statistic }) => statistic),
    ...others.map(
      ({ statistic }) =>
        (sample: Int32Array) =>
          statistic(sample) - best.statistic(sample),
    ),
  ];
  const resamples = resampled(rows, statistics, seed);
  const figures = statistics.map((of, i) => ratio(of(all), percentileInterval(resamples[i] as Float64Array)));
  const differenceOf = (model: Contender): number => ordered.length + others.indexOf(model);
  const mcnemarP = corrected(others, ({ right }) => right && best.right && mcnemarOf(right, best.right));
  const bootstrappedP = corrected(others, (model) =>
    model.right ? undefined : bootstrapP(resamples[differenceOf(model)] as Float64Array),
  );
  const quality = ordered.map(scoreOf);
  const front = (cost: (model: Contender) => number | null): boolean[] =>
    paretoFront(ordered.map((model, i) => ({ quality: quality[i] as number, cost: cost(model) })));
  const [small, fast] = [front(({ bytes }) => bytes), front(({ ms }) => ms)];
  return {
    figure,
    rows,
    bootstrap: { resamples: RESAMPLES, seed },
    models: ordered.map((contender, i): ComparedModel => {
      const { statistic: _, right: __, ...model } = contender;
      return {
        ...model,
        quality: figures[i] as Ratio,
        difference: contender === best ? null : (figures[differenceOf(contender)] as Ratio),
        mcnemar_p: mcnemarP.get(contender) ?? null,
        bootstrap_p: bootstrappedP.get(contender) ?? null,
        pareto: [...(small[i] ? ['size' as const] : []), ...(fast[i] ? ['time' as const] : [])],
      };
    }),
  };
}

/** Holm's correction for all models of which there is a p. */
function corrected(models: readonly Contender[], pOf: (model: Contender) => number | undefined) {
  const tested = models.flatMap((model): [Contender, number][] => {
    const p = pOf(model);
    return p === undefined ? [] : [[model, p]];
  });
  const raised = holm(tested.map(([, p]) => p));
  return new Map(tested.map(([model], i) => [model, raised[i] as number]));
}

function mcnemarOf(one: readonly boolean[], other: readonly boolean[]): number {
  const only = (a: readonly boolean[], b: readonly boolean[]): number => a.filter((right, i) => !right && b[i]).length;
  return mcnemar(only(one, other), only(other, one));
}
