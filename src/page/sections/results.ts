import type { Json, JsonObject } from '../../util/json.js';
import { figures } from '../charts/figure.js';
import { intervalChart } from '../charts/intervals.js';
import { listTable } from '../generic.js';
import { type Html, html } from '../html.js';
import { isObject, objectsOf, shown, textOf } from '../json.js';
import { placeOf } from '../places.js';
import { type FoundReport, intervalsOf, nameOf, reportsOf } from '../report-files.js';
import type { Section } from '../section.js';
import { details, stepTable, tableOf } from '../table.js';
import { number, plain } from '../words.js';

/** Lists that have a section or a table of their own. */
const ELSEWHERE = ['confusion', 'bins', 'labels', 'slices'];

/** How good the models are: tables, figures with their intervals, what was expected, and where they fail. */
export const results: Section = {
  id: 'results',
  title: 'Results',
  render(run) {
    const reports = reportsOf(run);
    if (reports.length === 0) return undefined;
    return html`${reports.map(
      (found) =>
        html`<h3>${found.title} <small>${found.step.id}</small></h3>${gates(found)}${found.step.tables
          .filter((table) => placeOf(found.step, table) === 'results')
          .map(stepTable)}${figures(intervals(found))}${lists(found)}`,
    )}`;
  },
};

/** What the recipe expected, and whether it is so. */
function gates({ report }: FoundReport): Html | undefined {
  const expected = objectsOf(report.expectations);
  if (expected.length === 0) return undefined;
  const columns = [
    { label: 'expected' },
    { label: 'of' },
    { label: 'value', align: 'right' as const },
    { label: 'met' },
  ];
  const rows = expected.map(({ figure, expected: comparison, value, met }) => [
    plain(shown(figure)),
    shown(comparison),
    typeof value === 'number' ? number(value) : '–',
    met === true ? html`<strong class="good">✓ met</strong>` : html`<strong class="bad">✗ missed</strong>`,
  ]);
  return tableOf({ columns, rows }, 'What was expected');
}

/** A chart a figure that has intervals, with a line a model. */
function intervals({ report, models }: FoundReport): Html[] {
  const charts = new Map<string, { name: string; value: number; low?: number; high?: number }[]>();
  for (const model of models) {
    const main = textOf(report.compared_by);
    const figuresOf = isObject(model.figures) ? model.figures : {};
    // A task's report has the interval of its main figure beside the figures.
    const own: JsonObject =
      main !== undefined && isObject(model.interval) && typeof figuresOf[main] === 'number'
        ? { [main]: figuresOf[main] as Json, [`${main}_interval`]: model.interval }
        : {};
    for (const { path, value, low, high } of intervalsOf({ ...own, ...model })) {
      const title = path.map(plain).join(', ');
      const all = charts.get(title) ?? [];
      charts.set(title, all);
      all.push({
        name: nameOf(model),
        value,
        ...(low === undefined ? {} : { low }),
        ...(high === undefined ? {} : { high }),
      });
    }
  }
  return [...charts].map(([title, all]) => intervalChart(`${title}, 95 %`, all));
}

/** Everything that a report lists of a model or of all: per label, per slice, the worst errors. */
function lists({ report, models }: FoundReport): Html[] {
  const own = models.flatMap((model) =>
    listsIn(model).map(([name, list]) =>
      details(`${nameOf(model)}: ${plain(name)}`, listTable(list, `${nameOf(model)}: ${plain(name)}`)),
    ),
  );
  const { models: _, expectations: __, ...rest } = report;
  const all = listsIn(rest).map(([name, list]) => details(plain(name), listTable(list, plain(name))));
  return [...own, ...all];
}

/** Lists of objects anywhere in a value, by their names. */
function listsIn(value: Json): [string, JsonObject[]][] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, part]): [string, JsonObject[]][] => {
    if (ELSEWHERE.includes(name)) return [];
    const list = objectsOf(part);
    return list.length > 0 ? [[name, list]] : listsIn(part as Json);
  });
}
