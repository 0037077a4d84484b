import { describeRun } from '../ui/describe.js';
import { formatSeconds } from '../ui/format.js';
import { type Html, html } from './html.js';
import type { RunData } from './run-data.js';
import { sections } from './sections/index.js';
import { style } from './style.js';

const STATUS: Readonly<Record<RunData['view']['status'], string>> = {
  pending: 'not begun',
  running: 'running',
  stopping: 'stopping',
  ok: 'ok',
  failed: 'failed',
  interrupted: 'interrupted',
};

/** Nothing may be loaded or run, whatever a text in the page says. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The report of a run as one file that needs no other. */
export const page = (run: RunData): string =>
  document(run, html`<meta http-equiv="Content-Security-Policy" content="${POLICY}">`);

/** @param head what more stands in the head */
export function document(run: RunData, head: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">${head}<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><title>${run.record.name}: report of a run</title><style>${style}</style></head>
<body>${body(run)}</body></html>
`.text;
}

/** What is seen of it. */
export function body(run: RunData): Html {
  const { record, view, steps } = run;
  const whole = { ...view, steps: new Map(steps.map((step) => [step.id, step])) };
  const shown = sections.flatMap(({ id, title, render }) => {
    const content = render(run);
    return content === undefined ? [] : [{ id, title, content }];
  });
  const seconds = view.seconds ?? (view.at - view.startedAt) / 1000;
  return html`<header><p class="kind">recipe · report of a run</p><h1>${record.name}</h1><p><span class="status ${view.status}">${STATUS[view.status]}</span> <span>${describeRun(whole).replace(/^.*?: /, '')}</span></p><p class="small">Started ${record.started.slice(0, 16).replace('T', ' ')} UTC, ${formatSeconds(Math.max(0, seconds))}</p><nav aria-label="Sections"><ul>${shown.map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ul></nav></header><main>${shown.map(
    ({ id, title, content }) =>
      html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>`,
  )}</main>`;
}
