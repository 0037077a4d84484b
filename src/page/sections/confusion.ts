import type { Json, JsonObject } from '../../util/json.js';
import { type Html, html } from '../html.js';
import { textOf } from '../json.js';
import { nameOf, partsNamed, reportsOf } from '../report-files.js';
import type { Section } from '../section.js';
import { scrolling } from '../table.js';
import { number } from '../words.js';

/** With more labels nobody reads a matrix. */
const MOST = 40;

/** Which labels models take for which. */
export const confusion: Section = {
  id: 'confusion',
  title: 'Confusion',
  render(run) {
    const found = reportsOf(run).flatMap(({ report, models, title }) => {
      const labels = (Array.isArray(report.labels) ? report.labels : []).map((label) => textOf(label) ?? '');
      return models.flatMap((model) =>
        matrices(model, labels).map((matrix) => drawn(title, nameOf(model), labels, matrix)),
      );
    });
    return found.length === 0
      ? undefined
      : html`<p>Rows are the true labels, columns what the model said; the darker, the larger the share of the row.</p><div class="figures">${found}</div>`;
  },
};

function matrices(model: JsonObject, labels: readonly string[]): number[][][] {
  const isMatrix = (value: Json): value is number[][] =>
    Array.isArray(value) &&
    value.length === labels.length &&
    value.length <= MOST &&
    value.every(
      (row) => Array.isArray(row) && row.length === labels.length && row.every((count) => typeof count === 'number'),
    );
  return partsNamed(model, 'confusion').filter(isMatrix);
}

/** A table that is its own chart. */
function drawn(title: string, name: string, labels: readonly string[], matrix: readonly (readonly number[])[]): Html {
  const rows = labels.map((label, i) => {
    const row = matrix[i] as readonly number[];
    const all = row.reduce((sum, count) => sum + count, 0);
    return html`<tr><th scope="row">${label}</th>${row.map(
      (count) =>
        html`<td class="n" style="background:color-mix(in srgb, var(--c1) ${Math.round((35 * count) / Math.max(1, all))}%, transparent)">${number(count)}</td>`,
    )}</tr>`;
  });
  const table = html`<table class="matrix"><thead><tr><td></td>${labels.map((label) => html`<th scope="col" class="n">${label}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
  return html`<figure><figcaption>${name} <small>${title}</small></figcaption>${scrolling(table, `Confusion matrix of ${name}`)}</figure>`;
}
