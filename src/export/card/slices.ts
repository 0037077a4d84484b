import type { Report } from '../../report/evaluate.js';
import type { MatchReport } from '../../report/matching.js';
import type { ResponsesReport } from '../../report/responses.js';
import type { Slice, SlicedField } from '../../report/slices.js';
import type { TaskReport } from '../../report/task-report.js';
import { code, figure, grouped, plain, table } from './markdown.js';

/** A slice so much worse than all rows is one of the model's limits. */
const MUCH = 0.05;

/** The figure of one model on the rows of each slice. */
interface Sliced {
  readonly field: string;
  readonly slice: Slice<unknown>;
  readonly value: number | null;
}

/** Reports that have slices. */
export type Judged = Report | TaskReport | MatchReport | ResponsesReport;

/** By what slices are compared. */
const figureName = (metrics: Judged): string => ('compared_by' in metrics ? plain(metrics.compared_by) : 'accuracy');

function slicesOf(metrics: Judged, model: string): Sliced[] {
  const at = metrics.models.findIndex(({ name }) => name === model);
  if (at < 0) return [];
  const fields: readonly SlicedField<{ readonly accuracy: number } | { readonly value: number | null }>[] =
    metrics.slices;
  return fields.flatMap(({ field, slices }) =>
    slices.map((slice) => {
      const own = slice.models[at];
      return { field, slice, value: own === undefined ? null : 'accuracy' in own ? own.accuracy : own.value };
    }),
  );
}

const nameOf = ({ of, value }: Slice<unknown>): string =>
  of === 'value' ? code(value ?? '') : of === 'others' ? 'all others' : 'none';

/** How good the model is where a field has a value. */
export function slicesTable(metrics: Judged, model: string): string | undefined {
  const rows = slicesOf(metrics, model).map(({ field, slice, value }) => [
    code(field),
    nameOf(slice),
    `${grouped(slice.rows)}${slice.small ? ' (few)' : ''}`,
    figure(value),
  ]);
  return rows.length > 0 ? table(['field', 'value', 'rows', figureName(metrics)], rows, [2, 3]) : undefined;
}

/** Slices on which the model is much worse than on all rows, those of few rows left out. */
export function weakSlices(metrics: Judged, model: string): string[] {
  const whole = wholeOf(metrics, model);
  if (whole === null) return [];
  return slicesOf(metrics, model)
    .filter(({ slice, value }) => !slice.small && value !== null && value < whole - MUCH)
    .map(
      ({ field, slice, value }) =>
        `Where ${code(field)} is ${nameOf(slice)} it is worse: ${figureName(metrics)} ${figure(value)}, of all rows ${figure(whole)}.`,
    );
}

/** The figure of the slices, of all rows. */
function wholeOf(metrics: Judged, model: string): number | null {
  const own = (metrics.models as readonly Judged['models'][number][]).find(({ name }) => name === model);
  if (own === undefined) return null;
  if ('figures' in own) return own.figures[(metrics as TaskReport).compared_by] ?? null;
  if ('rouge_l' in own) return own.rouge_l.value;
  return 'mrr' in own ? own.mrr : own.accuracy;
}
