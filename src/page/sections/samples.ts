import type { JsonObject } from '../../util/json.js';
import { type Html, html } from '../html.js';
import { objectsOf, shown } from '../json.js';
import { placeOf } from '../places.js';
import type { StepData } from '../run-data.js';
import type { Section } from '../section.js';
import { details, stepTable } from '../table.js';
import { cut } from '../words.js';

const CHARACTERS = 1200;

/** What models wrote: after each stage of their training, and where they were judged. */
export const samples: Section = {
  id: 'samples',
  title: 'Samples',
  render({ steps }) {
    const parts = steps.flatMap((step) => {
      const tables = step.tables.filter((table) => placeOf(step, table) === 'samples').map(stepTable);
      const own = [...tables, ...written(step)];
      return own.length > 0 ? [html`<h3>${step.id} <small>${step.uses}</small></h3>${own}`] : [];
    });
    return parts.length === 0 ? undefined : html`${parts}`;
  },
};

/** Rows of `samples.jsonl`: a text, what it is to be answered with, and what each model wrote. */
const written = ({ results }: StepData): Html[] =>
  results.flatMap(({ files }) => objectsOf(files['samples.jsonl'])).map(sample);

function sample({ text, references, responses }: JsonObject): Html {
  const answers = [
    ...(Array.isArray(references) ? references : []).map((reference) => ['reference', shown(reference)] as const),
    ...objectsOf(responses).map(
      ({ model, response }) => [shown(model), response === null ? '–' : shown(response)] as const,
    ),
  ];
  const title = cut(shown(text).replace(/\s+/g, ' '), 100);
  return details(
    title,
    html`<blockquote>${cut(shown(text), CHARACTERS)}</blockquote><dl class="wide">${answers.map(
      ([who, said]) => html`<div><dt>${who}</dt><dd>${cut(said, CHARACTERS)}</dd></div>`,
    )}</dl>`,
  );
}
