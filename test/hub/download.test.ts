import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../steps/context.js';
import {
  BYTES,
  config,
  contents,
  EXPECTED,
  FIRST,
  get,
  hub,
  incompleteOf,
  modelFolder,
  noise,
  tokenizer,
  tree,
  until,
  weights,
} from './fetching.js';

vi.mock('node:timers/promises', () => ({ setTimeout: vi.fn(async () => {}) }));
beforeEach(() => void vi.mocked(setTimeout).mockClear());

const size = (path: string): Promise<number> =>
  stat(path).then(
    (found) => found.size,
    () => 0,
  );

test('a connection that is cut is taken up where it broke off', async () => {
  const server = await hub();
  server.troubles.push({ on: /safetensors/, times: 3, cutAfter: 300_000 });
  server.troubles.push({ on: /revision|tree/, times: 2, cutAfter: 10 });
  const snapshot = await get(server);
  expect(await contents(snapshot)).toEqual(EXPECTED);
  expect(server.downloads.length).toBe(2 + 4);
  expect(server.sent).toBeGreaterThanOrEqual(BYTES);
  // What `fetch` has read and not yet handed out is lost with the connection.
  expect(server.sent).toBeLessThan(BYTES * 1.2);
  // Each attempt came further, so none had to wait longer than the one before.
  expect(
    new Set(
      vi
        .mocked(setTimeout)
        .mock.calls.slice(2)
        .map(([ms]) => ms),
    ),
  ).toEqual(new Set([500]));
});

test('an answer that ends early without saying its length is cut too', async () => {
  const server = await hub();
  server.troubles.push({ on: /safetensors/, times: 1, endAfter: 400_000 });
  expect(await contents(await get(server))).toEqual(EXPECTED);
  expect(server.sent).toBe(BYTES);
});

test('what was stopped goes on later', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  server.troubles.push({ on: /safetensors/, times: 1, holdAfter: 600_000 });
  const stop = new AbortController();
  const first = get(server, { cache, signal: stop.signal });
  const reason = new Error('the user asked to stop');
  const stopped = expect(first).rejects.toBe(reason);
  await until(async () => (await size(incompleteOf(cache, weights))) === 600_000);
  stop.abort(reason);
  await stopped;
  const done: number[] = [];
  const snapshot = await get(server, { cache, onProgress: (bytes) => void done.push(bytes) });
  expect(await contents(snapshot)).toEqual(EXPECTED);
  expect(server.downloads.at(-2)?.headers.range).toBe('bytes=600000-');
  expect(server.sent).toBe(BYTES);
});

