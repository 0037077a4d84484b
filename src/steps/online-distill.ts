import { defineStep, list, optional } from '../engine/step.js';
import type { OnlineDistillOptions } from '../options/online-distill.js';
import { refuseTraining } from '../teachers/claims.js';
import { modelFacts, output } from '../train/foresight.js';
import { onlineProblems } from '../train/together/problems.js';

/** As many as the schema allows. */
const PEERS = 8;
const nameOf = (_: unknown, i: number): string => `peer-${i + 1}`;

export const onlineDistill = defineStep<OnlineDistillOptions>({
  name: 'online-distill',
  version: 1,
  summary: 'Trains several models together, each from labels and from the others',
  inputs: {
    data: list('dataset'),
    tokenizer: optional('tokenizer'),
    init: { ...list('model'), optional: true },
    validation: optional('dataset'),
  },
  // The best of them by validation, or the first; and each.
  outputs: {
    model: 'model',
    ...Object.fromEntries(Array.from({ length: PEERS }, (_, i) => [nameOf(_, i), 'model'])),
    history: 'history',
  },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  produces: ({ peers }) => ['model', ...peers.map(nameOf), 'history'],
  problems: onlineProblems,
  foresees: (options, known) =>
    Object.assign(
      {},
      ...options.peers.map(({ model }, i) =>
        model.type === 'pretrained' ? {} : output(nameOf(model, i), modelFacts({ ...options, model }, known)),
      ),
    ),
  refuses: ({ task }, claims) => refuseTraining(claims, task === 'generation'),
  run: async (ctx) => (await import('../train/together/online.js')).run(ctx),
});
