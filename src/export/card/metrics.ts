import type { ModelReport, Report } from '../../report/evaluate.js';
import type { LanguageReport } from '../../report/language.js';
import type { MaskedReport } from '../../report/masked.js';
import type { MatchReport } from '../../report/matching.js';
import type { ResponsesReport } from '../../report/responses.js';
import type { TaskReport } from '../../report/task-report.js';
import { code, figure, grouped, percent, plain, section, table } from './markdown.js';
import { qualityList } from './quality.js';
import { type Judged, slicesTable } from './slices.js';

/** `report.json` of an evaluation, of whatever task. */
export type Metrics = Report | TaskReport | ResponsesReport | LanguageReport | MaskedReport | MatchReport;

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
    ...(ofLabels(metrics) || ofTask(metrics) ? ofAnswers(metrics, model) : []),
    'slices' in metrics ? bySlices(metrics, model) : undefined,
    'expectations' in metrics ? expectationsOf(metrics.expectations) : undefined,
  );
}

/** Of models whose answers are right or wrong. */
function ofAnswers(metrics: Report | TaskReport, model: string): (string | undefined)[] {
  const own = metrics.models.find(({ name }) => name === model);
  if (own === undefined) return [];
  return [qualityList(own, comparedBy(metrics)), 'per_label' in own ? labelsOf(own) : undefined];
}

function bySlices(metrics: Judged, model: string): string | undefined {
  const slices = slicesTable(metrics, model);
  return slices && `By the values of fields of the rows:\n\n${slices}`;
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
  const models: readonly Readonly<Record<string, unknown>>[] = metrics.models.map((model) => ({ ...model }));
  const columns = COLUMNS.filter(([key]) => models.some((model) => model[key] != null));
  return [
    columns.map(([key, label]) => (models.some((model) => isMeasured(model[key])) ? `${label} [95 %]` : label)),
    models.map((model) => columns.map(([key]) => cell(model[key]))),
  ];
}

/** What models are judged by that rank, write or tell texts, and what the Hub calls it, where it knows it. */
const COLUMNS: readonly (readonly [key: string, label: string, hub?: string])[] = [
  ['rouge_l', 'Rouge-L', 'rouge'],
  ['exact_match', 'exact match', 'exact_match'],
  ['mrr', 'MRR', 'mean_reciprocal_rank'],
  ['recall_at_1', 'recall at 1'],
  ['roc_auc', 'AUC', 'roc_auc'],
  ['bits_per_byte', 'bits per byte'],
  ['loss', 'loss'],
  ['perplexity', 'perplexity', 'perplexity'],
];

interface Measured {
  readonly value: number;
  readonly interval: Interval | null;
}

const isMeasured = (value: unknown): value is Measured =>
  typeof value === 'object' && value !== null && 'interval' in value && 'value' in value;
const cell = (value: unknown): string =>
  isMeasured(value) ? within(value.value, value.interval) : figure(typeof value === 'number' ? value : null);

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
  const own: Readonly<Record<string, unknown>> = { ...metrics.models.find(({ name }) => name === model) };
  return Object.fromEntries(
    COLUMNS.flatMap(([key, , hub]) => {
      const value = isMeasured(own[key]) ? own[key].value : own[key];
      return hub !== undefined && typeof value === 'number' ? [[hub, value]] : [];
    }),
  );
}

function labelsOf(model: ModelReport): string {
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
