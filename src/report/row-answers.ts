import { sha256 } from '../util/canonical.js';
import type { Json, JsonObject } from '../util/json.js';
import { pearson } from './correlation.js';
import { entityCounts, entityQuality, sumOf } from './entities.js';
import { ratioOf } from './first-ahead.js';
import { microF1Of } from './many-labels.js';
import { confusionOf, macroF1Of } from './metrics.js';
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

/** The figures that models are compared by, made of answers as `predictions.jsonl` has them. */
const STATISTICS: Readonly<
  Record<string, (truth: readonly Json[], said: readonly Json[], labels: readonly string[]) => RowStatistic>
> = {
  macro_f1(truth, said, labels) {
    const place = new Map(labels.map((label, k) => [label as Json, k]));
    const [actual, predicted] = [truth, said].map((all) => Int32Array.from(all, (label) => place.get(label) ?? -1));
    const of = (values: Int32Array, sample: Int32Array) => sample.map((row) => values[row] as number);
    return (sample) =>
      macroF1Of(
        confusionOf(of(actual as Int32Array, sample), of(predicted as Int32Array, sample), labels.length),
        labels.length,
      );
  },
  micro_f1(truth, said, labels) {
    const bits = (given: Json): Uint8Array =>
      Uint8Array.from(labels, (label) => (listOf(given).includes(label) ? 1 : 0));
    const actual = truth.map(bits);
    const predicted = said.map((answer) => bits((answer as JsonObject).labels as Json));
    return (sample) => microF1Of(actual, predicted, sample);
  },
  pearson(truth, said) {
    const of = (values: readonly Json[], sample: Int32Array) => Float64Array.from(sample, (row) => Number(values[row]));
    return (sample) => pearson(of(truth, sample), of(said, sample));
  },
  entity_f1(truth, said) {
    const counts = truth.map((tags, row) => {
      const [actual, predicted] = knownTags(tags, said[row] as Json);
      return entityCounts(
        actual,
        predicted.map((tag) => tag || 'O'),
      );
    });
    return (sample) => entityQuality(sumOf(Array.from(sample, (row) => counts[row] as (typeof counts)[number]))).f1;
  },
  accuracy(truth, said) {
    const words = truth.map((tags, row) => {
      const [actual, predicted] = knownTags(tags, said[row] as Json);
      return { all: actual.length, right: actual.filter((tag, i) => tag === predicted[i]).length };
    });
    return (sample) => {
      let [all, right] = [0, 0];
      for (const row of sample) {
        all += words[row]?.all as number;
        right += words[row]?.right as number;
      }
      return right / all;
    };
  },
  /** What is right are references, the answer a text, null where there is none. */
  rouge_l: (truth, said) =>
    ratioOf(
      truth.map((references, row) => ({
        over: nearestOf(listOf(references).map(String), said[row] as string | null).value,
        under: 1,
      })),
    ),
  /** A row is a text, its answer the ranks of what belongs to it. */
  mrr: (_, said) =>
    ratioOf(
      said.map((ranks) => {
        const own = listOf(ranks).map(Number);
        return { over: own.reduce((sum, rank) => sum + 1 / rank, 0), under: own.length };
      }),
    ),
};

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

/** Of the words whose tag is known; an empty one where a model has read no word. */
function knownTags(truth: Json, said: Json): [string[], string[]] {
  const tags = listOf(truth);
  const known = [...tags.keys()].filter((word) => tags[word] !== null);
  return [known.map((word) => String(tags[word])), known.map((word) => String(listOf(said)[word] ?? ''))];
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
): RowStatistic | undefined => STATISTICS[figure]?.(truth, answers[model] ?? [], labels);

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
