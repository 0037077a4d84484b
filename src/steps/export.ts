import { defineStep, one, optional } from '../engine/step.js';
import type { ExportOptions } from '../options/export.js';

export const exportModel = defineStep<ExportOptions>({
  name: 'export',
  version: 3,
  summary: 'Hands a trained model over: weights, checked ONNX graphs and a model card, as other tools load them',
  inputs: { model: one('model'), data: one('dataset'), metrics: optional('report'), timing: optional('measurement') },
  outputs: { model: 'model' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers', '@huggingface/transformers'],
  recordsClaims: true,
  recordsLineage: true,
  run: async (ctx) => (await import('../export/run.js')).run(ctx),
});
