import { defineStep, list, one, optional } from '../engine/step.js';
import type { ChooseDataOptions } from '../options/choose-data.js';

export const chooseData = defineStep<ChooseDataOptions>({
  name: 'choose-data',
  version: 2,
  summary: 'Chooses rows to label or to train on: that cover the data, or of which models are unsure; says how well',
  inputs: {
    data: one('dataset'),
    chosen: optional('dataset'),
    encoder: optional('model'),
    logits: { ...list('logits'), optional: true },
  },
  outputs: { data: 'dataset', rest: 'dataset', report: 'report' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers', 'ml-matrix'],
  resembles: ({ rows }) => ({ data: { input: 'data', rows }, rest: { input: 'data' } }),
  misfits: async ({ by }, known) => (await import('../choose/misfits.js')).logitsMisfits(by, known('logits').length),
  run: async (ctx) => (await import('../choose/run.js')).run(ctx),
});
