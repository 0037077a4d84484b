import { defineStep, one } from '../engine/step.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { logitsFacts, output } from '../train/foresight.js';

export const cacheLogits = defineStep<CacheLogitsOptions>({
  name: 'cache-logits',
  version: 4,
  summary: 'Asks a teacher once and keeps its logits, next tokens, hidden states, attention scores and values',
  inputs: { teacher: one('model'), data: one('dataset') },
  outputs: { logits: 'logits' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  foresees: (options, known) => output('logits', logitsFacts(options, known)),
  estimate: async (ctx) => (await import('../teachers/estimate.js')).estimate(ctx),
  run: async (ctx) => (await import('../teachers/capture.js')).run(ctx),
});
