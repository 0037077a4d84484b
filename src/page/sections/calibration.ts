import type { JsonObject } from '../../util/json.js';
import { figures } from '../charts/figure.js';
import { lineChart } from '../charts/lines.js';
import { type Html, html } from '../html.js';
import { numberOf, objectsOf } from '../json.js';
import { nameOf, partsNamed, reportsOf } from '../report-files.js';
import type { Section } from '../section.js';
import { tableOf } from '../table.js';
import { number } from '../words.js';

/** Whether models are right as often as they say. */
export const calibration: Section = {
  id: 'calibration',
  title: 'Calibration',
  render(run) {
    const parts = reportsOf(run).flatMap(({ models, title }) => {
      const known = models
        .map((model) => ({ model, points: reliability(model) }))
        .filter(({ points }) => points.length > 0);
      if (known.length === 0) return [];
      const chart = lineChart({
        title: 'Share of answers that are right, by the probability that the model gives them',
        x: 'probability',
        range: [0, 1],
        fromZero: true,
        most: 1,
        marked: true,
        series: [
          {
            name: 'as it should be',
            points: [
              [0, 0],
              [1, 1],
            ],
          },
          ...known.map(({ model, points }) => ({ name: nameOf(model), points })),
        ],
      });
      return [html`<h3>${title}</h3>${errors(known.map(({ model }) => model))}${figures([chart])}`];
    });
    return parts.length === 0 ? undefined : html`${parts}`;
  },
};

/** Confidence and accuracy of each bin in which there are rows. */
const reliability = (model: JsonObject): [number, number][] =>
  partsNamed(model, 'bins').flatMap((bins) =>
    objectsOf(bins).flatMap(({ confidence, accuracy }): [number, number][] => {
      const [x, y] = [numberOf(confidence), numberOf(accuracy)];
      return x === undefined || y === undefined ? [] : [[x, y]];
    }),
  );

/** Expected calibration error and Brier score, where the report has them. */
function errors(models: readonly JsonObject[]): Html | undefined {
  const known = (
    [
      ['ece', 'expected calibration error'],
      ['brier', 'Brier score'],
    ] as const
  ).filter(([key]) => models.some((model) => partsNamed(model, key).length > 0));
  if (known.length === 0) return undefined;
  const columns = [{ label: 'model' }, ...known.map(([, label]) => ({ label, align: 'right' as const }))];
  const rows = models.map((model) => [
    nameOf(model),
    ...known.map(([key]) => number(numberOf(partsNamed(model, key)[0]))),
  ]);
  return tableOf({ columns, rows }, 'Calibration errors');
}
