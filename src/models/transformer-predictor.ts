import { createRunner } from '../backend/runner.js';
import { loadTokenizer } from '../data/tokenizer.js';
import { StepFailure } from '../util/failure.js';
import { classifyTexts } from './answers.js';
import type { Architecture } from './architecture.js';
import { loadBiEncoder } from './bi-encoder.js';
import { countParameters, loadTransformer } from './checkpoint.js';
import type { Predictor, PredictorFamily } from './predictor.js';
import { isBiEncoder } from './sentence-encoder.js';
import { weightBytes } from './weights.js';

/** A transformer's folder, ready to answer. */
export const transformerFamily = (architecture: Architecture): PredictorFamily => ({
  type: architecture.type,
  async load(folder, backend, threads): Promise<Predictor> {
    if (await isBiEncoder(folder)) return loadBiEncoder(folder, backend, threads);
    const { config, labels, parameters } = await loadTransformer(folder);
    if (config.head !== 'classifier') {
      throw new StepFailure(
        'no-labels',
        `the ${config.type} in ${folder} has no classifier: it was not trained to tell labels apart`,
        'Train it first: a train step with model: { type: pretrained }.',
      );
    }
    const tokenizer = await loadTokenizer(folder);
    const runner = await createRunner(backend, threads);
    return {
      type: architecture.type,
      labels,
      parameters: countParameters(parameters),
      bytes: await weightBytes(folder),
      pairs: config.pairs,
      async predict(texts, pairs) {
        if (config.pairs && pairs === undefined) throw new Error('a model of pairs was given single texts');
        const tokens =
          config.pairs && pairs
            ? await tokenizer.encodePairs(texts, pairs, config.maxLength)
            : await tokenizer.encode(texts, config.maxLength);
        return classifyTexts(runner, config, parameters, tokens);
      },
      close: () => runner.release(),
    };
  },
});
