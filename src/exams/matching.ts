import type { Row } from '../data/dataset.js';
import { ask } from '../models/ask.js';
import { loadPredictor } from '../models/index.js';
import type { Predictor } from '../models/predictor.js';
import { StepFailure } from '../util/failure.js';
import { classification } from './classification.js';
import type { Exam } from './exam.js';
import { checkFinite } from './finite.js';

/**
 * How far a model says of each row that its two texts belong together: that logit less the other one.
 * @param labels of pairs that do not, and of those that do; the model has both
 * @param predict one of many calls
 * @throws StepFailure `not-a-number`, `no-pair`, naming the row
 */
export async function pairScores(
  predictor: Predictor,
  labels: readonly string[],
  rows: readonly Row[],
  predict?: Predictor['predict'],
): Promise<number[]> {
  const [no, yes] = labels.map((label) => predictor.labels.indexOf(label)) as [number, number];
  const logits = await ask(predictor, rows, predict);
  return rows.map((row, i) => {
    const own = checkFinite(row, logits.subarray(2 * i, 2 * i + 2));
    return (own[yes] as number) - (own[no] as number);
  });
}

/** Whether two texts belong together, by their vectors: the score of `pairScores`. */
export const matching: Exam<number> = {
  ...classification,
  async load(folder, backend, threads) {
    const predictor = await loadPredictor(folder, backend, threads);
    const { type, labels, parameters, bytes } = predictor;
    const predict = predictor.many?.().predict;
    return {
      type,
      labels,
      parameters,
      bytes,
      answer: (rows) => pairScores(predictor, labels, rows, predict),
      close: () => predictor.close(),
    };
  },
  check(rows, labels, input) {
    classification.check(rows, labels, input);
    const texts = (label: string | undefined): Set<string> =>
      new Set(rows.filter((row) => row.label === label).map(({ text }) => text));
    const [others, own] = [texts(labels[0]), texts(labels[1])];
    if ([...own].some((text) => others.has(text))) return;
    const message = `no text of the input "${input}" has a pair that belongs to it and one that does not`;
    throw new StepFailure('no-rows', message, 'Make them with a make-pairs step.');
  },
  main: () => 'mrr',
  truth: ({ text, label }, labels) => ({ text, belongs: label === labels[1] }),
  said: (_, score) => Number(score.toPrecision(7)),
};
