import type { Row } from '../data/dataset.js';
import { LogitsCache } from '../data/logits.js';
import { softmax } from '../report/metrics.js';
import { StepFailure } from '../util/failure.js';

/** What a model that is trained to its optimum learns from. */
export interface Targets {
  readonly rows: readonly Row[];
  /** [rows, labels], each row a distribution: one-hot of a label, or what a teacher said. */
  readonly targets: Float32Array;
}

/**
 * The rows that have a label; with a teacher all rows, each with the teacher's probabilities.
 *
 * @param teacher folder of an artifact of kind `logits`
 * @throws StepFailure if no row has a label, or the teacher's labels are others or it has not seen a row
 */
export async function targetsOf(
  all: readonly Row[],
  labels: readonly string[],
  teacher: string | undefined,
): Promise<Targets> {
  if (teacher === undefined) return labelled(all, labels);
  const cache = await LogitsCache.open(teacher);
  try {
    return said(cache, all, labels);
  } finally {
    cache.close();
  }
}

function labelled(all: readonly Row[], labels: readonly string[]): Targets {
  const rows = all.filter((row) => row.label !== null);
  if (rows.length === 0) {
    throw new StepFailure('no-rows', 'a logistic model learns from labels, and no row has one');
  }
  const targets = new Float32Array(rows.length * labels.length);
  rows.forEach((row, i) => {
    targets[i * labels.length + labels.indexOf(row.label as string)] = 1;
  });
  return { rows, targets };
}

function said(cache: LogitsCache, rows: readonly Row[], labels: readonly string[]): Targets {
  const { labels: theirs } = cache.index;
  const place = labels.map((label) => theirs.indexOf(label));
  if (theirs.length !== labels.length || place.includes(-1)) {
    const list = (of: readonly string[]): string => (of.length === 0 ? 'none' : of.join(', '));
    throw new StepFailure(
      'labels',
      `the teacher's labels are ${list(theirs)}, the data's ${list(labels)}`,
      'Train the student on rows of the corpus that the teacher was trained on.',
    );
  }
  const targets = new Float32Array(rows.length * labels.length);
  rows.forEach(({ id }, i) => {
    const probabilities = softmax(cache.classLogits(id));
    place.forEach((from, k) => {
      targets[i * labels.length + k] = probabilities[from] as number;
    });
  });
  return { rows, targets };
}
