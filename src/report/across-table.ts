import type { ComparedModel, Comparison } from './across.js';
import type { Ratio } from './compare.js';
import { grouped, milliseconds, nameWithRole, type ReportTable, sizeOf } from './table.js';

/** The figures that reports compare models by, as a table calls them. */
const FIGURES: Readonly<Record<string, string>> = {
  macro_f1: 'macro-F1',
  micro_f1: 'micro-F1',
  entity_f1: 'entity F1',
  accuracy: 'accuracy',
  pearson: 'Pearson',
  mrr: 'MRR',
  rouge_l: 'Rouge-L',
};

/**
 * Models of several runs as one table, the best first.
 * @param runs what each run is, in their order
 */
export function comparisonTable(comparison: Comparison, runs: readonly string[]): ReportTable {
  const { models, rows, bootstrap } = comparison;
  const figure = FIGURES[comparison.figure] ?? comparison.figure;
  const dash = (value: number | null, text: (value: number) => string): string => (value === null ? '–' : text(value));
  const columns: [label: string, cell: (model: ComparedModel) => string][] = [
    [`${figure} [95 %]`, ({ quality }) => within(quality, (x) => x.toFixed(4))],
  ];
  if (models.length > 1) {
    columns.push(['− best [95 %]', ({ difference }) => (difference ? within(difference, signed) : '')]);
  }
  if (models.some(({ mcnemar_p }) => mcnemar_p !== null)) {
    columns.push(['McNemar p', ({ mcnemar_p }) => (mcnemar_p === null ? '' : probability(mcnemar_p))]);
  }
  if (models.some(({ bootstrap_p }) => bootstrap_p !== null)) {
    columns.push(['bootstrap p', ({ bootstrap_p }) => (bootstrap_p === null ? '' : probability(bootstrap_p))]);
  }
  columns.push(
    ['parameters', ({ parameters }) => dash(parameters, grouped)],
    ['bytes', ({ bytes }) => dash(bytes, sizeOf)],
    [comparison.figure === 'mrr' ? 'ms/pair' : 'ms/text', ({ ms }) => milliseconds(ms ?? undefined)],
    ['Pareto', ({ pareto }) => pareto.join(', ')],
  );
  // What belongs to a text is found among the same candidates: texts are drawn, not their pairs.
  const unit = comparison.figure === 'mrr' ? 'texts' : 'test rows';
  const several = runs.length > 1;
  return {
    title: 'Comparison',
    columns: [
      { label: 'model', align: 'left' },
      ...(several ? [{ label: 'run', align: 'left' as const }] : []),
      ...columns.map(([label]) => ({ label, align: label === 'Pareto' ? ('left' as const) : ('right' as const) })),
    ],
    rows: models.map((model) => [
      nameWithRole(model),
      ...(several ? [model.runs.join(', ')] : []),
      ...columns.map(([, cell]) => cell(model)),
    ]),
    notes: [
      ...(several ? runs.map((run, i) => `Run ${i + 1}: ${run}.`) : []),
      `${grouped(rows)} ${unit}, the same for all. Intervals: 95 %, paired bootstrap over ${unit}, ${grouped(bootstrap.resamples)} resamples; a difference whose interval does not hold 0 is more than test noise.`,
      ...(models.some(({ mcnemar_p }) => mcnemar_p !== null)
        ? [`McNemar p: exact test against ${best(models, several)}, with Holm's correction for all of them.`]
        : []),
      ...(models.some(({ bootstrap_p }) => bootstrap_p !== null)
        ? [`Bootstrap p: two-sided, of the same resamples, with Holm's correction for all models.`]
        : []),
      'Pareto: no other model here is as good and smaller (size), or as good and faster (time).',
    ],
  };
}

/** The model that all others are held against. */
function best(models: readonly ComparedModel[], several: boolean): string {
  const model = models.find(({ difference }) => difference === null);
  return `${model?.name}${several ? ` of run ${model?.runs[0]}` : ''}`;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;

const probability = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));

function within({ value, interval }: Ratio, text: (value: number) => string): string {
  if (value === null) return '–';
  const bound = (x: number | null, infinite: string): string => (x === null ? infinite : text(x));
  return interval === null
    ? text(value)
    : `${text(value)} [${bound(interval.low, '−∞')}, ${bound(interval.high, '∞')}]`;
}
