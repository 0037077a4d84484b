import { basename } from 'node:path';
import { html } from '../html.js';
import type { Section } from '../section.js';
import { facts } from '../table.js';

/** What was asked: the recipe as it was, and what was set on the command line. */
export const asked: Section = {
  id: 'recipe',
  title: 'What was asked',
  render({ record, recipe, steps }) {
    const file = basename(record.recipe);
    const set = record.set.map((setting) => `--set ${setting}`).join(' ');
    const text =
      recipe === undefined
        ? html`<p>The recipe was not kept with this run.</p>`
        : html`<details><summary>The recipe, ${recipe.trimEnd().split('\n').length} lines</summary><pre tabindex="0">${recipe}</pre></details>`;
    return html`${facts([
      ['recipe', html`<code>${file}</code>`],
      ['settings', set && html`<code>${set}</code>`],
      ['steps', String(steps.length)],
    ])}${text}`;
  },
};
