import type { Timing } from './cost.js';
import type { ModelReport, Report, TrainedOn } from './evaluate.js';
import type { Expectation } from './expect.js';
import type { Interval } from './intervals.js';

/** The engine's `Table`; this folder knows nothing of the engine. */
export interface ReportTable {
  readonly title: string;
  readonly columns: { label: string; align: 'left' | 'right' }[];
  readonly rows: string[][];
  readonly notes: string[];
}

/** What answering costs. */
export interface Costs {
  /** US dollars for a thousand texts, in the order of the models; undefined where nothing is known. */
  readonly usd: readonly (number | undefined)[];
  /** What an hour of this machine is taken to cost. */
  readonly hour: number;
}

/**
 * The report as one table, with what one must know to read it below.
 * @param timings in the order of the models; undefined for a model that did not answer here
 * @param expectations all of them, measured or not
 */
export function tableOf(
  report: Report,
  timings: readonly (Timing | undefined)[],
  expectations: readonly Expectation[],
  costs?: Costs,
): ReportTable {
  const { models } = report;
  const hasTeacher = models.some(({ retention }) => retention !== null);
  const hasBaseline = models.some(({ role }) => role === 'baseline');
  const names = models.map((model) => nameOf(model, models));
  const columns: [label: string, cell: (model: ModelReport, index: number) => string][] = [
    ['accuracy', ({ accuracy }) => accuracy.toFixed(4)],
    ['macro-F1', ({ macro_f1 }) => macro_f1.toFixed(4)],
    ['AUC', ({ roc_auc }) => roc_auc?.toFixed(4) ?? '–'],
    ['ECE', ({ calibration }) => calibration.ece.toFixed(4)],
  ];
  if (hasTeacher) {
    columns.push(['retention', ({ retention }) => (retention ? percent(retention.macro_f1.value) : '')]);
  }
  columns.push(
    ['parameters', ({ parameters }) => (parameters === null ? '–' : grouped(parameters))],
    ['bytes', ({ bytes }) => (bytes === null ? '–' : sizeOf(bytes))],
    ['ms/text', (_, i) => milliseconds(timings[i]?.median_ms)],
    ['errors', ({ errors }) => grouped(errors)],
  );
  if (costs !== undefined) {
    columns.push(['$/1,000', (_, i) => (costs.usd[i] === undefined ? '–' : (costs.usd[i] as number).toPrecision(2))]);
  }
  if (hasBaseline) {
    columns.push(['÷ baseline [95 %]', ({ baseline }) => (baseline ? ratioOf(baseline.error_ratio) : '')]);
  }
  return {
    title: report.title,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model, i) => [names[i] as string, ...columns.map(([, cell]) => cell(model, i))]),
    notes: [
      ...testNotes(report),
      ...trainingNotes(models, names),
      'AUC is the area under the ROC curve, ECE the expected calibration error (15 bins): how far a probability is from the share that it gets right.',
      ...comparisonNotes(report, names),
      ...timingNotes(timings, names),
      ...(costs === undefined
        ? []
        : [
            `$/1,000: dollars for a thousand texts, of the teacher as it was billed, of the others at $${costs.hour} for an hour of this machine, texts one by one.`,
          ]),
      ...expectations.map(expectationNote),
    ],
  };
}

export function timingNotes(timings: readonly (Timing | undefined)[], names: readonly string[]): string[] {
  const known = timings.flatMap((timing, i) => (timing === undefined ? [] : [{ timing, name: names[i] }]));
  if (known.length === 0) return [];
  const late = known.map(({ timing, name }) => `${name} ${milliseconds(timing.p95_ms)}`).join(', ');
  return [
    `ms/text is the median at batch 1 of ${grouped(known[0]?.timing.rows ?? 0)} texts (95th percentile: ${late}). Bytes are the weights alone, without vocabulary or tokenizer.`,
  ];
}

/** The step's name, and what it is here where the name does not say so. */
export function nameOf<Model extends Pick<ModelReport, 'name' | 'role' | 'type'>>(
  { name, role, type }: Model,
  models: readonly Model[],
): string {
  const first = models.find((model) => model.role === 'student');
  if (role === 'student') return type === first?.type ? name : `${name} (${type})`;
  return nameWithRole({ name, role });
}

