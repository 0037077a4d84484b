import type { Html } from '../html.js';
import type { PageTable } from '../table.js';
import { figure } from './figure.js';
import { thinned } from './lines.js';
import { axisStyle, colour, svgOf, WIDTH } from './svg.js';

export interface Scatter {
  readonly title: string;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
  /** Those named later are drawn above the others. */
  readonly groups: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
  /** Names at places. */
  readonly labels: readonly { readonly name: string; readonly x: number; readonly y: number }[];
  readonly table: PageTable;
}

/** Points drawn of a group: more do not show at this size. */
const DRAWN = 500;

/** Points in a plane whose axes mean nothing by themselves. */
export function scatterChart({ title, alt, groups, labels, table }: Scatter): Html {
  const axis = {
    ...axisStyle,
    type: 'value' as const,
    scale: true,
    axisLabel: { show: false },
    axisLine: { show: false },
    splitLine: { show: false },
  };
  const svg = svgOf(
    {
      grid: { left: 8, right: 8, top: 8, bottom: 8 },
      xAxis: axis,
      yAxis: axis,
      series: [
        ...groups.map(({ points }, i) => ({
          type: 'scatter' as const,
          data: thinned(points, DRAWN).map(([x, y]) => [x, y]),
          symbol: i === 0 ? 'circle' : 'diamond',
          symbolSize: i === 0 ? 3 : 7,
          itemStyle: { color: colour(i) },
        })),
        {
          type: 'scatter' as const,
          data: labels.map(({ name, x, y }) => ({ name, value: [x, y] })),
          symbolSize: 1,
          itemStyle: { color: 'transparent' },
          label: {
            show: true,
            formatter: ({ name }: { name: string }) => name,
            color: 'var(--text)',
            fontSize: 12,
            textBorderColor: 'var(--back)',
            textBorderWidth: 3,
          },
        },
      ],
    },
    alt,
    Math.round(WIDTH * 0.8),
  );
  return figure({ title, svg, key: groups.map(({ name }) => name), table });
}
