import { type DatasetInfo, type Row, readDataset, refuseCopies } from '../data/dataset.js';
import { loadPredictor } from '../models/index.js';
import type { Backend } from '../options/learning-curve.js';
import { argmaxRows } from '../report/metrics.js';
import { StepFailure } from '../util/failure.js';

/** What all trainings are judged by. */
export interface TestRows {
  readonly rows: readonly Row[];
  /** Of each row, its label's place among those of the training data. */
  readonly truth: Int32Array;
  /** Rows without a label, which are left out. */
  readonly unlabelled: number;
}

/** Texts a call of `predict`, which puts those of like length together. */
const BATCH = 256;
/** From fewer rows a point of a metric cannot be told from chance. */
const FEWEST = 50;

/** @throws StepFailure if the rows cannot judge what is learnt from these others */
export async function readTestRows(folder: string, learnt: DatasetInfo, others: readonly Row[]): Promise<TestRows> {
  const { rows: all } = await readDataset(folder);
  refuseCopies(all, 'test');
  const rows = all.filter(({ label }) => label !== null);
  if (rows.length < FEWEST) {
    throw new StepFailure(
      'too-few-rows',
      `${rows.length} of the ${all.length} rows of the input "test" have a label, and a point of a metric shows on ${FEWEST} at least`,
      'Bind it to the validation or the test split.',
    );
  }
  const place = new Map(learnt.labels.map((label, i) => [label, i]));
  const strange = rows.find(({ label }) => !place.has(label as string));
  if (strange) {
    throw new StepFailure(
      'labels-differ',
      `row ${strange.id} of the input "test" has the label "${strange.label}", which the input "data" does not have`,
      'Bind both to splits of one corpus.',
    );
  }
  const ids = new Set(others.map(({ id }) => id));
  const shared = rows.filter(({ id }) => ids.has(id)).length;
  if (shared > 0) {
    throw new StepFailure(
      'overlap',
      `${shared} of the ${rows.length} rows of the input "test" are among those of "data", which are learnt`,
      'Bind both to different splits of one corpus.',
    );
  }
  const truth = Int32Array.from(rows, ({ label }) => place.get(label as string) as number);
  return { rows, truth, unlabelled: all.length - rows.length };
}

/** What a model says of each row, as indices of labels. */
export async function answersOf(
  model: string,
  { rows }: TestRows,
  { backend, threads }: { readonly backend: Backend; readonly threads: number },
  onBatch: (done: number) => Promise<void>,
): Promise<Int32Array> {
  const predictor = await loadPredictor(model, backend, threads);
  try {
    const answers = new Int32Array(rows.length);
    for (let start = 0; start < rows.length; start += BATCH) {
      const texts = rows.slice(start, start + BATCH).map(({ text }) => text);
      answers.set(argmaxRows(await predictor.predict(texts), predictor.labels.length), start);
      await onBatch(start + texts.length);
    }
    return answers;
  } finally {
    await predictor.close();
  }
}
