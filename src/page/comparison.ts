import type { ComparedModel, Comparison } from '../report/across.js';
import { comparisonTable } from '../report/across-table.js';
import { figures } from './charts/figure.js';
import { type FrontPoint, frontChart } from './charts/fronts.js';
import { type Html, html } from './html.js';
import { lonePage } from './page.js';
import { stepTable } from './table.js';
import { plain } from './words.js';

/**
 * Models of several runs as one file that needs no other: the table, and quality against size and against time.
 * @param runs what each run is, in their order
 */
export function comparisonPage(comparison: Comparison, runs: readonly string[]): string {
  const quality = plain(comparison.figure);
  const chart = (
    title: string,
    axis: string,
    front: ComparedModel['pareto'][number],
    cost: (model: ComparedModel) => number | null,
  ): Html[] => {
    const points = comparison.models.flatMap((model): FrontPoint[] => {
      const x = cost(model);
      // A logarithm has no place for 0.
      if (x === null || x <= 0 || model.quality.value === null) return [];
      const name = runs.length > 1 ? `${model.name} (${model.runs.join(', ')})` : model.name;
      return [{ name, x, y: model.quality.value, front: model.pareto.includes(front) }];
    });
    return points.length < 2 ? [] : [frontChart(title, axis, quality, points)];
  };
  const charts = [
    ...chart(
      `${quality} against size; the line: no other is as good and smaller`,
      'bytes',
      'size',
      ({ bytes }) => bytes,
    ),
    ...chart(
      `${quality} against time; the line: no other is as good and faster`,
      comparison.figure === 'mrr' ? 'ms a pair' : 'ms a text',
      'time',
      ({ ms }) => ms,
    ),
  ];
  return lonePage(
    'Comparison of models',
    html`<header><p class="kind">recipe · comparison</p><h1>Comparison of models</h1></header><main><section aria-label="Pareto fronts">${figures(charts)}</section><section aria-label="Models">${stepTable(comparisonTable(comparison, runs))}</section></main>`,
  );
}
