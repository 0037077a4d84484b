import type { ModelReport, Report } from '../../report/evaluate.js';
import type { ResponsesReport } from '../../report/responses.js';
import type { TaskReport } from '../../report/task-report.js';
import { code, figure, grouped, percent, plain, section, table } from './markdown.js';

/** `report.json` of an evaluation, of whatever task. */
export type Metrics = Report | ResponsesReport | TaskReport;

interface Interval {
  readonly low: number | null;
  readonly high: number | null;
}

/** How good the model is, beside what it was compared with. @param model the step that made it */
export function metricsSection(metrics: Metrics | undefined, model: string): string {
  if (metrics === undefined) return section('Metrics', 'The recipe handed over no evaluation.');
  const [head, rows] = rowsOf(metrics);
  const named = metrics.models.map(({ name, role, parameters }, i) => [
    name === model ? `**${code(name)}**` : `${code(name)} (${role})`,
    ...(rows[i] ?? []),
    parameters === null ? '–' : grouped(parameters),
  ]);
  const right = head.map((_, i) => i + 1);
  return section(
    'Metrics',
    `${plain(metrics.title)}, on ${grouped(metrics.test.rows)} rows that were not trained on.`,
    table(['model', ...head, 'parameters'], named, [...right, head.length + 1]),
    head.includes('retention')
      ? `Retention is ${comparedBy(metrics)} as a share of the teacher’s, on the same rows.`
      : undefined,
    ofLabels(metrics) ? labelsOf(metrics.models.find(({ name }) => name === model)) : undefined,
    'expectations' in metrics ? expectationsOf(metrics.expectations) : undefined,
  );
}

const ofTask = (metrics: Metrics): metrics is TaskReport => 'task' in metrics;
const ofLabels = (metrics: Metrics): metrics is Report => 'labels' in metrics && !ofTask(metrics);
const comparedBy = (metrics: Metrics): string => (ofTask(metrics) ? plain(metrics.compared_by) : 'macro-F1');

/** Columns and, of each model, their cells. */
function rowsOf(metrics: Metrics): [string[], string[][]] {
  if (ofTask(metrics)) {
    const names = Object.keys(metrics.models[0]?.figures ?? {}) as (keyof (typeof metrics.models)[number]['figures'])[];
    const rows = metrics.models.map(({ figures, interval, retention }) => [
      ...names.map((name) => within(figures[name] ?? null, name === metrics.compared_by ? interval : null)),
      share(retention?.value),
    ]);
    return [[...names.map(plain), 'retention'], rows];
  }
  if (ofLabels(metrics)) {
    const rows = metrics.models.map(({ accuracy, accuracy_interval: interval, macro_f1, retention, errors }) => [
      within(accuracy, interval),
      figure(macro_f1),
      share(retention?.macro_f1.value),
      grouped(errors),
    ]);
    return [['accuracy [95 %]', 'macro-F1', 'retention', 'errors'], rows];
  }
  const rows = metrics.models.map(({ rouge_l: rouge, exact_match, perplexity }) => [
    within(rouge.value, rouge.interval),
    percent(exact_match),
    perplexity === null ? '–' : perplexity.toFixed(2),
  ]);
  return [['Rouge-L [95 %]', 'exact match', 'perplexity'], rows];
}

const share = (value: number | null | undefined): string => (value == null ? '–' : percent(value));
const within = (value: number | null, interval: Interval | null): string =>
  interval === null ? figure(value) : `${figure(value)} [${figure(interval.low)}, ${figure(interval.high)}]`;

/** Figures of a model by their names, as the Hub has them beside a card. */
export function figuresOf(metrics: Metrics, model: string): Readonly<Record<string, number>> {
  if (ofTask(metrics)) {
    const figures = metrics.models.find(({ name }) => name === model)?.figures ?? {};
    return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== null)) as Record<string, number>;
  }
  if (ofLabels(metrics)) {
    const own = metrics.models.find(({ name }) => name === model);
    return own ? { accuracy: own.accuracy, f1: own.macro_f1 } : {};
  }
  const own = metrics.models.find(({ name }) => name === model);
  return own ? { rouge: own.rouge_l.value } : {};
}

function labelsOf(model: ModelReport | undefined): string | undefined {
  if (model === undefined) return undefined;
  const rows = model.per_label.map(({ label, precision, recall, f1, support }) => [
    code(label),
    figure(precision),
    figure(recall),
    figure(f1),
    grouped(support),
  ]);
  return table(['label', 'precision', 'recall', 'F1', 'rows'], rows, [1, 2, 3, 4]);
}

function expectationsOf(expectations: Report['expectations']): string | undefined {
  if (expectations.length === 0) return undefined;
  const words = expectations.map(
    ({ figure: name, expected, value, met }) => `${name} ${expected}: ${figure(value)}, ${met ? 'met' : 'missed'}`,
  );
  return `The recipe expected: ${words.map(plain).join('; ')}.`;
}
