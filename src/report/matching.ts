import type { Timing } from './cost.js';
import { bootstrap, type Interval, RESAMPLES, wilson } from './intervals.js';
import { type MatchRow, textAnswers, type WrongMatch, worstMatches } from './match-answers.js';
import { confusionOf, qualityOf } from './metrics.js';
import { areaUnderCurve, type Ranked, rankingOf, ranksOf, type Scored } from './ranking.js';
import { rowStatistic } from './row-answers.js';
import { type SlicedField, slicesOf, sliceTable } from './slices.js';
import { grouped, nameWithRole, type ReportTable, sizeOf } from './table.js';
import type { TaskSlice } from './task-report.js';

/** A model after it has compared the two texts of every test row. */
export interface Matched {
  /** The step that produced it. */
  readonly name: string;
  readonly role: 'teacher' | 'student' | 'baseline';
  /** Null, as what follows, of a teacher of which only answers are here. */
  readonly type: string | null;
  /** It compares vectors, where others read both texts at once. */
  readonly vectors: boolean | null;
  readonly parameters: number | null;
  readonly bytes: number | null;
  readonly trainedOn: number | null;
  /** Of each row, the logit of belonging together less that of not. */
  readonly scores: Float64Array;
}

export interface MatchReport {
  readonly title: string;
  readonly test: {
    readonly rows: number;
    readonly unlabelled: number;
    /** Rows that belong together and have others of the same text to be told from, and how many others on average. */
    readonly asked: number;
    readonly rivals: number;
  };
  /** Of the intervals of ranks, over the texts. */
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  /** The figure of the slices, and what `recipe compare` goes by. */
  readonly compared_by: 'mrr';
  /** The teacher, the students, the baseline; `scores.jsonl` and `predictions.jsonl` have the same order. */
  readonly models: readonly MatchedReport[];
  /** By the fields of the option `slices`, of the pairs that are sought. */
  readonly slices: readonly SlicedField<TaskSlice>[];
}

export interface MatchedReport extends Omit<Matched, 'scores' | 'trainedOn'> {
  readonly trained_on: number | null;
  /** Null where no text has a pair of its own and others. */
  readonly recall_at_1: number | null;
  /** Wilson, 95 %. */
  readonly recall_interval: Interval | null;
  readonly mrr: number | null;
  /** 95 %, bootstrap over the texts. */
  readonly mrr_interval: Interval | null;
  /** Of the teacher's mean reciprocal rank; null for the teacher and without one. */
  readonly retention: number | null;
  readonly roc_auc: number | null;
  readonly accuracy: number;
  /** Of the rows that belong together. */
  readonly f1: number;
  /** The texts whose own pair is ranked lowest. */
  readonly worst_errors: readonly WrongMatch[];
}

export interface MatchEvaluation {
  readonly title: string;
  readonly rows: readonly MatchRow[];
  readonly unlabelled: number;
  /** Their scores are in the order of the rows. */
  readonly models: readonly Matched[];
  /** Fields of the rows. */
  readonly slices: readonly string[];
  /** Of the bootstrap. */
  readonly seed: number;
}

const scoredBy = (rows: readonly MatchRow[], { scores }: Pick<Matched, 'scores'>): Scored[] =>
  rows.map(({ text, belongs }, i) => ({ text, belongs, score: scores[i] as number }));

/** The models with their ranks of the pairs that are sought. */
export const rankedBy = <Model extends Matched>(rows: readonly MatchRow[], models: readonly Model[]) =>
  models.map((model) => ({ ...model, ranks: ranksOf(scoredBy(rows, model)) }));

