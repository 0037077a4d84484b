import { mean } from '../util/numbers.js';
import type { Metric } from './metrics.js';
import { type Estimated, metricsOf, type Outlook, RESAMPLES, type Trained } from './outlook.js';
import { saidOf, times } from './words.js';

/** An estimate as `report.json` has it. */
interface Figure {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** `report.json`, and nothing in it that differs from run to run. Numbers have six digits. */
export interface CurveReport {
  readonly task: string;
  readonly metric: Metric;
  readonly model: string;
  /** Training rows that there are. */
  readonly rows: number;
  readonly test: { readonly rows: number; readonly unlabelled: number };
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  /** What was measured: by size, ascending, the metric of each training. */
  readonly points: readonly { readonly rows: number; readonly values: readonly number[]; readonly mean: number }[];
  readonly verdict: Outlook['verdict'];
  /** The verdict in words. */
  readonly said: string;
  readonly gain: Figure;
  /** error = a + b · rows^−c, the error being as `scaleOf` has it; null where it would say nothing. */
  readonly law: (Record<'a' | 'b' | 'c' | 'limit', Figure> & { readonly r2: number }) | null;
  /** To draw: the law and its band at numbers of rows in equal ratios, from the first size on; empty without a law. */
  readonly curve: readonly ({ readonly rows: number } & Figure)[];
  /** What the next point takes; null but for the verdict `reachable`. */
  readonly next: {
    readonly metric: number;
    /** More rows than the largest size has. */
    readonly rows: Figure;
    /** Null where the recipe does not say what a row costs. */
    readonly usd: Figure | null;
  } | null;
}

/** What a report is made of beside the trainings. */
export interface About {
  readonly task: string;
  readonly model: string;
  readonly rows: number;
  readonly unlabelled: number;
  readonly seed: number;
  /** US dollars of a row, where the recipe says it. */
  readonly usdPerRow: number | undefined;
}

const DRAWN = 33;

export function reportOf(trained: Trained, outlook: Outlook, about: About): CurveReport {
  const { metric, sizes } = trained;
  const { verdict, gain, law, target, more } = outlook;
  return {
    task: about.task,
    metric,
    model: about.model,
    rows: about.rows,
    test: { rows: trained.rows, unlabelled: about.unlabelled },
    bootstrap: { resamples: RESAMPLES, seed: about.seed },
    points: metricsOf(trained).map((values, i) => ({
      rows: sizes[i]?.rows as number,
      values: values.map(short),
      mean: short(mean(values)),
    })),
    verdict,
    said: saidOf(trained, outlook, about.usdPerRow),
    gain: figure(gain),
    law: law
      ? {
          a: figure({ value: law.fit.a, interval: law.intervals.a }),
          b: figure({ value: law.fit.b, interval: law.intervals.b }),
          c: figure({ value: law.fit.c, interval: law.intervals.c }),
          limit: figure(law.limit),
          r2: short(law.r2),
        }
      : null,
    curve: law ? drawn(trained, outlook).map((rows) => ({ rows, ...figure(law.at(rows)) })) : [],
    next:
      verdict === 'reachable' && more && target !== undefined
        ? {
            metric: short(target),
            rows: figure(more),
            usd: about.usdPerRow === undefined ? null : figure(times(more, about.usdPerRow)),
          }
        : null,
  };
}

/** Numbers of rows from the first size to twice the last, or to where the next point is. */
function drawn({ sizes }: Trained, { law, more }: Outlook): number[] {
  const [first, last] = [sizes[0]?.rows as number, sizes.at(-1)?.rows as number];
  const end = law && more && more.value < Number.POSITIVE_INFINITY ? Math.max(2 * last, last + more.value) : 2 * last;
  return Array.from({ length: DRAWN }, (_, i) => Math.round(first * (end / first) ** (i / (DRAWN - 1))));
}

const short = (value: number): number => Number(value.toPrecision(6));
const maybe = (value: number | null): number | null => (value === null ? null : short(value));
const figure = ({ value, interval: { low, high } }: Estimated): Figure => ({
  value: short(value),
  low: maybe(low),
  high: maybe(high),
});
