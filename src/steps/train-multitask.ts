import { defineStep, each, optional } from '../engine/step.js';
import type { TrainMultitaskOptions } from '../options/train-multitask.js';
import { refuseTraining } from '../teachers/claims.js';
import { modelFacts, output } from '../train/foresight.js';
import { multitaskProblems } from '../train/together/multitask-problems.js';
import { knownOf, taskOptions } from '../train/together/task-options.js';

export const trainMultitask = defineStep<TrainMultitaskOptions>({
  name: 'train-multitask',
  version: 1,
  summary: 'Trains one encoder with a head for each of several tasks, from labels and from a teacher of each',
  inputs: {
    tokenizer: optional('tokenizer'),
    init: optional('model'),
    data: each('tasks', 'dataset'),
    validation: each('tasks', 'dataset'),
    teacher: each('tasks', 'logits', 'model'),
  },
  outputs: { history: 'history' },
  namedOutputs: 'model',
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  produces: ({ tasks }) => [...tasks.map(({ name }) => name), 'history'],
  problems: multitaskProblems,
  foresees: (options, known) =>
    Object.assign(
      {},
      ...options.tasks.map(({ name }, k) =>
        output(name, modelFacts(taskOptions(options, k), knownOf(options, k, known))),
      ),
    ),
  misfits: async (options, known) =>
    (await import('../train/together/multitask-misfits.js')).multitaskMisfits(options, known),
  refuses: (_, claims) => refuseTraining(claims, false),
  run: async (ctx) => (await import('../train/together/multitask.js')).run(ctx),
});