/** Works out every figure. */
export function matchReport({ title, rows, unlabelled, models, slices, seed }: MatchEvaluation): MatchReport {
  const ranked = rankedBy(rows, models);
  const above = ranked.find(({ role }) => role === 'teacher');
  const texts = textAnswers(rows, ranked);
  const statistics = ranked.map((_, m) => rowStatistic('mrr', texts, m, []) as (sample: Int32Array) => number);
  const intervals = bootstrap(texts.ids.length, statistics, seed);
  const reports = ranked.map((whole, m): MatchedReport => {
    const { scores, ranks: _, trainedOn, ...model } = whole;
    const scored = scoredBy(rows, whole);
    const { asked, recallAt1, mrr } = rankingOf(scored);
    const confusion = confusionOf(
      Int32Array.from(rows, ({ belongs }) => (belongs ? 1 : 0)),
      Int32Array.from(scores, (score) => (score > 0 ? 1 : 0)),
      2,
    );
    const { accuracy, perLabel } = qualityOf(confusion, ['no', 'yes']);
    return {
      ...model,
      trained_on: trainedOn,
      recall_at_1: recallAt1,
      recall_interval: recallAt1 === null ? null : wilson(Math.round(recallAt1 * asked), asked),
      mrr,
      mrr_interval: intervals[m] ?? null,
      retention: null,
      roc_auc: areaUnderCurve(scored),
      accuracy,
      f1: perLabel[1]?.f1 as number,
      worst_errors: worstMatches(rows, whole, above === whole ? undefined : above),
    };
  });
  const teacher = reports.find(({ role }) => role === 'teacher');
  const rivals = new Map<string, number>();
  for (const { text, belongs } of rows) if (!belongs) rivals.set(text, (rivals.get(text) ?? 0) + 1);
  const asked = rows.filter(({ text, belongs }) => belongs && rivals.has(text));
  const meanOf = (ranks: readonly Ranked[], sample: Int32Array): number =>
    sample.reduce((sum, place) => sum + 1 / (ranks[place] as Ranked).rank, 0) / sample.length;
  const others = asked.reduce((sum, { text }) => sum + (rivals.get(text) as number), 0);
  return {
    title,
    test: {
      rows: rows.length,
      unlabelled,
      asked: asked.length,
      rivals: asked.length === 0 ? 0 : others / asked.length,
    },
    bootstrap: { resamples: RESAMPLES, seed },
    compared_by: 'mrr',
    models: reports.map((model) => ({
      ...model,
      retention: model.role !== 'teacher' && teacher?.mrr && model.mrr !== null ? model.mrr / teacher.mrr : null,
    })),
    slices: slicesOf(asked, slices, (sample) => ranked.map(({ ranks }) => ({ value: meanOf(ranks, sample) }))),
  };
}

/** Lines of `scores.jsonl`: a row's id, whether it belongs together, and each model's score. */
export function* scoreLines({ rows, models }: MatchEvaluation): Generator<string> {
  for (const [i, { id, belongs }] of rows.entries()) {
    const scores = Object.fromEntries(models.map(({ name, scores }) => [name, Number(scores[i]?.toPrecision(7))]));
    yield `${JSON.stringify({ id, belongs, scores })}\n`;
  }
}

/**
 * The report as one table, with what one must know to read it below.
 * @param timings in the order of the models; undefined of one that is not here
 */
export function matchTable(
  { title, test, models }: MatchReport,
  timings: readonly (Timing | undefined)[],
): ReportTable {
  const dash = (value: number | null, text: (value: number) => string): string => (value === null ? '–' : text(value));
  const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const columns: [label: string, cell: (model: MatchedReport, index: number) => string][] = [
    ['recall@1', ({ recall_at_1 }) => dash(recall_at_1, share)],
    ['MRR', ({ mrr }) => dash(mrr, (x) => x.toFixed(4))],
    ...(models.some(({ role }) => role === 'teacher')
      ? [['retention', ({ retention }) => (retention === null ? '' : share(retention))] as (typeof columns)[number]]
      : []),
    ['ROC AUC', ({ roc_auc }) => dash(roc_auc, (x) => x.toFixed(4))],
    ['accuracy', ({ accuracy }) => accuracy.toFixed(4)],
    ['F1', ({ f1 }) => f1.toFixed(4)],
    ['parameters', ({ parameters }) => dash(parameters, grouped)],
    ['bytes', ({ bytes }) => dash(bytes, sizeOf)],
    ['ms/pair', (_, i) => timings[i]?.median_ms.toFixed(1) ?? '–'],
  ];
  const first = models.find(({ role }) => role === 'student');
  const { low = null, high = null } = first?.recall_interval ?? {};
  const noise =
    low === null || high === null
      ? ''
      : ` Test noise: ± ${(50 * (high - low)).toFixed(1)} points of recall (half of the 95 % interval of ${first?.name}).`;
  const unlabelled = test.unlabelled > 0 ? `; ${grouped(test.unlabelled)} without a label left out` : '';
  return {
    title,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model, i) => [nameWithRole(model), ...columns.map(([, cell]) => cell(model, i))]),
    notes: [
      `${grouped(test.rows)} test pairs${unlabelled}. ${grouped(test.asked)} are sought, each among ${test.rivals.toFixed(1)} others on average that do not belong to its text.${noise}`,
      ...(models.some(({ retention }) => retention !== null)
        ? ['Retention: of the teacher’s mean reciprocal rank.']
        : []),
      ...models.flatMap(({ name, vectors, trained_on: pairs }) => {
        if (vectors === null) return [];
        const how = vectors ? 'compares two vectors' : 'reads both texts at once';
        return [`${name} ${how}${pairs === null ? '' : `, trained on ${grouped(pairs)} pairs`}.`];
      }),
      `ms/pair is the median of ${grouped(timings.find((each) => each !== undefined)?.rows ?? 0)} pairs, one by one.`,
    ],
  };
}

/** One field of the slices as a table. */
export const matchSliceTable = ({ title, models }: MatchReport, field: MatchReport['slices'][number]): ReportTable =>
  sliceTable(title, field, models.map(nameWithRole), 'MRR', ({ value }) => value?.toFixed(4) ?? '–');
