import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { downloadFileToCacheDir, scanCacheDir } from '@huggingface/hub';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../steps/context.js';
import {
  BYTES,
  config,
  contents,
  EXPECTED,
  FILES,
  FIRST,
  get,
  hub,
  hubAndCdn,
  modelFolder,
  newWeights,
  SECOND,
  sha256,
  TOKEN,
  tokenizer,
  tree,
  wanted,
  weights,
} from './fetching.js';
import { blobOf } from './server.js';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, symlink: vi.fn(real.symlink), rename: vi.fn(real.rename) };
});
vi.mock('node:timers/promises', () => ({ setTimeout: vi.fn(async () => {}) }));

const refused = (code: string) => Object.assign(new Error(`${code}: no`), { code, syscall: 'x' });

test('the wanted files come, laid out as in the cache of Python', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const snapshot = await get(server, { cache });
  expect(snapshot).toEqual({
    commit: FIRST,
    folder: join(modelFolder(cache), 'snapshots', FIRST),
    offline: false,
  });
  expect(await contents(snapshot)).toEqual(EXPECTED);
  const { [`.listings/${FIRST}.json`]: listing, ...rest } = await tree(modelFolder(cache));
  expect(listing).toBeDefined();
  expect(rest).toEqual({
    'refs/main': '40 bytes',
    [`blobs/${blobOf(config)}`]: '17 bytes',
    [`blobs/${blobOf(tokenizer)}`]: '100000 bytes',
    [`blobs/${blobOf(weights)}`]: '1000000 bytes',
    [`snapshots/${FIRST}/config.json`]: `→ ../../blobs/${blobOf(config)}`,
    [`snapshots/${FIRST}/model.safetensors`]: `→ ../../blobs/${blobOf(weights)}`,
    [`snapshots/${FIRST}/sub/tokenizer.json`]: `→ ../../../blobs/${blobOf(tokenizer)}`,
  });
  expect(await readFile(join(modelFolder(cache), 'refs/main'), 'utf8')).toBe(FIRST);
  expect(server.seen.map(({ path }) => path.replace(/\?.*/, ''))).toEqual([
    '/api/models/org/name/revision/main',
    `/api/models/org/name/tree/${FIRST}`,
    `/org/name/resolve/${FIRST}/config.json`,
    `/org/name/resolve/${FIRST}/model.safetensors`,
    `/org/name/resolve/${FIRST}/sub/tokenizer.json`,
  ]);
});

test('progress is in bytes and ends where it should', async () => {
  const seen: [number, number][] = [];
  await get(await hub(), { onProgress: (...report) => void seen.push(report) });
  expect(seen[0]).toEqual([0, BYTES]);
  expect(seen.at(-1)).toEqual([BYTES, BYTES]);
  expect(seen).toEqual([...seen].sort((a, b) => a[0] - b[0]));
  expect(seen.length).toBeGreaterThan(5);
});

test('a pinned commit that is there needs no request', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await get(server, { cache, revision: FIRST });
  const requests = server.seen.length;
  const again = await get(server, { cache, revision: FIRST });
  expect(server.seen.length).toBe(requests);
  await server.stop();
  expect(await get(server, { cache, revision: FIRST })).toEqual(again);
  expect(await contents(again)).toEqual(EXPECTED);
  expect(again.offline).toBe(false);
});

test('a commit of which other files are wanted now gets only these', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await get(server, { cache, revision: FIRST, wanted: (path) => path === 'config.json' });
  const before = server.seen.length;
  const done: number[] = [];
  const snapshot = await get(server, { cache, revision: FIRST, onProgress: (bytes) => void done.push(bytes) });
  expect(server.seen.slice(before).map(({ path }) => path)).toEqual([
    `/org/name/resolve/${FIRST}/model.safetensors`,
    `/org/name/resolve/${FIRST}/sub/tokenizer.json`,
  ]);
  expect(done[0]).toBe(config.bytes.length);
  expect(await contents(snapshot)).toEqual(EXPECTED);
});

test('a branch that moved gives the new commit, and what did not change is not downloaded again', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const old = await get(server, { cache });
  const model = server.models['org/name'];
  if (model !== undefined) model.refs.main = SECOND;
  const before = server.downloads.length;
  const moved = await get(server, { cache });
  expect(moved.commit).toBe(SECOND);
  expect(await contents(moved)).toEqual({ ...EXPECTED, 'model.safetensors': sha256(newWeights.bytes) });
  expect(await contents(old)).toEqual(EXPECTED);
  expect(server.downloads.slice(before).map(({ path }) => path)).toEqual([
    `/org/name/resolve/${SECOND}/model.safetensors`,
  ]);
  expect(await readFile(join(modelFolder(cache), 'refs/main'), 'utf8')).toBe(SECOND);
});

