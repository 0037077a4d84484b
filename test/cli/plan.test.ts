import { expect, test } from 'vitest';
import { serve } from '../teachers/query/rig.js';
import { folder, recipe } from './recipe.js';

const ROWS = Array.from({ length: 300 }, (_, i) =>
  JSON.stringify({ text: `text ${i} ${'word '.repeat(i % 50)}` }),
).join('\n');
const asking = (url: string, more = ''): string => `version: 1
name: asking
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
      split: { train: 1, validation: 0, test: 0 }
  labels:
    uses: query-teacher
    with:
      data: \${{ steps.corpus.outputs.train }}
      teacher: { base_url: "${url}", model: m, price: { input: 100, output: 400 } }
      task: { mode: classify, labels: [ham, spam], soft_labels: logprobs }
${more}
outputs:
  labels: \${{ steps.labels.outputs.data }}
`;

test('plan says what a run will take, asks nobody, and knows better once there are answers', async () => {
  const server = await serve();
  const here = folder({ 'r.yaml': asking(server.url), 'rows.jsonl': ROWS });
  const first = await recipe(here, ['plan', 'r.yaml']);
  expect(first.err).toBe('');
  expect(first.code).toBe(0);
  expect(server.requests).toBe(0);
  expect(first.out).toMatch(/corpus +done\n/);
  expect(first.out).toMatch(/labels +to run\n +300 rows, about [\d,]+ tokens, about \$[\d.]+, about \d+ s\n/);
  expect(first.out).toContain('no answer of m is stored yet');
  const usd = Number(/about \$([\d.]+) in all; nothing is spent yet/.exec(first.out)?.[1]);

  expect((await recipe(here, ['run', 'r.yaml'])).code).toBe(0);
  const billed = (server.billed.prompt * 100 + server.billed.completion * 400) / 1e6;
  expect(usd).toBeGreaterThan(billed / 2);
  expect(usd).toBeLessThan(billed * 6);
  expect((await recipe(here, ['plan', 'r.yaml'])).out).toMatch(/labels +done\n/);

  const changed = folder({
    'r.yaml': asking(
      server.url,
      '      budget: { usd: 0.001 }\n      system: "Other words, as long as before: ham or spam?"',
    ),
    'rows.jsonl': ROWS,
  });
  const tight = await recipe(changed, ['plan', 'r.yaml']);
  expect(tight.out).toMatch(/the budget of \$0.001 will not do: \$\d+\.\d+ in all/);
});

test('plan says what rows cost that are not chosen yet, round after round, and needs no model that nobody asks', async () => {
  const recipeOf = (teacher: string): string => `version: 1
name: choosing
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
      split: { train: 1, validation: 0, test: 0 }
  big:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
rounds:
  active:
    count: 3
    first: { rest: "\${{ steps.corpus.outputs.train }}" }
    steps:
      some:
        uses: choose-data
        with: { data: "\${{ before.rest }}", rows: 20, by: random }
      labels:
        uses: query-teacher
        with:
          data: "\${{ steps.some.outputs.data }}"
          serve: "\${{ steps.big.outputs.model }}"
          teacher: { ${teacher}, price: { input: 100, output: 400 } }
          task: { mode: classify, labels: [ham, spam] }
    next: { rest: "\${{ steps.some.outputs.rest }}" }
outputs:
  labels: \${{ steps.labels.outputs.data }}
`;
  const asked = 'base_url: "http://127.0.0.1:9", model: m';
  const here = folder({ 'r.yaml': recipeOf(asked), 'rows.jsonl': ROWS, 'own.yaml': recipeOf('model: "recipe:big"') });
  const { code, out } = await recipe(here, ['plan', 'r.yaml']);
  expect(code).toBe(0);
  for (const round of [1, 2, 3]) {
    expect(out).toMatch(
      new RegExp(`labels\\[round=${round}\\] +to run, after .*\n +20 rows, about [\\d,]+ tokens, about \\$`),
    );
  }
  expect(out).toContain('(rows: 20 of 300, of which nobody knows yet which they are)');
  const each = Number(/labels\[round=1\].*\n.*about \$([\d.]+)/.exec(out)?.[1]);
  expect(Number(/about \$([\d.]+) in all/.exec(out)?.[1])).toBeCloseTo(3 * each, 1);
  // The model that would be asked is not there yet.
  expect((await recipe(here, ['plan', 'own.yaml'])).out).not.toContain('in all');
});

test('plan says how many bytes a cache of logits takes, and fails where that is too much', async () => {
  const recipeOf = (more: string): string => `version: 1
name: caching
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
      split: { train: 1, validation: 0, test: 0 }
  words:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
${more}
outputs:
  words: \${{ steps.words.outputs.model }}
`;
  const cache = (max: string): string => `
  logits:
    uses: cache-logits
    with: { teacher: "\${{ steps.words.outputs.model }}", data: "\${{ steps.corpus.outputs.train }}"${max} }`;
  const rows = Array.from({ length: 60 }, (_, i) => ({
    text: `${i % 2 ? 'lunch' : 'pills'} ${i}`,
    label: i % 2 ? 'a' : 'b',
  }));
  const here = folder({
    'rows.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'),
    'teacher.yaml': recipeOf(''),
    'fits.yaml': recipeOf(cache('')),
    'large.yaml': recipeOf(cache(', max_bytes: 1000')),
  });
  const before = await recipe(here, ['plan', 'fits.yaml']);
  expect(before.out).toMatch(/logits +to run, after words, corpus\n/);
  expect((await recipe(here, ['run', 'teacher.yaml'])).code).toBe(0);
  const fits = await recipe(here, ['plan', 'fits.yaml']);
  expect(fits).toMatchObject({ code: 0, err: '' });
  expect(fits.out).toMatch(/logits +to run\n +60 rows, [\d.]+ kB on disk\n/);
  const large = await recipe(here, ['plan', 'large.yaml']);
  expect(large.code).toBe(1);
  expect(large.out).toMatch(/cannot run: the cache of 60 texts would take \d+ kB, more than max_bytes allows \(1 kB\)/);
});