/** The step's name, and its role where it is no student's and the name does not say it. */
export const nameWithRole = ({ name, role }: Pick<ModelReport, 'name' | 'role'>): string =>
  role === 'student' || name.toLowerCase().includes(role) ? name : `${name} (${role})`;

function testNotes({ test, models }: Report): string[] {
  const [first] = models;
  if (first === undefined) return [];
  const { low, high } = first.accuracy_interval;
  const left = test.unlabelled > 0 ? `; ${grouped(test.unlabelled)} without a label left out` : '';
  return [
    `${grouped(test.rows)} test rows${left}. Test noise: ± ${(50 * (high - low)).toFixed(1)} points of accuracy (half of the 95 % interval of ${first.name}).`,
  ];
}

/** One note for all models that were trained on the same. */
export function trainingNotes(models: readonly Pick<ModelReport, 'trained_on'>[], names: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  models.forEach(({ trained_on }, i) => {
    if (trained_on === null) return;
    const text = trainedOn(trained_on);
    groups.set(text, [...(groups.get(text) ?? []), names[i] as string]);
  });
  return [...groups].map(([text, members]) => `${members.join(', ')}: ${text}.`);
}

const trainedOn = ({ rows, labelled, synthetic = 0 }: TrainedOn): string =>
  `trained on ${grouped(rows)} rows, ${labelled === rows ? 'all' : grouped(labelled)} with real labels${synthetic > 0 ? `, ${grouped(synthetic)} of them synthetic` : ''}`;

function comparisonNotes({ models, bootstrap }: Report, names: readonly string[]): string[] {
  const i = models.findIndex(({ role }) => role === 'student');
  const student = models[i];
  if (student === undefined) return [];
  const notes: string[] = [];
  if (student.agreement) {
    const { value, interval } = student.agreement;
    notes.push(`${names[i]} says what the teacher says of ${percent(value)} of the rows ${percentInterval(interval)}.`);
  }
  const interval = student.retention?.macro_f1.interval;
  if (interval) {
    notes.push(
      `Retention is macro-F1 / the teacher's, on the same rows; of ${names[i]} ${percent(student.retention?.macro_f1.value ?? null)} ${percentInterval(interval)}.`,
    );
  }
  if (student.baseline) {
    const { only_this_wrong, only_baseline_wrong, mcnemar_p } = student.baseline;
    notes.push(
      `${names[i]} alone is wrong on ${grouped(only_this_wrong)} rows, the baseline alone on ${grouped(only_baseline_wrong)} (McNemar exact p ${mcnemar_p < 0.001 ? '< 0.001' : `= ${mcnemar_p.toFixed(3)}`}).`,
    );
  }
  if (notes.length > 0) {
    if (student.baseline) notes.push("÷ baseline is the ratio of errors to the baseline's.");
    notes.push(`Intervals: 95 %, paired bootstrap over test rows, ${grouped(bootstrap.resamples)} resamples.`);
  }
  return notes;
}

export const expectationNote = (expectation: Expectation): string =>
  `Expected ${expectation.figure} ${expectation.expected}: ${expectation.met ? 'met' : 'not met'}, ${figureText(expectation)}.`;

/** A figure in the words of the notes and of the failure. */
export function figureText({ figure, value }: Pick<Expectation, 'figure' | 'value'>): string {
  if (value === null) return 'no value';
  return /(parameters|bytes)$/.test(figure) ? grouped(value) : value.toFixed(4);
}

/** `3,751`. */
export const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

export const percent = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(1)} %`);

export const percentInterval = ({ low, high }: Interval): string =>
  `[${low === null ? '−∞' : (100 * low).toFixed(1)}, ${high === null ? '∞' : (100 * high).toFixed(1)}]`;

function ratioOf({ value, interval }: { value: number | null; interval: Interval | null }): string {
  if (value === null) return '–';
  if (interval === null) return value.toFixed(2);
  return `${value.toFixed(2)} [${interval.low?.toFixed(2) ?? '∞'}, ${interval.high?.toFixed(2) ?? '∞'}]`;
}

/** Powers of ten, two or three digits: `850 B`, `2.5 MB`. */
export function sizeOf(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Of a text; a dash where it is not known. */
export const milliseconds = (value: number | undefined): string =>
  value === undefined ? '–' : value.toFixed(value < 10 ? 2 : 1);
