import type { Backend } from '../backend/runner.js';
import { loadTextModel } from '../models/text-model.js';
import { labelsAbove } from '../report/many-labels.js';
import { StepFailure } from '../util/failure.js';
import type { Trial } from './trial.js';

export const logistic = (z: number): number => 1 / (1 + Math.exp(-z));

/** By label, six decimals. */
export const probabilitiesOf = (labels: readonly string[], values: readonly number[]): Record<string, number> =>
  Object.fromEntries(labels.map((label, k) => [label, Number((values[k] as number).toFixed(6))]));

/** @throws StepFailure `not-a-number` */
export function checkNumbers(values: Float32Array, folder: string): Float32Array {
  if (values.every(Number.isFinite)) return values;
  throw new StepFailure(
    'not-a-number',
    `the model in ${folder} answers with what is no number`,
    'Its training has probably diverged: lower the learning rate.',
  );
}

/** A text may have several labels. */
export async function tryManyLabels(folder: string, backend: Backend, threads: number): Promise<Trial> {
  const model = await loadTextModel(folder, 'multi-label', backend, threads);
  const { type, parameters, labels } = model;
  return {
    type,
    parameters,
    pairs: false,
    async answer({ text }) {
      const logits = checkNumbers(await model.logits([text]), folder);
      const given = labelsAbove(logits);
      return {
        kind: 'labels',
        labels: labels.filter((_, k) => given[k] === 1),
        probabilities: probabilitiesOf(labels, Array.from(logits, logistic)),
      };
    },
    close: () => model.close(),
  };
}

export async function tryScore(folder: string, backend: Backend, threads: number): Promise<Trial> {
  const model = await loadTextModel(folder, 'regression', backend, threads);
  const { type, parameters, labels } = model;
  return {
    type,
    parameters,
    pairs: false,
    async answer({ text }) {
      const [score] = checkNumbers(await model.logits([text]), folder);
      return { kind: 'score', name: labels[0] ?? 'score', score: score as number };
    },
    close: () => model.close(),
  };
}
