import { formatSeconds } from '../ui/format.js';
import { type Html, html } from './html.js';
import type { RunData, StepData } from './run-data.js';
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
export const page = (run: RunData): string => lonePage(titleOf(run), body(run));

/** @param head what more stands in the head */
export const document = (run: RunData, head: Html): string => frame(titleOf(run), head, body(run));

const titleOf = ({ record }: RunData): string => `${record.name}: report of a run`;

/** A page that needs no other file, and may load and run nothing. */
export const lonePage = (title: string, content: Html): string =>
  frame(title, html`<meta http-equiv="Content-Security-Policy" content="${POLICY}">`, content);

function frame(title: string, head: Html, content: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">${head}<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><title>${title}</title><style>${style}</style></head>
<body>${content}</body></html>
`.text;
}

/** What is seen of it. */
export function body(run: RunData): Html {
  const { record, view, steps } = run;
  const shown = sections.flatMap(({ id, title, render }) => {
    const content = render(run);
    return content === undefined ? [] : [{ id, title, content }];
  });
  const seconds = formatSeconds(view.seconds ?? Math.max(0, view.at - view.startedAt) / 1000);
  return html`<header><p class="kind">recipe · report of a run</p><h1>${record.name}</h1><p><span class="status ${view.status}">${STATUS[view.status]}</span> after ${seconds}: ${counted(steps)}</p><p class="small">Started ${record.started.slice(0, 16).replace('T', ' ')} UTC, run ${record.id}</p><nav aria-label="Sections"><ul>${shown.map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ul></nav></header><main>${shown.map(
    ({ id, title, content }) =>
      html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>`,
  )}</main>`;
}

/** `8 steps, 5 done, 3 up to date` */
function counted(steps: readonly StepData[]): string {
  const words = (Object.entries(STATES) as [StepData['state'], string][]).flatMap(([state, word]) => {
    const count = steps.filter((step) => step.state === state).length;
    return count > 0 ? [`${count} ${word}`] : [];
  });
  return [`${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`, ...words].join(', ');
}

const STATES: Readonly<Record<StepData['state'], string>> = {
  done: 'done',
  cached: 'up to date',
  running: 'running',
  failed: 'failed',
  interrupted: 'interrupted',
  skipped: 'skipped',
  waiting: 'waiting',
};
