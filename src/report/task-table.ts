import type { Timing } from './cost.js';
import type { Expectation } from './expect.js';
import { sliceTable } from './slices.js';
import {
  expectationNote,
  grouped,
  milliseconds,
  nameOf,
  percent,
  percentInterval,
  type ReportTable,
  sizeOf,
  timingNotes,
  trainingNotes,
} from './table.js';
import { FIGURE_NAMES, type TaskFigure } from './task-figures.js';
import type { TaskModelReport, TaskReport } from './task-report.js';

type Column = readonly [label: string, cell: (model: TaskModelReport, index: number) => string];

/**
 * The report of a task as one table, with what one must know to read it below.
 * @param timings in the order of the models
 * @param expectations all of them, measured or not
 */
export function taskTable(
  report: TaskReport,
  timings: readonly (Timing | undefined)[],
  expectations: readonly Expectation[],
): ReportTable {
  const { models, compared_by: main } = report;
  const names = models.map((model) => nameOf(model, models));
  const shown = Object.keys(models[0]?.figures ?? {}) as TaskFigure[];
  const columns: Column[] = [
    ...shown.map((figure): Column => [FIGURE_NAMES[figure], ({ figures }) => figures[figure]?.toFixed(4) ?? '–']),
    ...(models.some(({ role }) => role === 'teacher')
      ? [['retention', ({ retention }: TaskModelReport) => (retention ? percent(retention.value) : '')] as const]
      : []),
    ['parameters', ({ parameters }) => grouped(parameters)],
    ['bytes', ({ bytes }) => sizeOf(bytes)],
    ['ms/text', (_, i) => milliseconds(timings[i]?.median_ms)],
    ...(models.some(({ role }) => role === 'baseline')
      ? [['− baseline [95 %]', ({ ahead_of_baseline }: TaskModelReport) => aheadText(ahead_of_baseline)] as const]
      : []),
  ];
  return {
    title: report.title,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model, i) => [names[i] as string, ...columns.map(([, cell]) => cell(model, i))]),
    notes: [
      testNote(report, names),
      ...trainingNotes(models, names),
      ...comparisonNotes(report, names, FIGURE_NAMES[main]),
      ...timingNotes(timings, names),
      ...expectations.map(expectationNote),
    ],
  };
}

/** One field's slices as a table. */
export function taskSliceTable(
  { title, models, compared_by: main }: TaskReport,
  field: TaskReport['slices'][number],
): ReportTable {
  const names = models.map((model) => nameOf(model, models));
  return sliceTable(title, field, names, FIGURE_NAMES[main], ({ value }) => value?.toFixed(4) ?? '–');
}

function testNote({ test, models, compared_by: main }: TaskReport, names: readonly string[]): string {
  const left = test.unlabelled > 0 ? `; ${grouped(test.unlabelled)} of which nothing is known left out` : '';
  const { low = null, high = null } = models[0]?.interval ?? {};
  const noise =
    low === null || high === null
      ? ''
      : ` Test noise: ± ${((high - low) / 2).toFixed(4)} of ${FIGURE_NAMES[main]} (half of the 95 % interval of ${names[0]}).`;
  return `${grouped(test.rows)} test rows${left}.${noise}`;
}

function comparisonNotes({ models, bootstrap }: TaskReport, names: readonly string[], main: string): string[] {
  const i = models.findIndex(({ role }) => role === 'student');
  const student = models[i];
  const notes: string[] = [];
  if (student?.retention?.interval) {
    notes.push(
      `Retention is ${main} / the teacher's, on the same rows; of ${names[i]} ${percent(student.retention.value)} ${percentInterval(student.retention.interval)}.`,
    );
  }
  if (student?.agreement?.interval) {
    const { value, interval } = student.agreement;
    const bounds =
      interval.low === null || interval.high === null
        ? ''
        : ` [${interval.low.toFixed(4)}, ${interval.high.toFixed(4)}]`;
    notes.push(
      `${names[i]} agrees with the teacher: ${main} ${value?.toFixed(4)}${bounds} if the teacher's answers were right.`,
    );
  }
  if (student?.ahead_of_baseline) notes.push(`− baseline is the difference of ${main} to the baseline's.`);
  notes.push(`Intervals: 95 %, paired bootstrap over test rows, ${grouped(bootstrap.resamples)} resamples.`);
  return notes;
}

function aheadText(ahead: TaskModelReport['ahead_of_baseline']): string {
  if (ahead === null) return '';
  const signed = (value: number | null): string =>
    value === null ? '–' : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
  const { value, interval } = ahead;
  return interval === null ? signed(value) : `${signed(value)} [${signed(interval.low)}, ${signed(interval.high)}]`;
}
