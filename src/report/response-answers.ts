import type { ReferenceRow, ResponsesEvaluation, Written } from './responses.js';
import { nearestOf } from './rouge.js';
import { beginningOf, type TaskMistake, worstRows } from './worst.js';

/** A row that a model answers with what is little like its references; `truth` is the nearest of them. */
export interface WrongResponse extends TaskMistake {
  /** Of the answer and that reference. */
  readonly rouge_l: number;
}

/** The rows with the lowest Rouge-L, those without a response left out. @param teacher that it is set beside */
export function worstResponses(
  rows: readonly ReferenceRow[],
  { responses }: Pick<Written, 'responses'>,
  teacher: Pick<Written, 'responses'> | undefined,
): WrongResponse[] {
  const near = rows.map(({ references }, row) => nearestOf(references, responses[row] ?? null));
  const badness = Float64Array.from(near, ({ value }, row) => (responses[row] == null ? 0 : 1 - value));
  return worstRows(rows, badness).map((row): WrongResponse => {
    const { id, text } = rows[row] as ReferenceRow;
    const { reference, value } = near[row] as (typeof near)[number];
    const above = teacher?.responses[row] ?? null;
    return {
      id,
      text: beginningOf(text),
      truth: beginningOf(reference),
      answer: beginningOf(responses[row] as string),
      rouge_l: value,
      teacher: above === null ? null : beginningOf(above),
    };
  });
}

/** Lines of `predictions.jsonl`: a row's id and references, and what each model wrote, null where there is nothing. */
export function* responseLines({ rows, writers }: Pick<ResponsesEvaluation, 'rows' | 'writers'>): Generator<string> {
  for (const [row, { id, references }] of rows.entries()) {
    const predictions = writers.map(({ name, responses }) => ({ model: name, answer: responses[row] ?? null }));
    yield `${JSON.stringify({ id, truth: references, predictions })}\n`;
  }
}
