import type { Row } from '../data/dataset.js';
import type { Backend } from '../options/evaluate.js';
import type { RowFigure } from '../report/row-answers.js';
import type { TaskFigure } from '../report/task-figures.js';
import type { Judgement } from '../report/task-report.js';
import type { TaskMistake } from '../report/worst.js';
import type { Json } from '../util/json.js';

/** A model that takes an exam. `Answer` is what it says of a row. */
export interface Candidate<Answer> {
  readonly type: string;
  /** Its outputs, by name. */
  readonly labels: readonly string[];
  readonly parameters: number;
  readonly bytes: number;
  /** @throws StepFailure `not-a-number`, naming a row */
  answer(rows: readonly Row[]): Promise<Answer[]>;
  close(): Promise<void>;
}

/** What the models of an exam can be compared by. */
export type ExamFigure = Exclude<RowFigure, 'rouge_l'>;

/** How models of a task answer rows, and what is right of them; `exams/index.ts` lists them. */
export interface Exam<Answer> {
  /** Rows of which the right answer is known. */
  readonly isKnown: (row: Row) => boolean;
  /** What is missing where no row is one. */
  readonly needs: string;
  /** @throws StepFailure `task` if the folder's model is trained for something else */
  load(folder: string, backend: Backend, threads: number): Promise<Candidate<Answer>>;
  /**
   * @param input the rows' input, for messages
   * @throws StepFailure naming a row whose answer is none of the labels
   */
  check(rows: readonly Row[], labels: readonly string[], input: string): void;
  /** What models are compared by. */
  main(labels: readonly string[]): ExamFigure;
  /** As `predictions.jsonl` has it, and `rowStatistic` takes it: what is right, and what a model said. */
  truth(row: Row, labels: readonly string[]): Json;
  said(row: Row, answer: Answer, labels: readonly string[]): Json;
}

/** One with all that `evaluate` tells of the models of a task other than classification. */
export interface JudgedExam<Answer> extends Exam<Answer> {
  main(labels: readonly string[]): ExamFigure & TaskFigure;
  judge(rows: readonly Row[], answers: readonly Answer[], labels: readonly string[]): Judgement;
  /** What a model said, as if it were right; the same where there is nothing to change. */
  asTruth?(said: Json): Json;
  /** Of what is right and what models said, the parts that are wrong: for a person to read, where all would be too long. */
  mistake?(row: Row, said: Json, teacher: Json): Pick<TaskMistake, 'truth' | 'answer' | 'teacher'>;
}

/** Rows that a model is asked about at a time: it puts those of like length together. */
const BATCH = 256;

/**
 * What a model says of every row.
 * @param onBatch awaited with the number of rows that are done
 */
export async function answersOf<Answer>(
  { answer }: Pick<Candidate<Answer>, 'answer'>,
  rows: readonly Row[],
  onBatch: (done: number) => Promise<void>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < rows.length; start += BATCH) {
    answers.push(...(await answer(rows.slice(start, start + BATCH))));
    await onBatch(answers.length);
  }
  return answers;
}
