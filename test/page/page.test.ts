import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeRun } from '../../bench/page/make-run.js';
import { loadRegistry } from '../../src/cli/registry.js';
import type { CurveReport } from '../../src/curve/report.js';
import { Journal, type RunRecord, readRun } from '../../src/engine/journal.js';
import { LocalStore } from '../../src/engine/local-store.js';
import { thinned } from '../../src/page/charts/lines.js';
import { gather } from '../../src/page/gather.js';
import { page } from '../../src/page/page.js';
import { sections } from '../../src/page/sections/index.js';
import { temporaryFolder } from '../steps/context.js';

const built = async (root: string, id: string, environment: Record<string, string> = {}): Promise<string> => {
  const record = (await readRun(root, id)) as RunRecord;
  return page(await gather({ root, record, registry: loadRegistry(), environment }));
};
const made = async (updates: number, text?: string): Promise<string> => {
  const root = await temporaryFolder();
  return built(root, await makeRun(root, { updates, ...(text === undefined ? {} : { text }) }));
};
/** What the made-up run has nothing of. */
const SOMETIMES = ['failures', 'coverage', 'learning-curve', 'tables'];
const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

test('a run of 10,000 updates is a page of at most 3 MB, with a table behind every chart', async () => {
  const text = await made(10_000);
  expect(text.length).toBeLessThan(3e6);
  for (const { id } of sections.filter(({ id }) => !SOMETIMES.includes(id))) {
    expect(text, id).toContain(`<section id="${id}"`);
  }
  const charts = count(text, /<svg role="img" aria-label="[^"]+"/g);
  // Two stages of seven charts, the intervals, costs, data and the timeline.
  expect(charts).toBeGreaterThan(18);
  expect(count(text, /<figure>/g) - count(text, /class="matrix"/g)).toBe(charts);
  expect(count(text, /<summary>Figures<\/summary>/g)).toBe(charts);
  for (const words of [
    'Weight of each objective',
    'Schedule: temperature',
    'Learning rate',
    'retention, macro F1, 95 %',
  ]) {
    expect(text).toContain(words);
  }
  expect(text).toContain('soft-label from 0.0020 at 10 to 1 at 5,000');
  expect(text).toContain('✗ missed');
});

test('nothing in it is run or loaded, whatever the texts of a run say', async () => {
  const hostile = `"'><script>alert(1)</script><img src=http://a.example/x onerror=alert(1)>{a|b}</style></svg>\u0000\u0007]]>`;
  const text = await made(40, hostile);
  expect(text).not.toMatch(/<script|<img|<iframe|<link|<object|]]>/i);
  expect(count(text, /<\/style>/g)).toBe(1);
  expect(text).not.toContain('\u0000');
  expect(text).not.toContain('\u0007');
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(text).toContain(`default-src 'none'`.replaceAll("'", '&#39;'));
  // Every tag's quotes are closed by those that opened them.
  expect(text).not.toMatch(/="[^"<>]*[<>]/);
  const bare = text.replace(/"[^"]*"/g, '""');
  expect(bare).not.toMatch(/<[^>]*\s(?:src|srcset|action|data|on\w+)\s*=/i);
  expect(text).not.toMatch(/(?:href="(?!#)|url\((?!#))/);
});

test('values that a run took from the environment are hidden, as in its log', async () => {
  const root = await temporaryFolder();
  const recipe = join(root, 'r.yaml');
  await writeFile(recipe, 'a: ${{ env.MAIL_TOKEN }}\n');
  const journal = await Journal.create(root, { recipe, name: 'secret', set: [], threads: 1 });
  await journal.keep(recipe);
  const steps = [{ id: 'ask', uses: 'query-teacher', needs: [] }];
  journal.append({ at: 1, type: 'run-started', run: journal.record.id, recipe, name: 'secret', resumed: false, steps });
  for (const message of ['the token is s3cr3t-token', 'the key is sk-very-secret']) {
    journal.append({ at: 2, type: 'step-log', step: 'ask', level: 'warning', message });
  }
  journal.close();
  const environment = { MAIL_TOKEN: 's3cr3t-token', OPENAI_API_KEY: 'sk-very-secret' };
  const text = await built(root, journal.record.id, environment);
  expect(text).toContain('the token is ***');
  expect(text).not.toContain('s3cr3t-token');
  expect(text).not.toContain('sk-very-secret');
  expect(text).toContain('${{ env.MAIL_TOKEN }}');
});

test('a run that has just begun has a page, and one whose results are gone', async () => {
  const root = await temporaryFolder();
  const journal = await Journal.create(root, { recipe: '/nowhere.yaml', name: 'young', set: [], threads: 1 });
  expect(await built(root, journal.record.id)).toContain('The recipe was not kept');
  journal.close();
  const id = await makeRun(root, { updates: 20 });
  await rm(join(root, 'store'), { recursive: true });
  const text = await built(root, id);
  // What the journal has is drawn all the same.
  expect(text).toContain('as the journal has it');
});

test('thins evenly and keeps both ends', () => {
  expect(thinned([1, 2, 3], 3)).toEqual([1, 2, 3]);
  expect(
    thinned(
      Array.from({ length: 101 }, (_, i) => i),
      5,
    ),
  ).toEqual([0, 25, 50, 75, 100]);
});

test('draws what a learning curve found, with its table and nothing of it elsewhere', async () => {
  const root = await temporaryFolder();
  const store = new LocalStore(join(root, 'store'));
  const report: CurveReport = {
    task: 'classification',
    metric: 'accuracy',
    model: 'logistic',
    rows: 400,
    test: { rows: 100, unlabelled: 0 },
    bootstrap: { resamples: 1000, seed: 1 },
    points: [100, 200, 400].map((rows) => ({ rows, values: [rows / 500], mean: rows / 500 })),
    verdict: 'reachable',
    said: 'Some more rows <b>would</b> do.',
    gain: { value: 0.1, low: 0, high: 0.2 },
    law: null,
    curve: [100, 400].map((rows) => ({ rows, value: rows / 500, low: 0, high: 1 })),
    next: null,
  };
  const folder = await store.scratch();
  await writeFile(join(folder, 'report.json'), JSON.stringify(report));
  const outputs = { report: { kind: 'report', digest: await store.put(folder, 'report') } };
  const journal = await Journal.create(root, { recipe: '/r.yaml', name: 'curve', set: [], threads: 1 });
  const { id } = journal.record;
  const steps = [{ id: 'curve', uses: 'learning-curve', needs: [] }];
  const table = { title: 'Sizes', columns: [{ label: 'rows', align: 'right' as const }], rows: [['100']], notes: [] };
  journal.append({ at: 1, type: 'run-started', run: id, recipe: '/r.yaml', name: 'curve', resumed: false, steps });
  journal.append({ at: 2, type: 'step-table', step: 'curve', table });
  const ended = { cached: false, seconds: 1, peakMemory: 1, fingerprint: 'f'.repeat(64) };
  journal.append({ at: 3, type: 'step-finished', step: 'curve', outputs, ...ended });
  journal.close();
  const text = await built(root, id);
  expect(text).toContain('Some more rows &lt;b&gt;would&lt;/b&gt; do.');
  expect(text).toContain(
    'accuracy by training rows by rows: measured, mean from 0.2000 at 100 to 0.8000 at 400; power law',
  );
  expect(count(text, /<h4>Sizes<\/h4>/g)).toBe(1);
  expect(text).not.toContain('<section id="results"');
});
