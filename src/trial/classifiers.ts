import type { Backend } from '../backend/runner.js';
import { cosinesOf } from '../models/bi-encoder.js';
import { loadEmbedder } from '../models/embedders.js';
import { loadPredictor } from '../models/index.js';
import { argmaxRows, softmax } from '../report/metrics.js';
import { StepFailure } from '../util/failure.js';
import { checkNumbers, logistic, probabilitiesOf } from './numbers.js';
import type { Question, Trial } from './trial.js';

type Load = (folder: string, backend: Backend, threads: number) => Promise<Trial>;

const pairOf = ({ pair }: Question): string[] => [pair ?? ''];

/** A classifier of one text, or of two; a graph of others that gives vectors compares them. */
export const tryLabels: Load = async (folder, backend, threads) => {
  const model = await loadPredictor(folder, backend, threads).catch((error: unknown) => {
    if (error instanceof StepFailure && error.reason === 'no-labels') return undefined;
    throw error;
  });
  if (model === undefined) return tryVectors(folder, backend, threads);
  const { type, parameters, labels, pairs = false } = model;
  return {
    type,
    parameters,
    pairs,
    async answer(question) {
      const logits = checkNumbers(await model.predict([question.text], pairs ? pairOf(question) : undefined), folder);
      const [best] = argmaxRows(logits, labels.length);
      return {
        kind: 'label',
        label: labels[best as number] as string,
        probabilities: probabilitiesOf(labels, softmax(logits)),
      };
    },
    close: () => model.close(),
  };
};

/** A model that has learnt what cosine means that two texts belong together. */
export const trySimilarity: Load = async (folder, backend, threads) => {
  const model = await loadPredictor(folder, backend, threads);
  const { type, parameters, similarity } = model;
  if (similarity === undefined) throw new Error(`${folder}: a similarity that its predictor does not know`);
  return {
    type,
    parameters,
    pairs: true,
    async answer(question) {
      const [, logit = Number.NaN] = checkNumbers(await model.predict([question.text], pairOf(question)), folder);
      return {
        kind: 'similarity',
        cosine: (logit - similarity.bias) / similarity.scale,
        probability: logistic(logit),
      };
    },
    close: () => model.close(),
  };
};

/** An encoder without a head. */
export const tryVectors: Load = async (folder, backend, threads) => {
  const model = await loadEmbedder(folder, backend, threads);
  return {
    type: model.type,
    parameters: model.parameters,
    pairs: true,
    async answer(question) {
      const [cosine] = checkNumbers(await cosinesOf(model, [question.text], pairOf(question)), folder);
      return { kind: 'similarity', cosine: cosine as number, probability: null };
    },
    close: () => model.close(),
  };
};
