import { html } from '../html.js';
import { placeOf } from '../places.js';
import type { Section } from '../section.js';
import { stepTable } from '../table.js';

/** Tables that steps showed and that stand in no other section. */
export const tables: Section = {
  id: 'tables',
  title: 'What steps told',
  render({ steps }) {
    const parts = steps.flatMap((step) => {
      const own = step.tables.filter((table) => placeOf(step, table) === 'other');
      return own.length > 0 ? [html`<h3>${step.id} <small>${step.uses}</small></h3>${own.map(stepTable)}`] : [];
    });
    return parts.length === 0 ? undefined : html`${parts}`;
  },
};
