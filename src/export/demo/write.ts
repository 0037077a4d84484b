import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import type { Facts } from '../card/facts.js';
import { ASSETS, demoPage, SHOWN } from './page.js';

const NOTICE = `transformers.min.js is transformers.js by Hugging Face, Apache License 2.0:
https://github.com/huggingface/transformers.js
ort-wasm-simd-threaded.* are of ONNX Runtime by Microsoft, MIT License:
https://github.com/microsoft/onnxruntime
`;

/**
 * Writes a page that runs an exported folder's model in the browser, and what the page needs.
 * @throws StepFailure if there is no page for such a model, or transformers.js is not installed
 */
export async function writeDemo(folder: string, facts: Facts, title: string): Promise<void> {
  const { pipeline, pairs, exactness, short } = facts;
  if (pipeline === undefined || pairs || !SHOWN.includes(pipeline) || exactness.transformers.state === 'unsupported') {
    throw new StepFailure(
      'no-demo',
      `there is no demo of a ${facts.type} for ${pairs ? 'pairs of texts' : (pipeline ?? 'words')}`,
      `Leave "demo" out. Models for ${SHOWN.join(', ')} that transformers.js loads have one.`,
    );
  }
  const sources = browserFiles();
  await mkdir(join(folder, ASSETS));
  for (const [name, source] of Object.entries(sources)) await copyFile(source, join(folder, ASSETS, name));
  await writeFile(join(folder, ASSETS, 'NOTICE.txt'), NOTICE);
  await writeFile(join(folder, 'index.html'), demoPage(title, pipeline, short?.kept ? 'q8' : 'fp32'));
}

/** transformers.js for browsers, and the ONNX Runtime that it was made for. */
function browserFiles(): Record<string, string> {
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve('@huggingface/transformers');
  } catch {
    throw new StepFailure(
      'no-transformers',
      'a demo needs transformers.js, which is not installed',
      'npm install @huggingface/transformers',
    );
  }
  const runtime = dirname(createRequire(main).resolve('onnxruntime-web'));
  return {
    'transformers.min.js': join(dirname(main), 'transformers.min.js'),
    'ort-wasm-simd-threaded.mjs': join(runtime, 'ort-wasm-simd-threaded.mjs'),
    'ort-wasm-simd-threaded.wasm': join(runtime, 'ort-wasm-simd-threaded.wasm'),
  };
}
