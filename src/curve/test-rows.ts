import { type Row, readDataset, refuseCopies } from '../data/dataset.js';
import type { Exam } from '../exams/exam.js';
import { StepFailure } from '../util/failure.js';

/** What all trainings are judged by. */
export interface TestRows {
  readonly rows: readonly Row[];
  /** Rows of which nothing is known, which are left out. */
  readonly unlabelled: number;
}

/** From fewer rows a point of a metric cannot be told from chance. */
const FEWEST = 50;

/**
 * @param labels that models will know
 * @param learnt rows of the input "data"
 * @throws StepFailure if the rows cannot judge what is learnt from those
 */
export async function readTestRows(
  folder: string,
  exam: Exam<unknown>,
  labels: readonly string[],
  learnt: readonly Row[],
): Promise<TestRows> {
  const { rows: all } = await readDataset(folder);
  refuseCopies(all, 'test');
  const rows = all.filter(exam.isKnown);
  if (rows.length < FEWEST) {
    throw new StepFailure(
      'too-few-rows',
      `${rows.length} of the ${all.length} rows of the input "test" have ${exam.needs}, and a point of a metric shows on ${FEWEST} at least`,
      'Bind it to the validation or the test split.',
    );
  }
  exam.check(rows, labels, 'test');
  const ids = new Set(learnt.map(({ id }) => id));
  const shared = rows.filter(({ id }) => ids.has(id)).length;
  if (shared > 0) {
    throw new StepFailure(
      'overlap',
      `${shared} of the ${rows.length} rows of the input "test" are among those of "data", which are learnt`,
      'Bind both to different splits of one corpus.',
    );
  }
  return { rows, unlabelled: all.length - rows.length };
}
