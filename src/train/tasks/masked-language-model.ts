import { MaskedExamples, MaskedValidation } from '../masked-language.js';
import type { Task, TaskContext } from './task.js';

/** To tell tokens that are hidden: how encoders learn a language. Texts are cut where the model's reading ends. */
export const maskedLanguageModel = ({ seed }: TaskContext): Task => ({
  name: 'masked-language-model',
  head: 'masked-language-model',
  labels: [],
  metrics: ['loss', 'perplexity'],
  examples: (rows, tokenizer, config) => MaskedExamples.encode(rows, tokenizer, config, seed),
  judge: (rows, tokenizer, config) => MaskedValidation.encode(rows, tokenizer, config, seed),
  trainedOn: (rows) => ({ rows: rows.length, labelled: 0 }),
  written: async () => undefined,
});
