import { defineStep, one } from '../engine/step.js';
import type { TrainTokenizerOptions } from '../options/train-tokenizer.js';

export const trainTokenizer = defineStep<TrainTokenizerOptions>({
  name: 'train-tokenizer',
  version: 1,
  summary: 'Learns a WordPiece tokenizer from the texts of a dataset.',
  inputs: { data: one('dataset') },
  outputs: { tokenizer: 'tokenizer' },
  lane: 'compute',
  packages: ['tokenizers'],
  async run(ctx) {
    const { trainTokenizer: train } = await import('../data/train-tokenizer.js');
    await train(ctx.options, ctx.input('data').path, await ctx.output('tokenizer'), ctx);
  },
});
