import { sha256 } from '../util/canonical.js';
import type { Json, JsonObject } from '../util/json.js';
import { maeOf, pearson, rmseOf, spearman } from './correlation.js';
import { entityCounts, entityQuality, sumOf } from './entities.js';
import { ratioOf } from './first-ahead.js';
import { macroF1OfMany, microF1Of } from './many-labels.js';
import { confusionOf, macroF1Of } from './metrics.js';
import { ranksOf } from './ranking.js';
import { nearestOf } from './rouge.js';

/** What is right of each test row, and what each model of a report said: `predictions.jsonl`, in the order of ids. */
export interface RowAnswers {
  readonly ids: readonly string[];
  readonly truth: readonly Json[];
  /** [model][row]; models are in the order of the report. */
  readonly answers: readonly (readonly Json[])[];
  /** Of each model a hash of all that it said, probabilities included. */
  readonly digests: readonly string[];
}

/**
 * Reads `predictions.jsonl` of a classification, or of another task. Rows come in the order of their ids, so that reports
 * on the same rows have them in the same order.
 * @throws SyntaxError if it is none
 */
export function readRowAnswers(text: string): RowAnswers {
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { id, label, truth, predictions } = JSON.parse(line) as JsonObject;
      if (typeof id !== 'string' || !Array.isArray(predictions)) throw new SyntaxError('a line is no prediction');
      const said = predictions.map((each) => {
        const { model: _, ...whole } = each as JsonObject;
        return { answer: (whole.answer ?? whole.label ?? null) as Json, whole: JSON.stringify(whole) };
      });
      return { id, truth: (truth ?? label ?? null) as Json, said };
    })
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const models = rows[0]?.said ?? [];
  return {
    ids: rows.map(({ id }) => id),
    truth: rows.map(({ truth }) => truth),
    answers: models.map((_, m) => rows.map(({ said }) => said[m]?.answer as Json)),
    digests: models.map((_, m) => sha256(rows.map(({ said }) => said[m]?.whole).join('\n'))),
  };
}

/** A figure of some rows, given by number, which may repeat. */
export type RowStatistic = (sample: Int32Array) => number;

type StatisticOf = (truth: readonly Json[], said: readonly Json[], labels: readonly string[]) => RowStatistic;

/** A figure of two lists of numbers. */
const ofScores =
  (figure: (truth: Float64Array, said: Float64Array) => number): StatisticOf =>
  (truth, said) => {
    const of = (values: readonly Json[], sample: Int32Array) => Float64Array.from(sample, (row) => Number(values[row]));
    return (sample) => figure(of(truth, sample), of(said, sample));
  };

/** Of labels of which a row may have several, [row][label], 1 for one that it has. */
const ofLabels =
  (figure: (truth: readonly Uint8Array[], said: readonly Uint8Array[], sample: Int32Array) => number): StatisticOf =>
  (truth, said, labels) => {
    const bits = (given: Json): Uint8Array =>
      Uint8Array.from(labels, (label) => (listOf(given).includes(label) ? 1 : 0));
    const actual = truth.map(bits);
    const predicted = said.map((answer) => bits((answer as JsonObject).labels as Json));
    return (sample) => figure(actual, predicted, sample);
  };

const macroF1OfLabels = ofLabels(macroF1OfMany);

