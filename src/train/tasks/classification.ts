import { type DatasetInfo, realLabels } from '../../data/dataset.js';
import { teacherOf } from '../../methods/index.js';
import type { Stage } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { Examples } from '../examples.js';
import { Validation } from '../validate.js';
import type { Task } from './task.js';

/** Whether a teacher says something of rows of which nothing else is known. */
export const isTaught = (stages: readonly Stage[]): boolean =>
  stages.some(({ objectives }) => objectives.some((entry) => teacherOf(entry) !== undefined));

/** One of some labels for a text. */
export function classification(info: DatasetInfo): Task {
  const { labels } = info;
  if (labels.length < 2) {
    throw new StepFailure('labels', `a classifier needs at least two labels, and the data has ${labels.length}`);
  }
  return {
    name: 'classification',
    head: 'classifier',
    labels,
    metrics: ['macro_f1', 'accuracy', 'loss'],
    examples: (rows, tokenizer, config) => Examples.encode(rows, labels, tokenizer, config),
    judge: (rows, tokenizer, config) => Validation.encode(rows, labels, tokenizer, config),
    trainedOn(rows, stages) {
      const labelled = rows.filter((row) => row.label !== null).length;
      return { rows: isTaught(stages) ? rows.length : labelled, labelled: realLabels(info, rows) };
    },
    written: async () => undefined,
  };
}
