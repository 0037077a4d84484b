import type { Json, JsonObject } from '../../util/json.js';
import { barChart } from '../charts/bars.js';
import { figures } from '../charts/figure.js';
import { anything, listTable } from '../generic.js';
import { type Html, html } from '../html.js';
import { isObject, numberOf, objectsOf, shown } from '../json.js';
import { placeOf } from '../places.js';
import type { Output, StepData } from '../run-data.js';
import type { Section } from '../section.js';
import { details, stepTable } from '../table.js';
import { plain } from '../words.js';

/** Files that are drawn, or that another section draws. */
const KNOWN = ['dataset.json', 'funnel.json', 'report.json'];

/** Rows: where they went, and what there is of them. */
export const data: Section = {
  id: 'data',
  title: 'Data',
  render({ steps }) {
    const made = steps.filter((step) => datasetsOf(step).length > 0);
    if (made.length === 0) return undefined;
    return html`${made.map(
      (step) =>
        html`<h3>${step.id} <small>${step.uses}</small></h3>${figures([...funnel(step), ...splits(step)])}${step.tables
          .filter((table) => placeOf(step, table) === 'data')
          .map(stepTable)}${examples(step)}${more(step)}`,
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

const funnelsOf = ({ results }: StepData): JsonObject[] =>
  results.map(({ files }) => files['funnel.json']).filter(isObject);

/** How many rows were left after each stage that took some. */
function funnel(step: StepData): Html[] {
  return funnelsOf(step).map(({ read, stages }) => {
    const all = isObject(read) ? (numberOf(read.rows) ?? 0) : 0;
    const took = objectsOf(stages).flatMap(({ name, rows }) => {
      const count = numberOf(rows) ?? 0;
      return count > 0 ? [{ name: shown(name), count }] : [];
    });
    let left = all;
    const after = took.map(({ count }) => {
      left -= count;
      return left;
    });
    return barChart({
      title: 'Rows that are left, and what took the others',
      of: 'stage',
      names: ['read', ...took.map(({ name }) => name)],
      series: [
        { name: 'left', values: [all, ...after] },
        { name: 'taken out', values: [undefined, ...took.map(({ count }) => count)] },
      ],
      stacked: true,
    });
  });
}

/** Some of the rows that each stage took out. */
const examples = (step: StepData): Html[] =>
  funnelsOf(step).flatMap(({ stages }) =>
    objectsOf(stages).flatMap(({ name, examples: some }) => {
      const list = objectsOf(some);
      const title = `Taken out: ${shown(name)}, examples`;
      return list.length > 0 ? [details(title, listTable(list, title))] : [];
    }),
  );

/** What else the folders of its results tell. */
const more = (step: StepData): Html[] =>
  step.results
    .filter(({ kind }) => kind === 'dataset' || kind === 'report')
    .flatMap(({ name, files }) =>
      Object.entries(files)
        .filter(([file]) => !KNOWN.includes(file))
        .map(([file, value]) => {
          const title = `${name}: ${plain(file.replace(/\.jsonl?$/, ''))}`;
          return details(title, anything(value, title));
        }),
    );
