import type { Json } from '../../util/json.js';
import { barChart } from '../charts/bars.js';
import { figures } from '../charts/figure.js';
import { anything } from '../generic.js';
import { type Html, html } from '../html.js';
import { isObject, numberOf } from '../json.js';
import { placeOf } from '../places.js';
import type { Output, StepData } from '../run-data.js';
import type { Section } from '../section.js';
import { details, stepTable } from '../table.js';
import { plain } from '../words.js';

/** Files of a dataset that are not told of beside its rows. */
const KNOWN = ['dataset.json'];

/** Rows: where they went, and what there is of them. */
export const data: Section = {
  id: 'data',
  title: 'Data',
  render({ steps }) {
    const made = steps.filter((step) => datasetsOf(step).length > 0);
    if (made.length === 0) return undefined;
    return html`${made.map(
      (step) =>
        html`<h3>${step.id} <small>${step.uses}</small></h3>${figures(splits(step))}${step.tables
          .filter((table) => placeOf(step, table) === 'data')
          .map(stepTable)}${more(step)}`,
    )}`;
  },
};

export const datasetsOf = ({ results }: StepData): Output[] =>
  results.filter(({ kind, files }) => kind === 'dataset' && isObject(files['dataset.json']));

function splits(step: StepData): Html[] {
  const all = datasetsOf(step);
  const count = (output: Output, what: string): number | undefined =>
    numberOf((output.files['dataset.json'] as Record<string, Json>)[what]);
  const rows = all.map((output) => count(output, 'rows'));
  if (rows.every((value) => value === undefined)) return [];
  return [
    barChart({
      title: 'Rows of each output',
      of: 'output',
      names: all.map(({ name }) => name),
      series: [
        { name: 'rows', values: rows },
        { name: 'with a label', values: all.map((output) => count(output, 'labelled')) },
      ],
    }),
  ];
}

/** What else a dataset's folder tells of it. */
const more = (step: StepData): Html[] =>
  datasetsOf(step).flatMap(({ name, files }) =>
    Object.entries(files)
      .filter(([file]) => !KNOWN.includes(file))
      .map(([file, value]) => {
        const title = `${name}: ${plain(file.replace(/\.jsonl?$/, ''))}`;
        return details(title, anything(value, title));
      }),
  );
