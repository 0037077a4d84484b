import type { Figure } from './first-ahead.js';
import type { ResponsesReport, WriterReport } from './responses.js';
import { sliceTable } from './slices.js';
import { grouped, nameWithRole, type ReportTable, sizeOf } from './table.js';

/** How fast a model wrote. */
export interface Speed {
  /** Ends of texts among them. */
  readonly tokens: number;
  readonly seconds: number;
}

/**
 * The report as one table, with what one must know to read it below.
 * @param speeds in the order of the models; undefined for what did not write here
 * @param notes further ones
 */
export function responsesTable(
  report: ResponsesReport,
  speeds: readonly (Speed | undefined)[],
  notes: readonly string[],
): ReportTable {
  const { models, test, bootstrap } = report;
  const first = models.find(({ role }) => role === 'student');
  const dash = (value: number | null, text: (value: number) => string): string => (value === null ? '–' : text(value));
  const columns: [label: string, cell: (model: WriterReport, index: number) => string][] = [
    ['Rouge-L [95 %]', ({ rouge_l }) => points(rouge_l)],
    ['exact', ({ exact_match }) => `${(100 * exact_match).toFixed(1)} %`],
    [`${first?.name} ahead [95 %]`, ({ first_student_ahead: ahead }) => (ahead ? points(ahead) : '')],
    ['loss', ({ loss }) => dash(loss, (x) => x.toFixed(3))],
    ['perplexity', ({ perplexity }) => dash(perplexity, (x) => x.toFixed(x < 100 ? 1 : 0))],
    ['parameters', ({ parameters }) => dash(parameters, grouped)],
    ['bytes', ({ bytes }) => dash(bytes, sizeOf)],
    [
      'tokens/s',
      (_, i) => {
        const { tokens = 0, seconds = 0 } = speeds[i] ?? {};
        return seconds > 0 ? (tokens / seconds).toFixed(0) : '–';
      },
    ],
  ];
  const without = test.unanswered > 0 ? `; ${grouped(test.unanswered)} without a reference left out` : '';
  const unanswered = models.filter((model) => model.unanswered > 0);
  return {
    title: report.title,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model, i) => [nameWithRole(model), ...columns.map(([, cell]) => cell(model, i))]),
    notes: [
      `${grouped(test.rows)} test rows${without}. Rouge-L is F1 × 100, without stemming, with the nearest reference.`,
      ...models.flatMap(({ name, trained_on: rows }) =>
        rows === null ? [] : [`${name}: trained on ${grouped(rows)} rows.`],
      ),
      ...unanswered.map(
        ({ name, unanswered: rows }) => `${name} has no response to ${grouped(rows)} rows: they count as 0.`,
      ),
      'Loss is the mean of −log p of the references’ tokens; it and perplexity compare models of one tokenizer only.',
      `Intervals: 95 %, paired bootstrap over test rows, ${grouped(bootstrap.resamples)} resamples. Greedy, one text after the other.`,
      ...notes,
    ],
  };
}

/** One field of the slices as a table. */
export const responsesSliceTable = (
  { title, models }: ResponsesReport,
  field: ResponsesReport['slices'][number],
): ReportTable =>
  sliceTable(title, field, models.map(nameWithRole), 'Rouge-L', ({ value }) =>
    value === null ? '–' : (100 * value).toFixed(1),
  );

const points = ({ value, interval }: Figure): string => {
  const [middle, low, high] = [value, interval?.low, interval?.high].map((x) =>
    x == null ? '–' : (100 * x).toFixed(1),
  );
  return `${middle} [${low}, ${high}]`;
};
