import { type DatasetInfo, realLabels } from '../../data/dataset.js';
import { StepFailure } from '../../util/failure.js';
import { MatchExamples } from '../match-examples.js';
import { MatchValidation } from '../match-validation.js';
import { isTaught } from './classification.js';
import type { Task, TaskContext } from './task.js';

/** Where nothing says how a cosine becomes a logit: sentence-transformers' scale, and one half as the threshold. */
const UNKNOWN = { scale: 20, bias: -10 };

/** A vector for each text, so that those of a text and its pair are alike. */
export function matching(info: DatasetInfo, { log }: TaskContext): Task {
  const { labels } = info;
  if (labels.length !== 2) {
    throw new StepFailure(
      'labels',
      `task "matching" needs two labels, of pairs that do not belong together and of those that do, and the data has ${labels.length}`,
      'Make pairs with a make-pairs step.',
    );
  }
  const [no, yes] = labels as [string, string];
  return {
    name: 'matching',
    head: 'embedding',
    labels,
    metrics: ['mrr'],
    examples: (rows, tokenizer, config) => MatchExamples.encode(rows, [no, yes], tokenizer, config),
    judge: (rows, tokenizer, config) => MatchValidation.encode(rows, [no, yes], tokenizer, config),
    trainedOn(rows, stages) {
      const labelled = rows.filter((row) => row.label !== null).length;
      return {
        rows: isTaught(stages) ? rows.length : labelled,
        labelled: realLabels(info, rows),
      };
    },
    written: async () => undefined,
    async similarity(rows, tokenizer, runner, config, parameters) {
      const pairs = await MatchValidation.encode(rows, [no, yes], tokenizer, config);
      const found = await pairs.similarity(runner, config, parameters);
      if (found === undefined) {
        log('warning', 'the pairs do not say from which cosine on two texts belong together: 0.5 is taken');
      }
      return found ?? UNKNOWN;
    },
  };
}
