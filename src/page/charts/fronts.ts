import { truncateMiddle } from '../../ui/format.js';
import type { Html } from '../html.js';
import { number } from '../words.js';
import { figure } from './figure.js';
import { acrossAxis, axisStyle, colour, plane, svgOf, upAxis } from './svg.js';

export interface FrontPoint {
  readonly name: string;
  /** Above 0. */
  readonly x: number;
  readonly y: number;
  /** It is on the line. */
  readonly front: boolean;
}

const NAME = 18;

/** Named points over a logarithmic axis, and a line through those that no other one beats. */
export function frontChart(title: string, x: string, y: string, points: readonly FrontPoint[]): Html {
  const front = points.filter((point) => point.front).sort((a, b) => a.x - b.x);
  const label = {
    show: true,
    position: 'top' as const,
    color: 'var(--muted)',
    fontFamily: 'inherit',
    fontSize: 10,
  };
  const svg = svgOf(
    {
      grid: plane(20, 40),
      xAxis: {
        ...acrossAxis(x),
        type: 'log',
        axisLabel: { ...axisStyle.axisLabel, formatter: (value: number) => number(value) },
      },
      yAxis: upAxis(true),
      series: [
        {
          type: 'line',
          data: front.map((point) => [point.x, point.y]),
          showSymbol: false,
          lineStyle: { color: colour(0), width: 1.5, type: 'dashed' },
        },
        {
          type: 'scatter',
          data: points.map((point) => ({
            value: [point.x, point.y],
            itemStyle: { color: colour(point.front ? 0 : 1) },
            label: { ...label, formatter: () => truncateMiddle(point.name, NAME) },
          })),
          symbolSize: 9,
          labelLayout: { hideOverlap: true },
        },
      ],
    },
    `${title}: ${points.map((point) => `${point.name} ${y} ${number(point.y)}, ${x} ${number(point.x)}${point.front ? ', on the front' : ''}`).join('; ')}`,
    280,
  );
  const columns = ['model', x, y, 'on the front'].map((name, i) => ({
    label: name,
    align: i === 0 ? ('left' as const) : ('right' as const),
  }));
  const rows = points.map((point) => [point.name, number(point.x), number(point.y), point.front ? 'yes' : '']);
  return figure({ title, svg, table: { columns, rows } });
}
