import { type Html, html } from '../html.js';
import { details, type PageTable, tableOf } from '../table.js';
import { colour, dash } from './svg.js';

/** A chart with its title, its key, and the figures behind it. */
export interface Figure {
  readonly title: string;
  readonly svg: Html;
  /** Names of the series, in their order; none where there is one. */
  readonly key?: readonly string[];
  readonly table: PageTable;
}

export const figure = ({ title, svg, key = [], table }: Figure): Html =>
  html`<figure><figcaption>${title}</figcaption>${svg}${
    key.length > 0 &&
    html`<ul class="key">${key.map(
      (name, i) => html`<li><i style="border-top:3px ${dash(i)} ${colour(i)}"></i>${name}</li>`,
    )}</ul>`
  }${details('Figures', tableOf(table, title))}</figure>`;

/** Several beside one another, as many as fit. */
export const figures = (all: readonly Html[]): Html | undefined =>
  all.length === 0 ? undefined : html`<div class="figures">${all}</div>`;
