import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import type { TrainedOn } from './checkpoint.js';
import { type Fit, fitSoftmax, outputsOf } from './logistic/fit.js';
import { countHashed, type HashedOptions, idfOf, weigh } from './logistic/hashed-features.js';
import { type LogisticTraining, logitsOf } from './logistic.js';
import type { PredictorFamily } from './predictor.js';

/** Softmax regression over hashed n-grams: as large as its buckets, whatever it has read, and without a vocabulary. */

/** `schemas/models/hashed.schema.json` documents them. */
export interface HashedLogisticOptions extends HashedOptions {
  readonly l2: number;
}

export interface HashedLogistic extends Pick<Fit, 'weight' | 'bias'> {
  readonly labels: readonly string[];
  readonly options: HashedLogisticOptions;
  /** [buckets] */
  readonly idf: Float32Array;
}

const TYPE = 'hashed-logistic';
const WEIGHTS = 'model.safetensors';

/** Trains to the optimum, which does not depend on any seed. What a callback throws ends it. */
export async function trainHashed(
  training: Omit<LogisticTraining, 'options'> & { readonly options: HashedLogisticOptions },
): Promise<HashedLogistic> {
  const { texts, targets, labels, options, onTexts, onIteration } = training;
  const weights = training.weights ?? new Float32Array(texts.length).fill(1);
  const rows = await countHashed(texts, options, onTexts);
  const idf = idfOf(rows, options.buckets);
  weigh(rows, idf);
  const problem = { rows, features: options.buckets, labels: labels.length, targets, weights, l2: options.l2 };
  const { weight, bias } = await fitSoftmax(problem, onIteration);
  return { labels, options, idf, weight, bias };
}

/** Writes `recipe.json` and `model.safetensors` (idf [buckets], weight [buckets, outputs], bias [outputs]). */
export async function saveHashed(
  folder: string,
  { labels, options, idf, weight, bias }: HashedLogistic,
  trainedOn: TrainedOn,
): Promise<void> {
  const { word_ngrams, char_ngrams, buckets, max_words, lowercase, l2 } = options;
  const recipe = {
    type: TYPE,
    labels,
    options: { word_ngrams, char_ngrams, buckets, max_words, lowercase, l2 },
    parameters: weight.length + bias.length,
    trained_on: trainedOn,
  };
  await writeFile(join(folder, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`);
  await writeSafetensors(join(folder, WEIGHTS), {
    bias: { dtype: 'F32', shape: [bias.length], data: bias },
    idf: { dtype: 'F32', shape: [idf.length], data: idf },
    weight: { dtype: 'F32', shape: [idf.length, bias.length], data: weight },
  });
}

export const hashedLogisticFamily: PredictorFamily = {
  type: TYPE,
  async load(folder) {
    const { labels, options } = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as HashedLogistic;
    const { tensors } = await readSafetensors(join(folder, WEIGHTS));
    const { idf, weight, bias } = tensors;
    const outputs = outputsOf(labels.length);
    if (
      idf?.data.length !== options.buckets ||
      weight?.data.length !== options.buckets * outputs ||
      bias?.data.length !== outputs
    ) {
      throw new StepFailure('damaged-model', `${folder}: ${WEIGHTS} does not fit recipe.json`);
    }
    const model = { labels, weight: weight.data, bias: bias.data };
    return {
      type: TYPE,
      labels,
      parameters: weight.data.length + bias.data.length,
      bytes: (await stat(join(folder, WEIGHTS))).size,
      async predict(texts) {
        const rows = await countHashed(texts, options);
        weigh(rows, idf.data);
        return logitsOf(rows, model);
      },
      close: async () => {},
    };
  },
};
