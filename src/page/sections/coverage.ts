import type { JsonObject } from '../../util/json.js';
import { figures } from '../charts/figure.js';
import { lineChart } from '../charts/lines.js';
import { scatterChart } from '../charts/scatter.js';
import { type Html, html } from '../html.js';
import { isObject, numberOf, objectsOf, shown } from '../json.js';
import type { RunData } from '../run-data.js';
import type { Section } from '../section.js';
import { number } from '../words.js';

/** Words that name a region on the map. */
const WORDS = 2;

/** How well chosen rows cover what they were chosen from: a map with its holes. */
export const coverage: Section = {
  id: 'coverage',
  title: 'Coverage',
  render(run) {
    const parts = coveragesOf(run).map(
      ({ id, report }) => html`<h3>${id} <small>choose-data</small></h3>${figures([...map(report), ...curve(report)])}`,
    );
    return parts.length === 0 ? undefined : html`${parts}`;
  },
};

const coveragesOf = ({ steps }: RunData) =>
  steps.flatMap(({ id, results }) =>
    results.flatMap(({ files }) => {
      const report = files['report.json'];
      return isObject(report) && report.report === 'coverage' ? [{ id, report }] : [];
    }),
  );

function map(report: JsonObject): Html[] {
  const points = objectsOf(isObject(report.map) ? report.map.points : undefined);
  const regions = objectsOf(report.clusters);
  if (points.length === 0) return [];
  const places = (all: readonly JsonObject[]): [number, number][] =>
    all.flatMap(({ x, y }): [number, number][] => (typeof x === 'number' && typeof y === 'number' ? [[x, y]] : []));
  const holes = (Array.isArray(report.holes) ? report.holes : []).flatMap((hole): JsonObject[] => {
    const region = regions[hole as number];
    return region ? [region] : [];
  });
  const wordsOf = ({ words }: JsonObject): string[] => (Array.isArray(words) ? words.map((word) => shown(word)) : []);
  const percent = (share: unknown): string => `${((numberOf(share) ?? 0) * 100).toFixed(1)} %`;
  return [
    scatterChart({
      title: 'Rows and those that were chosen; holes are named by their words',
      alt: `Map of rows. Covered least: ${holes.map((hole) => `${wordsOf(hole).join(', ') || 'no telling words'}, ${percent(hole.coverage)}`).join('; ')}`,
      groups: [
        { name: 'not chosen', points: places(points.filter(({ chosen }) => chosen !== true)) },
        { name: 'chosen', points: places(points.filter(({ chosen }) => chosen === true)) },
      ],
      labels: holes.map((hole) => ({
        name: wordsOf(hole).slice(0, WORDS).join(', '),
        x: numberOf(hole.x) ?? 0,
        y: numberOf(hole.y) ?? 0,
      })),
      table: {
        columns: [
          { label: 'region' },
          { label: 'share of all', align: 'right' },
          { label: 'chosen', align: 'right' },
          { label: 'covered', align: 'right' },
        ],
        rows: regions.map((region) => [
          wordsOf(region).join(', ') || '–',
          percent(region.share),
          number(numberOf(region.chosen)),
          percent(region.coverage),
        ]),
      },
    }),
  ];
}

/** Share of the rows near to a chosen one, by how near that is. */
function curve({ coverage: figure }: JsonObject): Html[] {
  const points = objectsOf(isObject(figure) ? figure.curve : undefined);
  if (points.length < 2) return [];
  const over = (name: string): [number, number][] =>
    points.flatMap(({ radius, [name]: share }): [number, number][] =>
      typeof radius === 'number' && typeof share === 'number' ? [[radius, share]] : [],
    );
  return [
    lineChart({
      title: 'Share of the rows within a radius of a chosen one',
      x: 'radius',
      fromZero: true,
      most: 1,
      marked: true,
      series: [
        { name: 'chosen rows', points: over('chosen') },
        { name: 'as many random rows', points: over('random') },
      ],
    }),
  ];
}
