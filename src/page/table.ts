import type { Table } from '../engine/step.js';
import { type Html, html } from './html.js';

/** A table whose cells may hold HTML. */
export interface PageTable {
  readonly columns: readonly { readonly label: string; readonly align?: 'left' | 'right' }[];
  readonly rows: readonly (readonly (Html | string)[])[];
}

/** Wider than a phone, it scrolls by itself; whoever has no mouse can do that too. */
export const scrolling = (content: Html, label: string): Html =>
  html`<div class="scroll" tabindex="0" role="group" aria-label="${label}">${content}</div>`;

/** @param title said to those who do not see it */
export function tableOf({ columns, rows }: PageTable, title: string): Html {
  const side = (i: number): Html => (columns[i]?.align === 'right' ? html` class="n"` : html``);
  const head = columns.map(({ label }, i) =>
    label === '' ? html`<td></td>` : html`<th scope="col"${side(i)}>${label}</th>`,
  );
  const body = rows.map(
    (cells) =>
      html`<tr>${cells.map((cell, i) => (i === 0 ? html`<th scope="row"${side(i)}>${cell}</th>` : html`<td${side(i)}>${cell}</td>`))}</tr>`,
  );
  return scrolling(html`<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`, title);
}

/** A table that a step showed, with its title and notes. */
export const stepTable = ({ title, columns, rows, notes }: Table): Html =>
  html`<div class="block"><h4>${title}</h4>${tableOf({ columns, rows }, title)}${notesOf(notes)}</div>`;

const notesOf = (notes: readonly string[]): Html | undefined =>
  notes.length === 0 ? undefined : html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`;

/** Names and what they are. */
export const facts = (pairs: readonly (readonly [string, Html | string | undefined])[]): Html =>
  html`<dl>${pairs.map(([name, value]) => value !== undefined && value !== '' && html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** Folded away until it is asked for. */
export const details = (summary: string, content: Html | readonly Html[]): Html =>
  html`<details><summary>${summary}</summary>${content}</details>`;
