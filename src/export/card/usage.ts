import type { Facts } from './facts.js';
import { section } from './markdown.js';

const fence = (language: string, ...lines: readonly string[]): string =>
  [`\`\`\`${language}`, ...lines, '```'].join('\n');

/** How to use a folder that transformers loads. */
export function usageSection({ pipeline, short, maxLength, exactness }: Facts): string {
  if (pipeline === undefined) return wordsUsage();
  const js = exactness.transformers.state !== 'unsupported';
  return section(
    'How to use',
    js
      ? `In JavaScript, in Node or a browser, with [transformers.js](https://www.npmjs.com/package/@huggingface/transformers). It takes a folder by its path, or, in a browser, from below ${'`env.localModelPath`'}:`
      : undefined,
    js ? fence('js', ...JAVASCRIPT[pipeline](short?.kept ? 'q8' : 'fp32')) : undefined,
    'In Python:',
    fence('python', ...PYTHON[pipeline]),
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
  'token-classification': (dtype: string) => [
    ...importing('token-classification', dtype),
    "console.log(await ask('A text.', { aggregation_strategy: 'simple' }));",
  ],
  'fill-mask': (dtype: string) => [
    ...importing('fill-mask', dtype),
    'console.log(await ask(`A ${ask.tokenizer.mask_token} text.`));',
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
  'token-classification': [
    'from transformers import pipeline',
    '',
    "ask = pipeline('token-classification', '/path/to/this/folder', aggregation_strategy='simple')",
    "print(ask('A text.'))",
  ],
  'fill-mask': [
    'from transformers import pipeline',
    '',
    "ask = pipeline('fill-mask', '/path/to/this/folder')",
    "print(ask(f'A {ask.tokenizer.mask_token} text.'))",
  ],
  'text-generation': [
    'from transformers import pipeline',
    '',
    "ask = pipeline('text-generation', '/path/to/this/folder')",
    "print(ask('A text.\\n', max_new_tokens=32, return_full_text=False))",
  ],
} as const;

/** Of a logistic model over words. */
function wordsUsage(): string {
  return section(
    'How to use',
    'A text is cut into words as `words` in `model.json` says; `onnx/model.onnx` takes the words of each text, with empty ones behind those of shorter texts, and gives a logit for each label. In JavaScript, with [onnxruntime-node](https://www.npmjs.com/package/onnxruntime-node):',
    fence(
      'js',
      "import { readFileSync } from 'node:fs';",
      "import ort from 'onnxruntime-node';",
      '',
      "const { labels, words } = JSON.parse(readFileSync('model.json', 'utf8'));",
      "const session = await ort.InferenceSession.create('onnx/model.onnx');",
      "const text = 'A text.';",
      'const cut = (words.lowercase ? text.toLowerCase() : text).match(new RegExp(words.pattern, words.flags)) ?? [];',
      "const read = cut.length > 0 ? cut.slice(0, words.max_words ?? undefined) : [''];",
      "const { logits } = await session.run({ words: new ort.Tensor('string', read, [1, read.length]) });",
      'console.log(labels[logits.data.indexOf(Math.max(...logits.data))]);',
    ),
    'In Python, where `\\w` stands for the same letters and digits:',
    fence(
      'python',
      'import json, re',
      'import numpy as np',
      'import onnxruntime',
      '',
      "model = json.load(open('model.json'))",
      "session = onnxruntime.InferenceSession('onnx/model.onnx')",
      "text = 'A text.'",
      "words = model['words']",
      "read = re.findall(r'\\w+|[^\\w\\s]', text.lower() if words['lowercase'] else text)[: words['max_words']] or ['']",
      "logits = session.run(['logits'], {'words': np.array([read], dtype=object)})[0]",
      "print(model['labels'][int(logits.argmax())])",
    ),
    'Without ONNX `model.json` is enough: of each n-gram of a text (words joined by a space) (1 + ln count) · `idf`, the whole scaled to length 1, times `weight` (a row an n-gram), plus `bias`; with two labels these are of the second, and the first one’s logit is 0.',
  );
}
