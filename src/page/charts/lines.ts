import type { Html } from '../html.js';
import { number } from '../words.js';
import { figure } from './figure.js';
import { acrossAxis, axisStyle, colour, dash, plane, svgOf, upAxis } from './svg.js';

export interface Series {
  readonly name: string;
  /** In order of the first number. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  readonly title: string;
  /** What the horizontal axis counts, `update`. */
  readonly x: string;
  /** Ends of the horizontal axis; by default those of the points. */
  readonly range?: readonly [number, number];
  readonly series: readonly Series[];
  /** The vertical axis begins at 0. */
  readonly fromZero?: boolean;
  /** End of the vertical axis; by default that of the points. */
  readonly most?: number;
  /** Points are marked. */
  readonly marked?: boolean;
}

/** Points of a line that are drawn: more do not show at this size. */
const DRAWN = 200;
/** Rows of the table behind it. */
const ROWS = 25;

/** Lines over numbers. */
export function lineChart({ title, x, range, series, fromZero = false, most, marked = false }: LineChart): Html {
  const known = series.filter(({ points }) => points.length > 0);
  const all = known.flatMap(({ points }) => points.map(([, y]) => y));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const [from, to] = range ?? [undefined, undefined];
  const flat = low === high;
  const svg = svgOf(
    {
      grid: plane(12, 14),
      xAxis: {
        ...acrossAxis(x),
        type: 'value',
        ...(from === undefined ? {} : { min: from, max: to }),
        splitNumber: 4,
      },
      yAxis: {
        // A line that is level says more with 0 in sight.
        ...upAxis(!fromZero && !flat),
        ...(most === undefined ? {} : { max: most }),
        axisLabel: { ...axisStyle.axisLabel, formatter: (value: number) => axisNumber(value) },
      },
      series: known.map(({ name, points }) => {
        const i = series.findIndex((one) => one.name === name);
        return {
          type: 'line' as const,
          name,
          data: thinned(points, DRAWN).map(([at, value]) => [at, value]),
          showSymbol: marked || points.length === 1,
          symbol: 'circle',
          symbolSize: 6,
          itemStyle: { color: colour(i) },
          lineStyle: { color: colour(i), width: 1.8, type: dash(i) },
        };
      }),
    },
    altOf(title, x, known),
  );
  const places = [...new Set(known.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const rows = thinned(places, ROWS).map((at) => [
    number(at),
    ...series.map(({ points }) => number(points.find(([own]) => own === at)?.[1])),
  ]);
  const columns = [x, ...series.map(({ name }) => name)].map((label) => ({ label, align: 'right' as const }));
  return figure({ title, svg, key: series.length > 1 ? series.map(({ name }) => name) : [], table: { columns, rows } });
}

/** Short, as beside an axis: `0.25`, `20k`, `1e-5`. */
function axisNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4) return `${Number((value / 1000).toPrecision(4))}k`;
  return size > 0 && size < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}

/** At most so many, evenly, the first and the last among them. */
export function thinned<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))] as T);
}

/** The beginning and the end of each line in words. */
function altOf(title: string, x: string, series: readonly Series[]): string {
  const told = series.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)] as [Series['points'][number], Series['points'][number]];
    return `${name} from ${number(first[1])} at ${number(first[0])} to ${number(last[1])} at ${number(last[0])}`;
  });
  return `${title} by ${x}: ${told.join('; ')}`;
}
