import type { Table } from '../engine/step.js';
import type { Interval } from '../report/intervals.js';
import { mean } from '../util/numbers.js';
import { type Estimated, FAR, LEAST_R2, metricsOf, type Outlook, type Trained } from './outlook.js';

/** The verdict as a sentence or two. @param usdPerRow where it is known, from wherever */
export function saidOf({ metric, sizes }: Trained, outlook: Outlook, usdPerRow: number | undefined): string {
  const { verdict, gain, law, target, more } = outlook;
  const name = nameOf(metric);
  const [first, last] = [sizes[0]?.rows as number, sizes.at(-1)?.rows as number];
  if (verdict === 'flat') {
    return `${name} at ${grouped(last)} rows is not better than at ${grouped(first)} by more than chance (${signed(gain.value)}, 95 % ${range(gain.interval, signed)}): from this curve nothing can be said of more rows.`;
  }
  if (verdict === 'no-law' || !law || target === undefined) {
    return `The points do not lie on a power law (it explains less than ${100 * LEAST_R2} % of their variance): from this curve nothing can be said of more rows.`;
  }
  const limit = `${law.limit.value.toFixed(4)} (95 % ${range(law.limit.interval, (value) => value.toFixed(4))})`;
  const point = `another point of ${name}, ${target.toFixed(4)},`;
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
  const fixed = (value: number): string => value.toFixed(4);
  const at = (rows: number): string[] => {
    if (!law) return [];
    const { value, interval } = law.at(rows);
    return [fixed(value), range(interval, fixed)];
  };
  const right = (label: string) => ({ label, align: 'right' as const });
  return {
    title: 'Learning curve',
    columns: [
      right('rows'),
      right(nameOf(metric)),
      right(`of ${seeds} seeds`),
      ...(law ? [right('law'), right('95 %')] : []),
    ],
    rows: sizes.map(({ rows }, i) => {
      const own = values[i] as number[];
      return [grouped(rows), fixed(mean(own)), `${fixed(Math.min(...own))} – ${fixed(Math.max(...own))}`, ...at(rows)];
    }),
    notes: [
      said,
      ...(law
        ? [
            `1 − ${nameOf(metric)} = ${law.fit.a.toPrecision(3)} + ${law.fit.b.toPrecision(3)} · rows^−${law.fit.c.toPrecision(3)} explains ${(100 * law.r2).toFixed(1)} % of the variance of the means.`,
          ]
        : []),
    ],
  };
}

export const nameOf = (metric: Trained['metric']): string => (metric === 'macro_f1' ? 'macro-F1' : 'accuracy');

export const times = ({ value, interval: { low, high } }: Estimated, factor: number): Estimated => ({
  value: value * factor,
  interval: { low: low === null ? null : low * factor, high: high === null ? null : high * factor },
});

const grouped = (n: number): string => n.toLocaleString('en');
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
const dollars = (usd: number): string => `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
/** Two digits: a third would not be true. */
const round2 = (n: number): number => Number(n.toPrecision(2));
const range = ({ low, high }: Interval, shown: (value: number) => string): string =>
  `${low === null ? '?' : shown(low)} to ${high === null ? 'no end' : shown(high)}`;
