import type { Html } from '../html.js';
import { number } from '../words.js';
import { figure } from './figure.js';
import { axisStyle, colour, namedAxis, svgOf } from './svg.js';

export interface Bars {
  readonly title: string;
  /** What the bars are of, `step`. */
  readonly of: string;
  readonly names: readonly string[];
  /** A value a name; undefined where there is none. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
  /** Where each bar begins; by default at 0. */
  readonly starts?: readonly number[];
  /** Bars of one name stand one behind the other. */
  readonly stacked?: boolean;
  /** Beside the axis and in the table. */
  readonly format?: (value: number) => string;
}

const ROW = 24;

/** Bars from left to right, one below the other, those of one name together. */
export function barChart({
  title,
  of,
  names,
  series,
  starts,
  stacked = starts !== undefined,
  format = number,
}: Bars): Html {
  const bars = series.map(({ name, values }, i) => ({
    type: 'bar' as const,
    name,
    data: values.map((value) => value ?? '-'),
    itemStyle: { color: colour(i) },
    barMaxWidth: 14,
    barMinHeight: 2,
    ...(stacked && { stack: 'all' }),
  }));
  const offset = { type: 'bar' as const, stack: 'all', data: [...(starts ?? [])], itemStyle: { color: 'transparent' } };
  const { axis, left } = namedAxis(names);
  const svg = svgOf(
    {
      grid: { left, right: 26, top: 8, bottom: 26 },
      xAxis: {
        ...axisStyle,
        type: 'value',
        min: 0,
        splitNumber: 3,
        axisLabel: { ...axisStyle.axisLabel, formatter: format },
      },
      yAxis: axis,
      series: starts ? [offset, ...bars] : bars,
    },
    `${title}: ${names.map((name, i) => `${name} ${series.map(({ values }) => told(values[i], format)).join(', ')}`).join('; ')}`,
    46 + ROW * names.length * (stacked ? 1 : Math.max(1, series.length * 0.75)),
  );
  const columns = [of, ...series.map(({ name }) => name)].map((label, i) => ({
    label,
    align: i === 0 ? ('left' as const) : ('right' as const),
  }));
  const rows = names.map((name, i) => [name, ...series.map(({ values }) => told(values[i], format))]);
  return figure({ title, svg, key: series.length > 1 ? series.map(({ name }) => name) : [], table: { columns, rows } });
}

const told = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '–' : format(value);
