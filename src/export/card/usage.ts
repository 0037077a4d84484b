import type { Facts } from './facts.js';
import { section } from './markdown.js';

const fence = (language: string, ...lines: readonly string[]): string =>
  [`\`\`\`${language}`, ...lines, '```'].join('\n');

/** How to use a folder that transformers loads. */
export function usageSection({ pipeline, short, maxLength, exactness }: Facts): string {
  const js = exactness.transformers.state !== 'unsupported';
  return section(
    'How to use',
    js
      ? `In JavaScript, in Node or a browser, with [transformers.js](https://www.npmjs.com/package/@huggingface/transformers). It takes a folder by its path, or, in a browser, from below ${'`env.localModelPath`'}:`
      : undefined,
    js ? fence('js', ...JAVASCRIPT[pipeline as keyof typeof JAVASCRIPT](short?.kept ? 'q8' : 'fp32')) : undefined,
    'In Python:',
    fence('python', ...PYTHON[pipeline as keyof typeof PYTHON]),
    `${'`onnx/model.onnx`'} is for any batch and any length${maxLength === undefined ? '' : ` up to ${maxLength} tokens`}, in every ONNX Runtime.`,
  );
}

const importing = (task: string, dtype: string): string[] => [
  "import { pipeline } from '@huggingface/transformers';",
  '',
  `const ask = await pipeline('${task}', '/path/to/this/folder', { dtype: '${dtype}' });`,
];

const JAVASCRIPT = {
  'text-classification': (dtype: string) => [
    ...importing('text-classification', dtype),
    "console.log(await ask('A text.', { top_k: null }));",
  ],
  'feature-extraction': (dtype: string) => [
    ...importing('feature-extraction', dtype),
    "const embeddings = await ask(['A text.', 'Another.'], { pooling: 'mean', normalize: true });",
    'console.log(embeddings.tolist());',
  ],
  'text-generation': (dtype: string) => [
    ...importing('text-generation', dtype),
    "console.log(await ask('A text.\\n', { max_new_tokens: 32, return_full_text: false }));",
  ],
} as const;

const PYTHON = {
  'text-classification': [
    'from transformers import pipeline',
    '',
    "ask = pipeline('text-classification', '/path/to/this/folder')",
    "print(ask('A text.', truncation=True, top_k=None))",
  ],
  'feature-extraction': [
    'from transformers import pipeline',
    '',
    "ask = pipeline('feature-extraction', '/path/to/this/folder')",
    "print(ask('A text.'))",
  ],
  'text-generation': [
    'from transformers import pipeline',
    '',
    "ask = pipeline('text-generation', '/path/to/this/folder')",
    "print(ask('A text.\\n', max_new_tokens=32, return_full_text=False))",
  ],
} as const;
