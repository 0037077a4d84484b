import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import {
  buildVocabulary,
  type FeatureOptions,
  type SparseRows,
  Vectorizer,
  type Vocabulary,
} from './logistic/features.js';
import { type Fit, fitSoftmax, outputsOf } from './logistic/fit.js';
import type { Predictor, PredictorFamily } from './predictor.js';

/**
 * Softmax regression over TF-IDF of word n-grams: the yardstick that shows what a task needs no network for.
 */

/** `schemas/models/logistic.schema.json` documents them. */
export interface LogisticOptions extends FeatureOptions {
  readonly l2: number;
}

export interface LogisticModel extends Fit {
  readonly labels: readonly string[];
  readonly options: LogisticOptions;
  readonly vocabulary: Vocabulary;
}

export interface LogisticTraining {
  readonly texts: readonly string[];
  /** [texts, labels], each row a distribution: one-hot for a label, soft for a teacher's answer. */
  readonly targets: Float32Array;
  /** [texts]: how much each text counts. Default: all alike. */
  readonly weights?: Float32Array;
  readonly labels: readonly string[];
  readonly options: LogisticOptions;
  /** Before the first update, while texts are read. */
  readonly onTexts?: (done: number, total: number) => Promise<void>;
  /** After each update, counted from 1, with the mean loss in nats, penalty included. */
  readonly onIteration?: (iteration: number, loss: number) => Promise<void>;
}

/**
 * Trains to the optimum, which does not depend on any seed. What a callback throws ends it.
 *
 * @throws StepFailure when no n-gram occurs in `min_count` texts
 */
export async function trainLogistic(training: LogisticTraining): Promise<LogisticModel> {
  const { texts, targets, labels, options, onTexts, onIteration } = training;
  const weights = training.weights ?? new Float32Array(texts.length).fill(1);
  if (labels.length < 2) {
    throw new StepFailure(
      'too-few-labels',
      `logistic regression tells labels apart, and the data has ${labels.length}`,
    );
  }
  if (targets.length !== texts.length * labels.length || weights.length !== texts.length) {
    throw new RangeError(
      `expected ${texts.length} rows of ${labels.length} targets, got ${targets.length} targets and ${weights.length} weights`,
    );
  }
  const vocabulary = await buildVocabulary(texts, options, onTexts);
  const features = vocabulary.ngrams.length;
  if (features === 0) {
    throw new StepFailure(
      'empty-vocabulary',
      `no word occurs in min_count = ${options.min_count} of the ${texts.length} training texts`,
      'Lower "min_count", or check that the texts are what you expect.',
    );
  }
  const rows = new Vectorizer(vocabulary, options).transform(texts);
  const fit = await fitSoftmax(
    { rows, features, labels: labels.length, targets, weights, l2: options.l2 },
    onIteration,
  );
  return { ...fit, labels, options, vocabulary };
}

const parametersOf = (model: Pick<LogisticModel, 'weight' | 'bias'>): number => model.weight.length + model.bias.length;

/**
 * Writes `recipe.json`, `vocabulary.json` and `model.safetensors` (idf [features], weight [features, outputs], bias
 * [outputs]).
 *
 * @param trainedOn how many rows it learnt from and how many of them had a real label; `evaluate` shows it
 */
export async function saveLogistic(
  folder: string,
  model: LogisticModel,
  trainedOn?: { readonly rows: number; readonly labelled: number; readonly synthetic?: number },
): Promise<void> {
  const { labels, weight, bias, vocabulary } = model;
  const { word_ngrams, min_count, max_features, max_words, lowercase, l2 } = model.options;
  const recipe = {
    type: 'logistic',
    labels,
    options: { word_ngrams, min_count, max_features, max_words, lowercase, l2 },
    parameters: parametersOf(model),
    ...(trainedOn && { trained_on: trainedOn }),
  };
  await writeFile(join(folder, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`);
  await writeFile(join(folder, 'vocabulary.json'), `${JSON.stringify(vocabulary.ngrams)}\n`);
  await writeSafetensors(join(folder, WEIGHTS), {
    bias: { dtype: 'F32', shape: [bias.length], data: bias },
    idf: { dtype: 'F32', shape: [vocabulary.idf.length], data: vocabulary.idf },
    weight: { dtype: 'F32', shape: [vocabulary.idf.length, bias.length], data: weight },
  });
}

const WEIGHTS = 'model.safetensors';

export const logisticFamily: PredictorFamily = {
  type: 'logistic',
  async load(folder) {
    const { size } = await stat(join(folder, WEIGHTS));
    return predictor(await readLogistic(folder), size);
  },
};

/** A model as it is applied. */
export type AppliedLogistic = Omit<LogisticModel, 'loss' | 'iterations' | 'converged'>;

/** @throws StepFailure `damaged-model` */
export async function readLogistic(folder: string): Promise<AppliedLogistic> {
  const { labels, options } = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as Pick<
    LogisticModel,
    'labels' | 'options'
  >;
  const ngrams = JSON.parse(await readFile(join(folder, 'vocabulary.json'), 'utf8')) as string[];
  const { tensors } = await readSafetensors(join(folder, WEIGHTS));
  const { idf, weight, bias } = tensors;
  const outputs = outputsOf(labels.length);
  if (
    idf?.data.length !== ngrams.length ||
    weight?.data.length !== ngrams.length * outputs ||
    bias?.data.length !== outputs
  ) {
    throw new StepFailure('damaged-model', `${folder}: ${WEIGHTS} does not fit vocabulary.json and recipe.json`);
  }
  return { labels, options, vocabulary: { ngrams, idf: idf.data }, weight: weight.data, bias: bias.data };
}

function predictor(model: AppliedLogistic, bytes: number): Predictor {
  const vectorizer = new Vectorizer(model.vocabulary, model.options);
  return {
    type: 'logistic',
    labels: model.labels,
    parameters: parametersOf(model),
    bytes,
    predict: async (texts) => logitsOf(vectorizer.transform(texts), model),
    close: async () => {},
  };
}

/** Logits [rows, labels]; with two labels the first one's is zero. */
export function logitsOf(
  { starts, columns, values }: SparseRows,
  { labels, weight, bias }: Pick<LogisticModel, 'labels' | 'weight' | 'bias'>,
): Float32Array {
  const outputs = bias.length;
  const zeros = labels.length - outputs;
  const logits = new Float32Array((starts.length - 1) * labels.length);
  for (let row = 0; row + 1 < starts.length; row++) {
    for (let k = 0; k < outputs; k++) {
      let logit = bias[k] as number;
      for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
        logit += (values[e] as number) * (weight[(columns[e] as number) * outputs + k] as number);
      }
      logits[row * labels.length + zeros + k] = logit;
    }
  }
  return logits;
}
