import { formatCost, formatSeconds } from '../../ui/format.js';
import { formatBytes } from '../../util/bytes.js';
import { barChart } from '../charts/bars.js';
import { figures } from '../charts/figure.js';
import { anything } from '../generic.js';
import { type Html, html } from '../html.js';
import { isObject, numberOf, objectsOf } from '../json.js';
import { nameOf, reportsOf } from '../report-files.js';
import type { RunData, StepData } from '../run-data.js';
import type { Section } from '../section.js';
import { details, facts } from '../table.js';

/** What the run took, and what answering with its models takes. */
export const cost: Section = {
  id: 'cost',
  title: 'Cost',
  render(run) {
    const measured = run.steps.flatMap((step) =>
      step.results.flatMap(({ name, value }) => (value === undefined ? [] : [{ step, name, value }])),
    );
    return html`${spent(run)}${figures([...sizes(run), ...measured.flatMap(({ step, value }) => times(step, value))])}${measured.map(
      ({ step, name, value }) => details(`${step.id}: ${name}, as it was measured`, anything(value, name)),
    )}`;
  },
};

function spent({ steps, view }: RunData): Html {
  const usd = steps.reduce((sum, { progress, state }) => sum + (state === 'cached' ? 0 : (progress?.cost ?? 0)), 0);
  const peak = Math.max(0, ...steps.map(({ peakMemory }) => peakMemory ?? 0));
  const disk = steps.flatMap(({ results }) => results).reduce((sum, { bytes }) => sum + bytes, 0);
  return facts([
    ['time', formatSeconds(view.seconds ?? (view.at - view.startedAt) / 1000)],
    ['spent on teachers', usd > 0 ? formatCost(usd) : undefined],
    ['most memory of a step', peak > 0 ? formatBytes(peak) : undefined],
    ['results on disk', disk > 0 ? formatBytes(disk) : undefined],
  ]);
}

/** Milliseconds a text, where a step measured them. */
function times({ id }: StepData, value: unknown): Html[] {
  const models = objectsOf(isObject(value) ? value.models : undefined).filter(
    ({ median_ms }) => numberOf(median_ms) !== undefined,
  );
  if (models.length === 0) return [];
  return [
    barChart({
      title: `Milliseconds a text, one by one (${id})`,
      of: 'model',
      names: models.map(nameOf),
      series: [
        { name: 'median', values: models.map(({ median_ms }) => numberOf(median_ms)) },
        { name: '95th percentile', values: models.map(({ p95_ms }) => numberOf(p95_ms)) },
      ],
    }),
  ];
}

/** Bytes of the weights of each model that was judged. */
const sizes = (run: RunData): Html[] =>
  reportsOf(run).flatMap(({ step, models }) => {
    const known = models.filter(({ bytes }) => numberOf(bytes) !== undefined);
    if (known.length === 0) return [];
    return [
      barChart({
        title: `Size of the weights (${step.id})`,
        of: 'model',
        names: known.map(nameOf),
        series: [{ name: 'bytes', values: known.map(({ bytes }) => numberOf(bytes)) }],
        format: formatBytes,
      }),
    ];
  });