test.each(['/tree/', '/config.json'])('a branch that moves at %s does not mix two commits', async (place) => {
  const server = await hub();
  server.onRequest = (path) => {
    const model = server.models['org/name'];
    if (model !== undefined && path.includes(place)) model.refs.main = SECOND;
  };
  const snapshot = await get(server);
  expect(snapshot.commit).toBe(FIRST);
  expect(await contents(snapshot)).toEqual(EXPECTED);
});

test('a tag, a branch with a slash and a name without organisation', async () => {
  const server = await hub();
  const model = server.models['org/name'];
  if (model === undefined) throw new Error();
  model.refs['refs/pr/1'] = SECOND;
  server.models.gpt2 = model;
  const cache = await temporaryFolder();
  expect((await get(server, { cache, revision: 'v2' })).commit).toBe(SECOND);
  expect((await get(server, { cache, revision: 'refs/pr/1' })).commit).toBe(SECOND);
  expect(await readFile(join(modelFolder(cache), 'refs/refs/pr/1'), 'utf8')).toBe(SECOND);
  const { folder } = await get(server, { cache, repository: 'gpt2' });
  expect(folder).toBe(join(cache, 'models--gpt2', 'snapshots', FIRST));
});

test('names that mean something in an address, empty files and files alike', async () => {
  const server = await hub();
  const odd = { 'a b/#1?%20.txt': config, 'empty.txt': { bytes: Buffer.alloc(0) }, 'again.txt': config };
  server.models['org/odd'] = { refs: { main: FIRST }, commits: { [FIRST]: odd } };
  const snapshot = await get(server, { repository: 'org/odd' });
  expect(await contents(snapshot)).toEqual({
    'a b/#1?%20.txt': sha256(config.bytes),
    'again.txt': sha256(config.bytes),
    'empty.txt': sha256(Buffer.alloc(0)),
  });
  expect(server.downloads.length).toBe(1);
});

test('a long listing comes in pages', async () => {
  const server = await hub();
  server.page = 2;
  expect(await contents(await get(server))).toEqual(EXPECTED);
  expect(server.seen.filter(({ path }) => path.includes('/tree/')).length).toBe(3);
});

test('what Python downloaded is used', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const folder = modelFolder(cache);
  for (const name of ['blobs', `snapshots/${FIRST}/sub`, 'refs']) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'refs/main'), FIRST);
  for (const file of Object.values(FILES)) await writeFile(join(folder, 'blobs', blobOf(file)), file.bytes);
  // Two as links; the third one Python has for another commit.
  await symlink(`../../blobs/${blobOf(config)}`, join(folder, 'snapshots', FIRST, 'config.json'));
  await symlink(`../../../blobs/${blobOf(tokenizer)}`, join(folder, 'snapshots', FIRST, 'sub/tokenizer.json'));
  expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
  expect(server.downloads).toEqual([]);
});

test('the library finds what we fetched', async () => {
  const cache = await temporaryFolder();
  const { folder } = await get(await hub(), { cache });
  const never = () => Promise.reject(new Error('asked'));
  const file = { repo: 'org/name', path: 'sub/tokenizer.json', revision: FIRST, cacheDir: cache, fetch: never };
  expect(await downloadFileToCacheDir(file)).toBe(join(folder, 'sub/tokenizer.json'));
  const { repos, warnings } = await scanCacheDir(cache);
  expect(warnings).toEqual([]);
  expect(repos).toMatchObject([
    { id: { name: 'org/name', type: 'model' }, revisions: [{ commitOid: FIRST, refs: ['main'], path: folder }] },
  ]);
});

test('a link whose file is gone, a file that is too short and a listing that is cut off are made again', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await get(server, { cache, revision: FIRST });
  await rm(join(modelFolder(cache), 'blobs', blobOf(config)));
  await writeFile(join(modelFolder(cache), 'blobs', blobOf(weights)), 'short');
  await writeFile(join(modelFolder(cache), '.listings', `${FIRST}.json`), '[{"path":"con');
  const before = server.downloads.length;
  expect(await contents(await get(server, { cache, revision: FIRST }))).toEqual(EXPECTED);
  expect(server.downloads.length - before).toBe(2);
});

test('where no links can be made there are copies', async () => {
  vi.mocked(symlink).mockRejectedValue(refused('EPERM'));
  try {
    const cache = await temporaryFolder();
    const snapshot = await get(await hub(), { cache });
    expect(await contents(snapshot)).toEqual(EXPECTED);
    expect((await tree(snapshot.folder))['config.json']).toBe('17 bytes');
    expect(Object.keys(await tree(modelFolder(cache))).filter((path) => /^\.[^l]/.test(path))).toEqual([]);
  } finally {
    vi.mocked(symlink).mockReset();
  }
});

test('a cache that may only be read is enough if all is there', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await get(server, { cache, revision: FIRST });
  await rm(join(modelFolder(cache), '.listings'), { recursive: true });
  const { rename } = await import('node:fs/promises');
  vi.mocked(rename).mockRejectedValue(refused('EROFS'));
  try {
    expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
    await expect(get(server, { cache, revision: 'v2' })).rejects.toMatchObject({ reason: 'hub-cache' });
    expect(Object.keys(await tree(modelFolder(cache))).filter((path) => path.startsWith('.'))).toEqual([]);
  } finally {
    vi.mocked(rename).mockReset();
  }
});

