import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const QUIET = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

/** A recipe over the user's own rows: a logistic model and a small BERT, judged side by side. */
const RECIPE = `
version: 1
name: own
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl }, deduplicate: { near: null }, split: { train: 0.6, validation: 0, test: 0.4 } }
  words:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
  tokenizer:
    uses: train-tokenizer
    with: { data: "\${{ steps.corpus.outputs.train }}", vocabulary: 120 }
  bert:
    uses: train
    with:
      data: \${{ steps.corpus.outputs.train }}
      tokenizer: \${{ steps.tokenizer.outputs.tokenizer }}
      model: { type: bert, layers: 1, hidden: 16, heads: 2, max_length: 16 }
      stages: [{ objectives: [hard-label], updates: 4 }]
  report:
    uses: evaluate
    with:
      data: \${{ steps.corpus.outputs.test }}
      students: ["\${{ steps.words.outputs.model }}", "\${{ steps.bert.outputs.model }}"]
outputs: { words: "\${{ steps.words.outputs.model }}" }
`;
const ROWS = Array.from({ length: 60 }, (_, i) => {
  const good = i % 2 === 0;
  return JSON.stringify({
    text: `${good ? 'good nice fine' : 'bad poor awful'} thing number ${i}`,
    label: good ? 'yes' : 'no',
  });
}).join('\n');

let work: string;
let tarball: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'recipe-package-'));
  // dist is built already; prepack and postpack still run, for the shrinkwrap.
  await run('npm', ['pack', '--pack-destination', work, '--loglevel=error'], { cwd: ROOT });
  tarball = join(work, (await readdir(work)).find((file) => file.endsWith('.tgz')) as string);
}, 120_000);

afterAll(() => rm(work, { recursive: true, force: true }));

describe.each([
  // Where it can be reached, onnxruntime-node's script downloads CUDA from NuGet; nothing here needs it.
  ['with install scripts', [], { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }],
  ['without install scripts', ['--ignore-scripts'], process.env],
])('the packed tarball, installed %s', (name, flags, env) => {
  test('runs its commands and a recipe over the user’s own rows', { timeout: 240_000 }, async () => {
    const folder = join(work, name.split(' ')[0] as string);
    await run('mkdir', [folder]);
    await run('npm', ['init', '-y', '--loglevel=error'], { cwd: folder });
    await run('npm', ['install', ...QUIET, ...flags, tarball], { cwd: folder, env });
    const recipe = (...args: string[]) => run(join(folder, 'node_modules/.bin/recipe'), args, { cwd: folder });

    expect((await recipe('--help')).stdout).toContain('recipe run');
    expect((await recipe('steps')).stdout).toContain('sample-data');
    await writeFile(join(folder, 'own.yaml'), RECIPE);
    await writeFile(join(folder, 'rows.jsonl'), `${ROWS}\n`);
    expect((await recipe('validate', 'own.yaml')).stdout).toBe('OK: 5 steps\n');
    const { stdout } = await recipe('run', 'own.yaml', '--reporter', 'plain');
    expect(stdout).toContain('own: ok in');
    expect(stdout).toMatch(/words +1\.0000/);
    expect(await readdir(join(folder, 'out/own/words'))).toContain('model.safetensors');
    await rm(join(folder, 'node_modules'), { recursive: true });
  });
});
