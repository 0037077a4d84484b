import type { JsonObject } from '../../util/json.js';
import { figures } from '../charts/figure.js';
import { lineChart, type Series } from '../charts/lines.js';
import { html } from '../html.js';
import { isObject, numberOf, objectsOf, textOf } from '../json.js';
import { isLearningCurve, placeOf } from '../places.js';
import type { Section } from '../section.js';
import { stepTable } from '../table.js';
import { plain } from '../words.js';

/** How much better more rows would make a model. */
export const learningCurve: Section = {
  id: 'learning-curve',
  title: 'Learning curve',
  render({ steps }) {
    const parts = steps.flatMap((step) =>
      step.results.flatMap(({ files }) => {
        const report = files['report.json'];
        if (!isObject(report) || !isLearningCurve(report)) return [];
        const tables = step.tables.filter((table) => placeOf(step, table) === 'learning-curve').map(stepTable);
        return [
          html`<h3>${step.id} <small>${step.uses}</small></h3><p>${textOf(report.said)}</p>${figures([chart(report)])}${tables}`,
        ];
      }),
    );
    return parts.length === 0 ? undefined : html`${parts}`;
  },
};

/** What was measured, and the law with its band. */
function chart(report: JsonObject) {
  const metric = plain(textOf(report.metric) ?? 'metric');
  const over = (name: string, list: readonly JsonObject[], key: string): Series => ({
    name,
    points: list.flatMap(({ rows, [key]: value }): [number, number][] => {
      const [x, y] = [numberOf(rows), numberOf(value)];
      return x === undefined || y === undefined ? [] : [[x, y]];
    }),
  });
  const law = objectsOf(report.curve);
  return lineChart({
    title: `${metric} by training rows`,
    x: 'rows',
    marked: true,
    series: [
      over('measured, mean', objectsOf(report.points), 'mean'),
      ...(law.length > 0
        ? [over('power law', law, 'value'), over('law, lower end', law, 'low'), over('law, upper end', law, 'high')]
        : []),
    ],
  });
}
