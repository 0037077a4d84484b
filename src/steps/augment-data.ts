import { defineStep, one } from '../engine/step.js';
import type { AugmentDataOptions } from '../options/augment-data.js';

export const augmentData = defineStep<AugmentDataOptions>({
  name: 'augment-data',
  version: 1,
  summary: 'Adds copies of rows in which a masked language model and word embeddings replace words, as TinyBERT does',
  inputs: { data: one('dataset'), model: one('model') },
  outputs: { data: 'dataset' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  run: async (ctx) => (await import('../augment/run.js')).run(ctx),
});