test('two at the same time do not harm each other', async () => {
  const server = await hub();
  server.troubles.push({ on: /safetensors/, times: 3, cutAfter: 300_000 });
  const cache = await temporaryFolder();
  const [one, two] = await Promise.all([get(server, { cache }), get(server, { cache })]);
  expect(await contents(one)).toEqual(EXPECTED);
  expect(two).toEqual(one);
  expect(Object.keys(await tree(modelFolder(cache))).filter((path) => path.includes('incomplete'))).toEqual([]);
});

test('without network, a branch is what it was when it was last fetched', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const online = await get(server, { cache });
  await server.stop();
  expect(await get(server, { cache })).toEqual({ ...online, offline: true });
  // Other files, another branch, another model: not there.
  const missing = { reason: 'hub-unreachable' };
  await expect(get(server, { cache, wanted: () => true })).rejects.toMatchObject(missing);
  await expect(get(server, { cache, revision: 'v2' })).rejects.toMatchObject(missing);
  await expect(get(server, { cache, repository: 'org/other' })).rejects.toMatchObject(missing);
  await rm(join(modelFolder(cache), 'blobs', blobOf(config)));
  await expect(get(server, { cache })).rejects.toMatchObject(missing);
});

test('a server that fails is no better than none', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const online = await get(server, { cache });
  server.troubles.push({ on: /revision/, times: 100, status: 503 });
  expect(await get(server, { cache })).toEqual({ ...online, offline: true });
  // What is not all there is not made complete by a guess at what the branch stands for.
  const unavailable = { reason: 'hub-unavailable' };
  const before = server.seen.length;
  await expect(get(server, { cache, wanted: () => true })).rejects.toMatchObject(unavailable);
  await rm(join(modelFolder(cache), '.listings'), { recursive: true });
  await expect(get(server, { cache })).rejects.toMatchObject(unavailable);
  expect(server.seen.slice(before).filter(({ path }) => !path.includes('/revision/'))).toEqual([]);
});

test('a model that is gone is gone, whatever the cache holds', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await get(server, { cache });
  delete server.models['org/name'];
  await expect(get(server, { cache })).rejects.toMatchObject({ reason: 'hub-not-found' });
});

test('half of a new commit does not take the place of a whole old one', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const old = await get(server, { cache });
  const model = server.models['org/name'];
  if (model !== undefined) model.refs.main = SECOND;
  server.troubles.push({ on: /safetensors/, times: 100, status: 500 });
  await expect(get(server, { cache })).rejects.toMatchObject({ reason: 'hub-unavailable' });
  await server.stop();
  expect(await get(server, { cache })).toEqual({ ...old, offline: true });
});

test('the token goes to the endpoint and nowhere else', async () => {
  const { server, cdn } = await hubAndCdn();
  const other = await hub();
  server.token = TOKEN;
  server.page = 2;
  server.nextPageAt = other.url;
  cdn.troubles.push({ on: /./, times: 2, cutAfter: 100_000 });
  const snapshot = await get(server, { token: `${TOKEN}\n` });
  expect(await contents(snapshot)).toEqual(EXPECTED);
  expect(server.seen.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);
  expect(cdn.seen.length).toBe(3);
  expect(other.seen.length).toBeGreaterThan(0);
  expect(JSON.stringify([cdn.seen, other.seen])).not.toContain(TOKEN);
  // What was asked for went along.
  expect(cdn.seen[0]?.headers.range).toBeUndefined();
  for (const { headers } of cdn.seen.slice(1)) expect(headers.range).toMatch(/^bytes=[1-9]\d+-$/);
});

test('an endpoint may have a path and a slash at its end, and be empty', async () => {
  const server = await hub();
  const model = server.models['org/name'];
  if (model === undefined) throw new Error();
  server.onRequest = (path) => expect(path).not.toContain('//');
  expect((await get(server, { endpoint: `${server.url}/` })).commit).toBe(FIRST);
  const { HubClient } = await import('../../src/hub/client.js');
  const reference = { repository: 'org/name', revision: 'main' };
  const options = { token: undefined, signal: new AbortController().signal };
  expect(new HubClient(reference, { ...options, endpoint: '' }).base).toBe('https://huggingface.co');
  expect(new HubClient(reference, { ...options, endpoint: undefined }).base).toBe('https://huggingface.co');
  expect(new HubClient(reference, { ...options, endpoint: 'https://a.org/hub/' }).base).toBe('https://a.org/hub');
});

test('wanted says nothing of folders', async () => {
  const asked: string[] = [];
  await get(await hub(), { wanted: (path) => asked.push(path) > 0 && wanted(path) });
  expect(asked).toEqual(['README.md', ...Object.keys(FILES)]);
});
