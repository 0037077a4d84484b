import type { EChartsOption } from 'echarts';
import { init } from 'echarts/dist/echarts.esm.min.mjs';
import { escaped, Html } from '../html.js';
import { cut } from '../words.js';

/** Of all charts, in units of the drawing: on a phone about a pixel each. */
export const WIDTH = 380;
const HEIGHT = 230;

/** Colours of series, by the style sheet: they follow light and dark. */
export const colour = (i: number): string => `var(--c${(i % 6) + 1})`;
/** Lines are told apart by more than their colour. */
export const DASHES = ['solid', 'dashed', 'dotted'] as const;
export const dash = (i: number): (typeof DASHES)[number] => DASHES[Math.floor(i / 2) % 3] as (typeof DASHES)[number];

const TEXT = { color: 'var(--muted)', fontFamily: 'inherit', fontSize: 11 };

/** How every axis looks. */
export const axisStyle = {
  axisLabel: { ...TEXT, hideOverlap: true },
  nameTextStyle: TEXT,
  axisLine: { lineStyle: { color: 'var(--line)' } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: 'var(--line)' } },
  minorTick: { show: false },
};

/** The plane of values over numbers, below which the horizontal axis has its name. @param top @param right room */
export const plane = (top: number, right: number) => ({ left: 8, right, top, bottom: 24, containLabel: true });

/** A horizontal axis with its name below it. */
export const acrossAxis = (name: string) => ({
  ...axisStyle,
  name,
  nameLocation: 'middle' as const,
  nameGap: 24,
  splitLine: { show: false },
});

/** A vertical axis of values. @param scale its lower end is near the least of them rather than at 0 */
export const upAxis = (scale: boolean) => ({ ...axisStyle, type: 'value' as const, scale, splitNumber: 4 });

/** Characters of a name beside an axis. */
const NAME = 22;

/** An axis of names from top to bottom, and the room that they need at the left. */
export function namedAxis(names: readonly string[]) {
  const longest = Math.max(...names.map((name) => Math.min(NAME, name.length)));
  const axis = {
    ...axisStyle,
    type: 'category' as const,
    data: [...names],
    inverse: true,
    splitLine: { show: false },
    axisLabel: { ...axisStyle.axisLabel, interval: 0, formatter: (name: string) => cut(name, NAME) },
  };
  // Nothing here knows how wide a letter is in the reader's font.
  return { axis, left: 14 + Math.ceil(longest * 6.8) };
}

/** A chart as SVG. @param alt what it shows, for those who do not see it */
export function svgOf(option: EChartsOption, alt: string, height = HEIGHT): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit' }, ...option });
    return new Html(slim(chart.renderToSVGString(), alt));
  } finally {
    chart.dispose();
  }
}

/** Without what is for a mouse that moves over it, and with a size of the page's choosing. */
function slim(svg: string, alt: string): string {
  return svg
    .replace(/<style[\s\S]*?<\/style>/, '')
    .replace(/ (?:class|pointer-events|ecmeta_\w+|xml:space)="[^"]*"/g, '')
    .replace(/<rect [^>]*fill="none"[^>]*><\/rect>\n?/, '')
    .replace(/^<svg width="\d+" height="\d+"/, `<svg role="img" aria-label="${escaped(alt)}"`)
    .replace(/ xmlns:xlink="[^"]*"| baseProfile="[^"]*"| version="[^"]*"/g, '')
    .replace(/>\n+/g, '>');
}