/** The figures of answers as `predictions.jsonl` has them, those that models are compared by among them. */
const STATISTICS = {
  macro_f1(truth, said, labels) {
    if (truth.some(Array.isArray)) return macroF1OfLabels(truth, said, labels);
    const place = new Map(labels.map((label, k) => [label as Json, k]));
    const [actual, predicted] = [truth, said].map((all) => Int32Array.from(all, (label) => place.get(label) ?? -1));
    const of = (values: Int32Array, sample: Int32Array) => sample.map((row) => values[row] as number);
    return (sample) =>
      macroF1Of(
        confusionOf(of(actual as Int32Array, sample), of(predicted as Int32Array, sample), labels.length),
        labels.length,
      );
  },
  micro_f1: ofLabels(microF1Of),
  pearson: ofScores(pearson),
  spearman: ofScores(spearman),
  mae: ofScores(maeOf),
  rmse: ofScores(rmseOf),
  entity_f1(truth, said) {
    const counts = truth.map((tags, row) => {
      const [actual, predicted] = known(tags, said[row] as Json);
      return entityCounts(
        actual,
        predicted.map((tag) => tag || 'O'),
      );
    });
    return (sample) => entityQuality(sumOf(Array.from(sample, (row) => counts[row] as (typeof counts)[number]))).f1;
  },
  /** Of labels, or of the tags of words. */
  accuracy(truth, said) {
    const words = truth.map((answer, row) => {
      const [actual, predicted] = known(answer, said[row] as Json);
      return { under: actual.length, over: actual.filter((tag, i) => tag === predicted[i]).length };
    });
    return ratioOf(words);
  },
  /** What is right are references, the answer a text, null where there is none. */
  rouge_l: (truth, said) =>
    ratioOf(
      truth.map((references, row) => ({
        over: nearestOf(listOf(references).map(String), said[row] as string | null).value,
        under: 1,
      })),
    ),
  /** A row is a text, its answer the ranks of what belongs to it; or a pair of texts, and how far a model says that they belong. */
  mrr(truth, said) {
    if (said.some(Array.isArray)) return ratioOf(said.map((ranks) => reciprocal(listOf(ranks).map(Number))));
    const rows: { over: number; under: number }[] = truth.map(() => ({ over: 0, under: 0 }));
    for (const { row, rank } of ranksOf(truth.map((pair, i) => ({ ...(pair as Pair), score: Number(said[i]) }))))
      rows[row] = reciprocal([rank]);
    return ratioOf(rows);
  },
} satisfies Readonly<Record<string, StatisticOf>>;

/** A figure that can be made of what models said. */
export type RowFigure = keyof typeof STATISTICS;

/** What is right of a pair of texts. */
type Pair = JsonObject & { readonly text: string; readonly belongs: boolean };

const reciprocal = (ranks: readonly number[]) => ({
  over: ranks.reduce((sum, rank) => sum + 1 / rank, 0),
  under: ranks.length,
});

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

/** Of the words whose tag is known, or of a text and its label; an empty one where a model has said nothing. */
function known(truth: Json, said: Json): [string[], string[]] {
  const [tags, given] = [truth, said].map((value) => (Array.isArray(value) ? value : [value])) as [Json[], Json[]];
  const places = [...tags.keys()].filter((word) => tags[word] !== null);
  return [places.map((word) => String(tags[word])), places.map((word) => String(given[word] ?? ''))];
}

/**
 * The figure that models are compared by, of any of the rows.
 * @returns undefined if it cannot be made of the answers
 */
export const rowStatistic = (
  figure: string,
  { truth, answers }: Pick<RowAnswers, 'truth' | 'answers'>,
  model: number,
  labels: readonly string[],
): RowStatistic | undefined =>
  (STATISTICS as Readonly<Record<string, StatisticOf>>)[figure]?.(truth, answers[model] ?? [], labels);

/** By the figure that models are compared by, when an answer is right as a whole. */
const RIGHT: Readonly<Record<string, (truth: Json, answer: Json) => boolean>> = {
  macro_f1: (truth, answer) => truth === answer,
  mrr: (_, ranks) => listOf(ranks).every((rank) => rank === 1),
};

/** Whether each row's answer is right as a whole; undefined where answers are right by degrees. */
export function rightRows(figure: string, { truth, answers }: RowAnswers, model: number): boolean[] | undefined {
  const isRight = RIGHT[figure];
  return isRight && truth.map((label, row) => isRight(label, answers[model]?.[row] as Json));
}
