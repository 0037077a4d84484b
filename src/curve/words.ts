import type { Table } from '../engine/step.js';
import type { Interval } from '../report/intervals.js';
import { FIGURE_NAMES } from '../report/task-figures.js';
import { mean } from '../util/numbers.js';
import { type Metric, scaleOf } from './metrics.js';
import { type Estimated, FAR, LEAST_R2, metricsOf, type Outlook, type Trained } from './outlook.js';

/** The verdict as a sentence or two. @param usdPerRow where it is known, from wherever */
export function saidOf({ metric, sizes }: Trained, outlook: Outlook, usdPerRow: number | undefined): string {
  const { verdict, gain, law, target, more } = outlook;
  const name = FIGURE_NAMES[metric];
  const { bounded } = scaleOf(metric);
  const shown = shownAs(metric);
  const change = bounded ? gain : opposite(gain);
  const signed = (value: number): string => `${value < 0 ? '' : '+'}${shown(value)}`;
  const [first, last] = [sizes[0]?.rows as number, sizes.at(-1)?.rows as number];
  if (verdict === 'flat') {
    return `${name} at ${grouped(last)} rows is not better than at ${grouped(first)} by more than chance (${signed(change.value)}, 95 % ${range(change.interval, signed)}): from this curve nothing can be said of more rows.`;
  }
  if (verdict === 'no-law' || !law || target === undefined) {
    return `The points do not lie on a power law (it explains less than ${100 * LEAST_R2} % of their variance): from this curve nothing can be said of more rows.`;
  }
  const limit = `${shown(law.limit.value)} (95 % ${range(law.limit.interval, shown)})`;
  const point = `another ${bounded ? 'point of' : 'hundredth off'} ${name}, ${shown(target)},`;
  if (verdict === 'levels-off') {
    return `By its law ${name} levels off near ${limit}: ${point} is not to be had by more rows like these.`;
  }
  if (verdict === 'far') {
    const most = FAR * last;
    return `By its law ${point} takes more than ${grouped(most)} rows, ${FAR} times what was measured: too far to name a number.`;
  }
  const rows = more as Estimated;
  if (verdict === 'uncertain') {
    const least = grouped(round2(rows.interval.low as number));
    return `By its law ${name} ends near ${limit}: ${point} takes ${least} more rows at least (95 %), or is not to be had: too uncertain to name a number.`;
  }
  const cost =
    usdPerRow === undefined
      ? ''
      : `, about ${dollars(rows.value * usdPerRow)} (95 % ${range(times(rows, usdPerRow).interval, dollars)})`;
  return `By its law ${point} takes about ${grouped(round2(rows.value))} more rows (95 % ${range(rows.interval, (value) => grouped(round2(value)))})${cost}.`;
}

export function tableOf(trained: Trained, outlook: Outlook, said: string): Table {
  const { metric, sizes } = trained;
  const { law } = outlook;
  const values = metricsOf(trained);
  const seeds = values[0]?.length ?? 0;
  const [name, fixed] = [FIGURE_NAMES[metric], shownAs(metric)];
  const at = (rows: number): string[] => {
    if (!law) return [];
    const { value, interval } = law.at(rows);
    return [fixed(value), range(interval, fixed)];
  };
  const right = (label: string) => ({ label, align: 'right' as const });
  return {
    title: 'Learning curve',
    columns: [right('rows'), right(name), right(`of ${seeds} seeds`), ...(law ? [right('law'), right('95 %')] : [])],
    rows: sizes.map(({ rows }, i) => {
      const own = values[i] as number[];
      return [grouped(rows), fixed(mean(own)), `${fixed(Math.min(...own))} – ${fixed(Math.max(...own))}`, ...at(rows)];
    }),
    notes: [
      said,
      ...(law
        ? [
            `${scaleOf(metric).bounded ? '1 − ' : ''}${name} = ${law.fit.a.toPrecision(3)} + ${law.fit.b.toPrecision(3)} · rows^−${law.fit.c.toPrecision(3)} explains ${(100 * law.r2).toFixed(1)} % of the variance of the means.`,
          ]
        : []),
    ],
  };
}

/** Four decimals of what ends at 1, and four digits of what has a unit. */
const shownAs =
  (metric: Metric) =>
  (value: number): string => {
    const text = scaleOf(metric).bounded ? Math.abs(value).toFixed(4) : Math.abs(value).toPrecision(4);
    return value < 0 ? `−${text}` : text;
  };

export const times = ({ value, interval: { low, high } }: Estimated, factor: number): Estimated => ({
  value: value * factor,
  interval: { low: low === null ? null : low * factor, high: high === null ? null : high * factor },
});

const opposite = ({ value, interval: { low, high } }: Estimated): Estimated => ({
  value: -value,
  interval: { low: high === null ? null : -high, high: low === null ? null : -low },
});

const grouped = (n: number): string => n.toLocaleString('en');
const dollars = (usd: number): string => `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
/** Two digits: a third would not be true. */
const round2 = (n: number): number => Number(n.toPrecision(2));
const range = ({ low, high }: Interval, shown: (value: number) => string): string =>
  `${low === null ? '?' : shown(low)} to ${high === null ? 'no end' : shown(high)}`;
