import type { Html } from '../html.js';
import { number } from '../words.js';
import { figure } from './figure.js';
import { axisStyle, colour, namedAxis, svgOf } from './svg.js';

/** A figure of something, and within what it lies. */
export interface Ranged {
  readonly name: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

const ROW = 26;

/** Values with their intervals, one below the other. */
export function intervalChart(title: string, all: readonly Ranged[]): Html {
  const names = all.map(({ name }) => name);
  const { axis, left } = namedAxis(names);
  const svg = svgOf(
    {
      grid: { left, right: 20, top: 8, bottom: 26 },
      xAxis: { ...axisStyle, type: 'value', scale: true, splitNumber: 4 },
      yAxis: axis,
      series: all.flatMap(({ value, low = value, high = value }, i) => [
        {
          type: 'line' as const,
          data: [
            [low, i],
            [high, i],
          ],
          symbol: 'rect',
          symbolSize: [2, 10] as [number, number],
          itemStyle: { color: colour(0) },
          lineStyle: { color: colour(0), width: 2 },
        },
        {
          type: 'scatter' as const,
          data: [[value, i]],
          symbolSize: 9,
          itemStyle: { color: colour(0) },
        },
      ]),
    },
    `${title}: ${all.map(({ name, value, low, high }) => `${name} ${number(value)}${low === undefined ? '' : ` (${number(low)} to ${number(high)})`}`).join('; ')}`,
    46 + ROW * all.length,
  );
  const columns = ['model', 'value', 'from', 'to'].map((label, i) => ({
    label,
    align: i === 0 ? ('left' as const) : ('right' as const),
  }));
  const rows = all.map(({ name, value, low, high }) => [name, number(value), number(low), number(high)]);
  return figure({ title, svg, table: { columns, rows } });
}
