import { againstFirst, type Figure } from './first-ahead.js';
import { RESAMPLES } from './intervals.js';
import { type WrongResponse, worstResponses } from './response-answers.js';
import { nearestOf } from './rouge.js';
import { type FieldedRow, type SlicedField, slicesOf } from './slices.js';
import type { TaskSlice } from './task-report.js';

/** Who wrote: the teacher, whose responses were stored, a student, or something simple to be beaten. */
export type WriterRole = 'teacher' | 'student' | 'baseline';

/** A row that is to be answered. */
export interface ReferenceRow extends FieldedRow {
  readonly id: string;
  readonly text: string;
  /** One at least. */
  readonly references: readonly string[];
}

/** What was written to every row. */
export interface Written {
  readonly name: string;
  readonly role: WriterRole;
  /** Its family; null for what is no model of ours. */
  readonly type: string | null;
  readonly parameters: number | null;
  readonly bytes: number | null;
  /** Rows that it learnt from. */
  readonly trainedOn: number | null;
  /** Mean −log p of the references' tokens, their ends among them, in nats. */
  readonly loss: number | null;
  /** In the order of the rows; null where nothing was stored. */
  readonly responses: readonly (string | null)[];
}

export interface WriterReport {
  readonly name: string;
  readonly role: WriterRole;
  readonly type: string | null;
  readonly parameters: number | null;
  readonly bytes: number | null;
  readonly trained_on: number | null;
  /** Mean over the rows of the best Rouge-L F1 with one of the references. */
  readonly rouge_l: Figure;
  /** Share of the rows whose response is one of the references, but for space around it. */
  readonly exact_match: number;
  readonly loss: number | null;
  /** Exponential of the loss; comparable between models of one tokenizer only. */
  readonly perplexity: number | null;
  /** Rows without a response; they count as 0. */
  readonly unanswered: number;
  /** Rouge-L of the first student minus this; null for the first student itself. */
  readonly first_student_ahead: Figure | null;
  /** The rows with the lowest Rouge-L. */
  readonly worst_errors: readonly WrongResponse[];
}

/** `report.json`: figures only, and nothing that differs from run to run. */
export interface ResponsesReport {
  readonly title: string;
  readonly test: {
    readonly rows: number;
    /** Rows without a reference, left out. */
    readonly unanswered: number;
  };
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  /** The figure of the slices, and what `recipe compare` goes by. */
  readonly compared_by: 'rouge_l';
  /** `predictions.jsonl` has the same order. */
  readonly models: readonly WriterReport[];
  /** By the fields of the option `slices`. */
  readonly slices: readonly SlicedField<TaskSlice>[];
}

export interface ResponsesEvaluation {
  readonly title: string;
  readonly rows: readonly ReferenceRow[];
  /** Rows without a reference. */
  readonly without: number;
  /** The teacher first, then the students, then the baselines. */
  readonly writers: readonly Written[];
  /** Fields of the rows. */
  readonly slices: readonly string[];
  /** Of the bootstrap. */
  readonly seed: number;
}

/** Works out every figure; all intervals are of the same resamples of the rows. */
export function responsesReport(evaluation: ResponsesEvaluation): ResponsesReport {
  const { title, rows, without, writers, slices, seed } = evaluation;
  const teacher = writers.find(({ role }) => role === 'teacher');
  const scores = writers.map(({ responses }) => scoresOf(rows, responses));
  const first = writers.findIndex(({ role }) => role === 'student');
  const means = scores.map((own) => (sample: Int32Array) => meanOf(own, sample));
  const compared = againstFirst(rows.length, means, first, seed);
  const models = writers.map((writer, i): WriterReport => {
    const { name, role, type, parameters, bytes, trainedOn, loss, responses } = writer;
    return {
      name,
      role,
      type,
      parameters,
      bytes,
      trained_on: trainedOn,
      rouge_l: compared[i]?.figure as Figure,
      exact_match: rows.filter(({ references }, row) => isOne(references, responses[row] ?? null)).length / rows.length,
      loss,
      perplexity: loss === null ? null : Math.exp(loss),
      unanswered: responses.filter((response) => response === null).length,
      first_student_ahead: compared[i]?.ahead ?? null,
      worst_errors: worstResponses(rows, writer, writer === teacher ? undefined : teacher),
    };
  });
  return {
    title,
    test: { rows: rows.length, unanswered: without },
    bootstrap: { resamples: RESAMPLES, seed },
    compared_by: 'rouge_l',
    models,
    slices: slicesOf(rows, slices, (sample) => means.map((mean) => ({ value: mean(sample) }))),
  };
}

const scoresOf = (rows: readonly ReferenceRow[], responses: Written['responses']): Float64Array =>
  Float64Array.from(rows, ({ references }, row) => nearestOf(references, responses[row] ?? null).value);

const isOne = (references: readonly string[], response: string | null): boolean =>
  response !== null && references.some((reference) => reference.trim() === response.trim());

function meanOf(values: Float64Array, sample: Int32Array): number {
  let sum = 0;
  for (const row of sample) sum += values[row] as number;
  return sum / sample.length;
}

/** The first line that says something. */
export const firstLine = (text: string): string => /\S.*/.exec(text)?.[0].trim() ?? '';

/** Lines of `samples.jsonl`: of the first rows the text, what it was to be answered with, and what each wrote. */
export function* sampleLines({ rows, writers }: ResponsesEvaluation, count: number): Generator<string> {
  for (const [i, { id, text, references }] of rows.slice(0, count).entries()) {
    const responses = writers.map(({ name, responses }) => ({ model: name, response: responses[i] ?? null }));
    yield `${JSON.stringify({ id, text, references, responses })}\n`;
  }
}
