import { html } from '../html.js';
import type { Section } from '../section.js';

/** Why the run did not go well: first of all that is to be read. */
export const failures: Section = {
  id: 'failures',
  title: 'What went wrong',
  render({ steps }) {
    const failed = steps.flatMap(({ id, state, failure }) => (state === 'failed' && failure ? [{ id, failure }] : []));
    if (failed.length === 0) return undefined;
    const items = failed.map(
      ({ id, failure: { message, hint, place } }) =>
        html`<li><strong class="bad">${id}</strong> failed${place && ` (line ${place.line} of the recipe)`}: ${message}${hint && html`<br>${hint}`}</li>`,
    );
    return html`<ul class="problems">${items}</ul>`;
  },
};