test('what a killed process left goes on in the next one', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  server.troubles.push({ on: /safetensors/, times: 1, holdAfter: 600_000 });
  const script = `
    const { fetchSnapshot } = await import(${JSON.stringify(new URL('../../dist/hub/snapshot.js', import.meta.url))});
    await fetchSnapshot({ repository: 'org/name', revision: 'main' }, {
      cache: ${JSON.stringify(cache)}, endpoint: ${JSON.stringify(server.url)}, token: undefined,
      wanted: (path) => path !== 'README.md', signal: new AbortController().signal,
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const exited = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  await until(async () => child.exitCode !== null || (await size(incompleteOf(cache, weights))) === 600_000);
  child.kill('SIGKILL');
  expect(await exited).toBe('SIGKILL');
  expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
  expect(server.sent).toBe(BYTES);
});

test('stopping also ends a wait, and starts nothing', async () => {
  const server = await hub();
  const stop = new AbortController();
  const reason = new Error('the user asked to stop');
  server.troubles.push({ on: /revision/, times: 100, status: 503 });
  vi.mocked(setTimeout).mockImplementationOnce(async () => {
    stop.abort(reason);
    throw new Error('aborted');
  });
  await expect(get(server, { signal: stop.signal })).rejects.toBe(reason);
  expect(server.seen.length).toBe(1);
  await expect(get(server, { signal: stop.signal })).rejects.toBe(reason);
  expect(server.seen.length).toBe(1);
});

test('a server that knows no ranges starts over', async () => {
  const server = await hub();
  server.ranges = false;
  server.troubles.push({ on: /safetensors/, times: 1, cutAfter: 700_000 });
  expect(await contents(await get(server))).toEqual(EXPECTED);
  expect(server.sent).toBe(BYTES + 700_000);
});

test('a server that knows no ranges and cuts at one place is given up', async () => {
  const server = await hub();
  server.ranges = false;
  server.troubles.push({ on: /safetensors/, times: 100, cutAfter: 700_000 });
  await expect(get(server)).rejects.toMatchObject({
    reason: 'hub-unreachable',
    message: expect.stringMatching(/^the connection to 127\.0\.0\.1:\d+ broke off \(/),
  });
  expect(
    vi
      .mocked(setTimeout)
      .mock.calls.map(([ms]) => ms)
      .slice(-5),
  ).toEqual([500, 1000, 2000, 4000, 8000]);
});

test('a file that was all there but not yet checked is only checked', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await mkdir(dirname(incompleteOf(cache, weights)), { recursive: true });
  await writeFile(incompleteOf(cache, weights), weights.bytes);
  expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
  expect(server.sent).toBe(BYTES - weights.bytes.length);
});

test('what is too long to be a part of the file is written over', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await mkdir(dirname(incompleteOf(cache, weights)), { recursive: true });
  await writeFile(incompleteOf(cache, weights), noise(weights.bytes.length + 5, 'other'));
  expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
});

const flipped = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(5) ^ 1, 5);
  return copy;
};

test.each([
  ['a large file of other bytes', 'model.safetensors', flipped, 'its hash is not the one that the Hub lists'],
  ['a small file of other bytes', 'config.json', flipped, 'its hash is not the one that the Hub lists'],
  [
    'a shorter file',
    'model.safetensors',
    (bytes: Buffer) => bytes.subarray(1),
    'it has 999999 bytes where the Hub lists 1000000',
  ],
  [
    'a longer file',
    'sub/tokenizer.json',
    (bytes: Buffer) => Buffer.concat([bytes, bytes]),
    'it has 200000 bytes where the Hub lists 100000',
  ],
])('%s is refused, and nothing of it is left', async (_what, path, replace, why) => {
  const server = await hub();
  const cache = await temporaryFolder();
  server.troubles.push({ on: new RegExp(path), times: 1, replace });
  await expect(get(server, { cache })).rejects.toMatchObject({
    reason: 'hub-damaged',
    message: `${path} did not arrive as it should: ${why}`,
  });
  const left = Object.keys(await tree(modelFolder(cache)));
  expect(left.filter((name) => name.includes('incomplete') || name.endsWith(path))).toEqual([]);
  expect(left.filter((name) => name.startsWith('refs'))).toEqual([]);
  expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
});

test('a longer file that does not say its length is refused', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  const replace = (bytes: Buffer) => Buffer.concat([bytes, bytes]);
  server.troubles.push({ on: /tokenizer/, times: 1, replace, endAfter: 150_000 });
  await expect(get(server, { cache })).rejects.toMatchObject({ reason: 'hub-damaged' });
  expect(existsSync(incompleteOf(cache, tokenizer))).toBe(false);
});

test('a rest of another file is found out and removed', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await mkdir(dirname(incompleteOf(cache, weights)), { recursive: true });
  await writeFile(incompleteOf(cache, weights), noise(500_000, 'other'));
  await expect(get(server, { cache })).rejects.toMatchObject({ reason: 'hub-damaged' });
  expect(existsSync(incompleteOf(cache, weights))).toBe(false);
  expect(await contents(await get(server, { cache }))).toEqual(EXPECTED);
});

test('a server whose file ends before the bytes that are there is refused', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await mkdir(dirname(incompleteOf(cache, weights)), { recursive: true });
  await writeFile(incompleteOf(cache, weights), weights.bytes.subarray(0, 900_000));
  server.troubles.push({ on: /safetensors/, times: 1, replace: (bytes) => bytes.subarray(0, 500_000) });
  await expect(get(server, { cache })).rejects.toMatchObject({
    reason: 'hub-damaged',
    message: 'model.safetensors did not arrive as it should: it has 500000 bytes where the Hub lists 1000000',
  });
  expect(existsSync(incompleteOf(cache, weights))).toBe(false);
});

test.each([
  ['no range at all', 416, {}],
  ['another range', 206, { 'content-range': 'bytes 950000-999999/1000000' }],
])('a server that sends %s is refused', async (_what, status, headers) => {
  const server = await hub();
  const cache = await temporaryFolder();
  await mkdir(dirname(incompleteOf(cache, weights)), { recursive: true });
  await writeFile(incompleteOf(cache, weights), weights.bytes.subarray(0, 900_000));
  server.troubles.push({ on: /safetensors/, times: 1, status, headers, text: 'x'.repeat(50_000) });
  await expect(get(server, { cache })).rejects.toMatchObject({
    reason: 'hub-damaged',
    message: 'model.safetensors did not arrive as it should: the server does not send it from byte 900000 on',
  });
  expect(existsSync(incompleteOf(cache, weights))).toBe(false);
});

test.skipIf(!existsSync('/dev/full'))('a full disk', async () => {
  const server = await hub();
  const cache = await temporaryFolder();
  await mkdir(dirname(incompleteOf(cache, config)), { recursive: true });
  await symlink('/dev/full', incompleteOf(cache, config));
  await expect(get(server, { cache })).rejects.toMatchObject({
    reason: 'disk-full',
    message: `no room is left for the model in ${cache}`,
  });
  await rm(incompleteOf(cache, config));
  expect((await get(server, { cache })).commit).toBe(FIRST);
});

test('a cache that is no folder', async () => {
  const cache = join(await temporaryFolder(), 'file');
  await writeFile(cache, '');
  await expect(get(await hub(), { cache })).rejects.toMatchObject({
    reason: 'hub-cache',
    message: expect.stringContaining(cache),
  });
});
