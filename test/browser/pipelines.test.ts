import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { expect, test } from 'vitest';
import type { Head } from '../../src/models/architecture.js';
import { makeModel, runExport } from '../export/rig.js';
import { temporaryFolder } from '../steps/context.js';
import { launch, noBrowser, serveFolder } from './chromium.js';

const KINDS: Readonly<Record<string, readonly [type: string, head: Head, options: object]>> = {
  'text-classification': ['bert', 'classifier', { top_k: null }],
  'token-classification': ['bert', 'token-classifier', {}],
  'feature-extraction': ['distilbert', 'none', { pooling: 'mean', normalize: true }],
  'text-generation': ['llama', 'language-model', { max_new_tokens: 8, do_sample: false, return_full_text: false }],
  'fill-mask': ['bert', 'masked-language-model', {}],
};

/** What a model says of a text: all its logits or hidden states, and what its pipeline makes of them. */
interface Said {
  readonly numbers: readonly number[];
  readonly answer: unknown;
}

interface Ask {
  (text: string, options: object): Promise<unknown>;
  readonly tokenizer: (text: string) => Promise<Readonly<Record<string, { readonly dims: readonly number[] }>>>;
  readonly model: (inputs: object) => Promise<Readonly<Record<string, { readonly data: Float32Array } | undefined>>>;
}

/** Runs in Node and, as its own source, in the page. */
async function say(ask: Ask, texts: readonly string[], options: object): Promise<Said[]> {
  const said: Said[] = [];
  for (const text of texts) {
    const out = await ask.model(await ask.tokenizer(text));
    const numbers = [...((out.logits ?? out.last_hidden_state)?.data ?? [])];
    const answer = await ask(text, options);
    said.push({ numbers, answer: JSON.parse(JSON.stringify(answer)) as unknown });
  }
  return said;
}

/** Scores of an answer are compared as numbers, all else as it is. */
function near(found: unknown, wanted: unknown, where: string): void {
  if (typeof wanted === 'number') expect(Math.abs((found as number) - wanted), where).toBeLessThan(1e-4);
  else if (typeof wanted === 'object' && wanted !== null) {
    expect(Object.keys(found as object), where).toEqual(Object.keys(wanted));
    for (const [key, value] of Object.entries(wanted)) near((found as never)[key], value, `${where}.${key}`);
  } else expect(found, where).toEqual(wanted);
}

test.skipIf(noBrowser)(
  'every pipeline gives the same numbers in Chromium as in Node, at most 1e-4 apart',
  { timeout: 180_000 },
  async () => {
    const root = await temporaryFolder();
    const shared = join(root, 'served');
    const rows = new Map<string, string[]>();
    for (const [task, [type, head]] of Object.entries(KINDS)) {
      const at = join(root, task);
      const made = await makeModel(at, type, head, { count: 40 });
      const { outputs } = await runExport(at, made, {
        options: { demo: task === 'text-classification' || task === 'fill-mask', quantize: false },
      });
      await cp(outputs.model as string, join(shared, task), { recursive: true });
      const short = made.rows.filter(({ text }) => text.split(' ').length < 10);
      const texts = short.slice(0, 6).map(({ text }) => text);
      rows.set(task, task === 'fill-mask' ? texts.map((text) => text.replace(/^\S+/, '[MASK]')) : texts);
    }
    const address = await serveFolder(shared);
    const page = await (await launch()).newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(address) && !/^(blob|data):/.test(request.url())) problems.push(request.url());
    });
    // Any page of that address will do.
    await page.goto(`${address}text-classification/config.json`);
    env.allowRemoteModels = false;
    for (const [task, [, , options]] of Object.entries(KINDS)) {
      const texts = rows.get(task) as string[];
      const here = (await pipeline(task as never, join(shared, task), { dtype: 'fp32' })) as unknown as Ask;
      const wanted = await say(here, texts, options);
      const found = (await page.evaluate(`(async () => {
        const demo = '${address}text-classification/demo/';
        const { env, pipeline } = await import(demo + 'transformers.min.js');
        env.allowRemoteModels = false;
        env.allowLocalModels = true;
        env.useBrowserCache = false;
        env.useWasmCache = false;
        env.localModelPath = '/';
        env.backends.onnx.wasm.wasmPaths = { mjs: demo + 'ort-wasm-simd-threaded.mjs', wasm: demo + 'ort-wasm-simd-threaded.wasm' };
        const ask = await pipeline('${task}', '${task}', { dtype: 'fp32', device: 'wasm' });
        return (${say})(ask, ${JSON.stringify(texts)}, ${JSON.stringify(options)});
      })()`)) as Said[];
      expect(wanted.every(({ numbers }) => numbers.length > 0)).toBe(true);
      near(found, wanted, task);
      // Models whose answer is always the same would agree as well.
      expect(new Set(wanted.map(({ numbers }) => JSON.stringify(numbers))).size).toBe(texts.length);
    }
    // The page of a model that fills in words says what its pipeline says here.
    await page.goto(`${address}fill-mask/`);
    await page.waitForSelector('button:enabled', { timeout: 60_000 });
    expect(await page.textContent('label')).toBe('Text, with [MASK] in place of a word');
    const [text] = rows.get('fill-mask') as [string];
    const fill = await pipeline('fill-mask', join(shared, 'fill-mask'), { dtype: 'fp32' });
    const wanted = (await fill(text, { top_k: 8 })) as { readonly token_str: string; readonly score: number }[];
    await page.fill('textarea', text);
    await page.click('button');
    await page.getByText(/^[\d.]+ ms for this text\.$/).waitFor();
    const cells = await page.locator('td').allTextContents();
    expect(cells.filter((_, i) => i % 2 === 0)).toEqual(wanted.map(({ token_str: word }) => word));
    wanted.forEach(({ score }, i) => {
      expect(Number(cells[2 * i + 1])).toBeCloseTo(score, 3);
    });
    expect(problems).toEqual([]);
  },
);
