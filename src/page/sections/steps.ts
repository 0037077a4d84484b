import { describeEnd, describeStart } from '../../ui/describe.js';
import { formatSeconds } from '../../ui/format.js';
import { formatBytes } from '../../util/bytes.js';
import { barChart } from '../charts/bars.js';
import { dagOf } from '../charts/dag.js';
import { figures } from '../charts/figure.js';
import { type Html, html } from '../html.js';
import type { RunData, StepData } from '../run-data.js';
import type { Section } from '../section.js';
import { tableOf } from '../table.js';

/** With more steps a drawing shows nothing any more. */
const DRAWN = 150;
/** Listed at most. */
const WARNINGS = 30;

/** Steps, what needs what, how long each took, and what it warned of. */
export const steps: Section = {
  id: 'steps',
  title: 'Steps',
  render(run) {
    if (run.steps.length === 0) return undefined;
    const dag =
      run.steps.length <= DRAWN
        ? dagOf(
            run.steps.map((step) => ({
              id: step.id,
              line: `${step.uses} · ${timeOf(step)}`,
              state: step.state,
              needs: step.needs,
            })),
            `Steps: ${run.steps.map(({ id, needs }) => (needs.length > 0 ? `${id} after ${needs.join(', ')}` : id)).join('; ')}`,
          )
        : undefined;
    return html`${dag}${warnings(run.steps)}${figures(timeline(run))}<details${run.steps.length <= 12 && html` open`}><summary>All steps</summary>${stepTable(run.steps)}</details>`;
  },
};

function timeOf(step: StepData): string {
  if (step.state === 'cached') return 'up to date';
  if (step.seconds !== undefined) return formatSeconds(step.seconds);
  return step.state;
}

/** When each step ran; those taken from the store did not. */
function timeline({ steps, view }: RunData): Html[] {
  const ran = steps.filter(({ startedAt, state }) => startedAt !== undefined && state !== 'cached').slice(0, DRAWN);
  if (ran.length < 2) return [];
  const begun = Math.min(...ran.map(({ startedAt }) => startedAt as number));
  return [
    barChart({
      title: 'When each step ran',
      of: 'step',
      names: ran.map(({ id }) => id),
      starts: ran.map(({ startedAt }) => ((startedAt as number) - begun) / 1000),
      series: [
        {
          name: 'time',
          values: ran.map(({ seconds, startedAt }) => seconds ?? (view.at - (startedAt as number)) / 1000),
        },
      ],
      format: formatSeconds,
    }),
  ];
}

function stepTable(all: readonly StepData[]): Html {
  const columns = [
    { label: 'step' },
    { label: 'uses' },
    { label: 'result' },
    { label: 'why it ran' },
    { label: 'time', align: 'right' as const },
    { label: 'memory', align: 'right' as const },
  ];
  const rows = all.map((step) => [
    step.id,
    step.uses,
    step.state === 'failed'
      ? html`<strong class="bad">failed</strong>`
      : step.state === 'done'
        ? 'done'
        : describeEnd(step),
    step.state === 'cached'
      ? ''
      : step.attempt > 0
        ? describeStart(step) || (step.why?.reason === 'new' ? 'never finished before' : '')
        : '',
    step.seconds === undefined ? '–' : formatSeconds(step.seconds),
    step.peakMemory ? formatBytes(step.peakMemory) : '–',
  ]);
  return tableOf({ columns, rows }, 'All steps');
}

/** What steps warned of. */
function warnings(all: readonly StepData[]): Html | undefined {
  const warned = all.flatMap(({ id, logs }) =>
    [...new Set(logs.filter(({ level }) => level === 'warning').map(({ message }) => message))].map(
      (message) => html`<li><strong>${id}</strong>: ${message}</li>`,
    ),
  );
  if (warned.length === 0) return undefined;
  const more = warned.length - WARNINGS;
  return html`<ul class="problems">${warned.slice(0, WARNINGS)}${more > 0 && html`<li>and ${more} more warnings</li>`}</ul>`;
}
