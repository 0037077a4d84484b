import { defineStep, list, one, optional } from '../engine/step.js';
import type { TrainOptions } from '../options/train.js';
import { refuseTraining } from '../teachers/claims.js';

export const train = defineStep<TrainOptions>({
  name: 'train',
  version: 4,
  summary: 'Trains a teacher, a student or a yardstick, in one or more stages',
  inputs: {
    data: one('dataset'),
    tokenizer: optional('tokenizer'),
    teacher: { ...list('logits'), optional: true },
    init: optional('model'),
    validation: optional('dataset'),
  },
  outputs: { model: 'model' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  refuses: ({ task }, claims) => refuseTraining(claims, task === 'generation'),
  run: async (ctx) => (await import('../train/run.js')).run(ctx),
});
