import type { Head } from './architecture.js';

const SUFFIXES: Readonly<Record<Head, string>> = {
  none: 'Model',
  embedding: 'Model',
  classifier: 'ForSequenceClassification',
  'multi-label': 'ForSequenceClassification',
  regression: 'ForSequenceClassification',
  'token-classifier': 'ForTokenClassification',
  'language-model': 'ForCausalLM',
  'masked-language-model': 'ForMaskedLM',
};

/** What transformers calls its class of a body, such as `Bert`, with that head. */
export const className = (body: string, head: Head): string => body + SUFFIXES[head];
