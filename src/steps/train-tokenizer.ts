import { defineStep, list } from '../engine/step.js';
import type { TrainTokenizerOptions } from '../options/train-tokenizer.js';

const LOWERCASE = {
  pointer: '/lowercase',
  message: 'a byte-bpe tokenizer keeps every text as it is, so it has no option lowercase',
  hint: 'Leave it out.',
};

export const trainTokenizer = defineStep<TrainTokenizerOptions>({
  name: 'train-tokenizer',
  version: 1,
  summary: 'Learns a WordPiece or a byte-level BPE tokenizer from the texts of one or more datasets.',
  inputs: { data: list('dataset') },
  outputs: { tokenizer: 'tokenizer' },
  lane: 'compute',
  packages: ['tokenizers'],
  problems: ({ type, vocabulary, lowercase }) =>
    type === 'byte-bpe'
      ? [
          ...(lowercase === undefined ? [] : [LOWERCASE]),
          ...(vocabulary > 256
            ? []
            : [{ pointer: '/vocabulary', message: 'a byte-bpe tokenizer has 257 entries at least' }]),
        ]
      : [],
  async run(ctx) {
    const { trainTokenizer: train } = await import('../data/train-tokenizer.js');
    await train(
      ctx.options,
      ctx.inputList('data').map(({ path }) => path),
      await ctx.output('tokenizer'),
      ctx,
    );
  },
});
