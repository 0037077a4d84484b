import type { Row } from '../../data/dataset.js';
import type { Backend } from '../../options/evaluate.js';
import type { TaskFigure } from '../../report/task-figures.js';
import type { Judgement } from '../../report/task-report.js';
import type { TaskMistake } from '../../report/worst.js';
import type { Json } from '../../util/json.js';

/** A model that takes an exam. `Answer` is what it says of a row. */
export interface Candidate<Answer> {
  readonly type: string;
  /** Its outputs, by name. */
  readonly labels: readonly string[];
  readonly parameters: number;
  readonly bytes: number;
  answer(rows: readonly Row[]): Promise<Answer[]>;
  close(): Promise<void>;
}

/** How models of a task other than classification are judged; `exams/index.ts` lists them. */
export interface Exam<Answer> {
  /** Rows of which the right answer is known. */
  readonly isKnown: (row: Row) => boolean;
  /** What is missing where no row is one. */
  readonly needs: string;
  /** @throws StepFailure `task` if the folder's model is trained for something else */
  load(folder: string, backend: Backend, threads: number): Promise<Candidate<Answer>>;
  /** @throws StepFailure naming a row whose answer is none of the labels */
  check(rows: readonly Row[], labels: readonly string[]): void;
  /** @throws StepFailure `not-a-number`, naming a row */
  judge(rows: readonly Row[], answers: readonly Answer[], labels: readonly string[]): Judgement;
  /** What models are compared by. */
  main(labels: readonly string[]): TaskFigure;
  /** For `predictions.jsonl`: what is right, and what a model said. */
  truth(row: Row): Json;
  said(row: Row, answer: Answer, labels: readonly string[]): Json;
  /** What a model said, as if it were right; the same where there is nothing to change. */
  asTruth?(said: Json): Json;
  /** Of what is right and what models said, the parts that are wrong: for a person to read, where all would be too long. */
  mistake?(row: Row, said: Json, teacher: Json): Pick<TaskMistake, 'truth' | 'answer' | 'teacher'>;
}
