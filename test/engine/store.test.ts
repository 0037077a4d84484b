import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { canonicalJson, sha256 } from '../../src/engine/canonical.js';
import { LocalStore } from '../../src/engine/local-store.js';
import { folder, until } from './rig.js';

async function made(store: LocalStore, files: Record<string, string>): Promise<string> {
  const scratch = await store.scratch();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(scratch, path, '..'), { recursive: true });
    writeFileSync(join(scratch, path), text);
  }
  return scratch;
}

test('equal files of a kind have one digest, that of their manifest', async () => {
  const store = new LocalStore(folder());
  const files = { 'b/z.txt': 'z', 'a.txt': 'a', 'B.txt': 'B' };
  const digest = await store.put(await made(store, files), 'bytes');
  const place = (await store.get(digest)) as string;
  expect(place).toBe(join(store.root, 'artifacts', digest.slice(0, 2), digest));
  const text = readFileSync(join(place, 'manifest.json'), 'utf8');
  expect(sha256(text)).toBe(digest);
  expect(JSON.parse(text)).toEqual({
    kind: 'bytes',
    version: 1,
    files: [
      { path: 'B.txt', bytes: 1, sha256: sha256('B') },
      { path: 'a.txt', bytes: 1, sha256: sha256('a') },
      { path: 'b/z.txt', bytes: 1, sha256: sha256('z') },
    ],
  });
  expect(readFileSync(join(place, 'b/z.txt'), 'utf8')).toBe('z');

  expect(await store.put(await made(store, files), 'bytes')).toBe(digest);
  expect(readdirSync(join(store.root, 'scratch'))).toEqual([]);
  expect(await store.put(await made(store, files), 'other')).not.toBe(digest);
  expect(await store.put(await made(store, { ...files, 'a.txt': 'A' }), 'bytes')).not.toBe(digest);
});

test('the hash of a large file is that of its bytes', async () => {
  const store = new LocalStore(folder());
  const text = 'abcdefg'.repeat(500_000);
  const digest = await store.put(await made(store, { 'large.txt': text }), 'bytes');
  expect((await store.manifest(digest))?.files).toEqual([
    { path: 'large.txt', bytes: text.length, sha256: sha256(text) },
  ]);
});

test('an artifact holds only files and folders, and no manifest of its own', async () => {
  const store = new LocalStore(folder());
  const linked = await made(store, {});
  symlinkSync('/etc/hostname', join(linked, 'link'));
  await expect(store.put(linked, 'bytes')).rejects.toThrow('"link" is a link or a special file');
  const own = await made(store, { 'manifest.json': '{}' });
  await expect(store.put(own, 'bytes')).rejects.toThrow('manifest.json');
  expect(existsSync(join(store.root, 'artifacts'))).toBe(false);
});

test('a byte that changed is found by a check, which reads all, and by a put of the right bytes', async () => {
  const store = new LocalStore(folder());
  const files = { 'a.txt': 'aaa', 'b/c.txt': 'b' };
  const digest = await store.put(await made(store, files), 'bytes');
  const place = (await store.get(digest)) as string;
  expect(await store.check(digest)).toBe(true);
  writeFileSync(join(place, 'b/c.txt'), 'x');
  expect([await store.verify(digest), await store.check(digest)]).toEqual([true, false]);
  expect(await store.put(await made(store, files), 'bytes')).toBe(digest);
  expect(readFileSync(join(place, 'b/c.txt'), 'utf8')).toBe('b');
  expect(await store.check(digest)).toBe(true);
  rmSync(join(place, 'a.txt'));
  expect(await store.check(digest)).toBe(false);
  expect(await store.check('0'.repeat(64))).toBe(false);
});

test('a damaged artifact does not verify, and the same files put again repair it', async () => {
  const store = new LocalStore(folder());
  const digest = await store.put(await made(store, { 'a.txt': 'aaa', 'b.txt': 'b' }), 'bytes');
  const place = (await store.get(digest)) as string;
  const damages = [
    () => rmSync(join(place, 'b.txt')),
    () => truncateSync(join(place, 'a.txt'), 1),
    () => writeFileSync(join(place, 'manifest.json'), '{"kind":"bytes","version":1,"files":[]}'),
    () => truncateSync(join(place, 'manifest.json'), 9),
    () => rmSync(place, { recursive: true }),
  ];
  for (const damage of damages) {
    expect(await store.verify(digest)).toBe(true);
    damage();
    expect(await store.verify(digest)).toBe(false);
    expect(await store.put(await made(store, { 'a.txt': 'aaa', 'b.txt': 'b' }), 'bytes')).toBe(digest);
  }
  expect(await store.verify(digest)).toBe(true);
  expect(readFileSync(join(place, 'a.txt'), 'utf8')).toBe('aaa');
});

test('what is read-only can be stored; what was removed is gone', async () => {
  const store = new LocalStore(folder());
  const scratch = await made(store, { 'a.txt': 'a' });
  chmodSync(join(scratch, 'a.txt'), 0o444);
  const digest = await store.put(scratch, 'bytes');
  await store.remove(digest);
  await store.remove(digest);
  expect(await store.get(digest)).toBeUndefined();
  expect(await store.verify(digest)).toBe(false);
});

test('refs are read as they were written, and listed by prefix', async () => {
  const store = new LocalStore(folder());
  expect(await store.readRef('results/a')).toBeUndefined();
  expect(await store.listRefs('results')).toEqual([]);
  await store.writeRef('results/a', { x: [1, null] });
  await store.writeRef('results/a', { x: [2] });
  await store.writeRef('checkpoints/f/two', 2);
  await store.writeRef('checkpoints/f/one', 1);
  await store.writeRef('checkpoints/ff/three', 3);
  expect(await store.readRef('results/a')).toEqual({ x: [2] });
  expect(await store.listRefs('checkpoints/f')).toEqual(['checkpoints/f/one', 'checkpoints/f/two']);
  await store.removeRef('checkpoints/f/one');
  await store.removeRef('checkpoints/f/one');
  expect(await store.listRefs('checkpoints/f')).toEqual(['checkpoints/f/two']);
  for (const name of ['../x', 'a/../b', 'a//b', 'a b', '']) {
    await expect(store.writeRef(name, 1)).rejects.toThrow('is not the name of a ref');
  }
  await expect(store.get('../x')).rejects.toThrow('is not a digest');
});

test('scratch folders go when their owner is gone', async () => {
  const store = new LocalStore(folder());
  const mine = await store.scratch();
  const dist = join(import.meta.dirname, '../../dist/engine/local-store.js');
  const script = `
    const {LocalStore} = await import(${JSON.stringify(dist)});
    console.log(await new LocalStore(${JSON.stringify(store.root)}).scratch());
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let theirs = '';
  child.stdout.on('data', (data) => (theirs += String(data)));
  await until(() => theirs.endsWith('\n'));
  await store.sweep();
  expect(existsSync(theirs.trim())).toBe(true);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  await store.sweep();
  expect(existsSync(theirs.trim())).toBe(false);
  expect(existsSync(mine)).toBe(true);
});

test('a kill never leaves half an artifact to be seen', async () => {
  const root = folder();
  const store = new LocalStore(root);
  const dist = join(import.meta.dirname, '../../dist/engine/local-store.js');
  const script = `
    const {LocalStore} = await import(${JSON.stringify(dist)});
    const {writeFileSync} = await import('node:fs');
    const store = new LocalStore(${JSON.stringify(root)});
    for (let n = Number(process.argv[1]); ; n++) {
      const folder = await store.scratch();
      for (let f = 0; f < 5; f++) writeFileSync(folder + '/' + f, String(n).repeat(20_000));
      await store.writeRef('last', {n, digest: await store.put(folder, 'bytes')});
    }`;
  const artifacts = (): string[] => {
    const place = join(root, 'artifacts');
    return existsSync(place) ? readdirSync(place).flatMap((two) => readdirSync(join(place, two))) : [];
  };
  for (let n = 0; n < 5; n++) {
    const before = artifacts().length;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, String(n * 1000)]);
    await until(() => artifacts().length > before + 1); // it is at work
    await sleep(n * 31);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('exit', resolve));
  }
  const digests = artifacts();
  expect(digests.length).toBeGreaterThan(5);
  for (const digest of digests) expect(await store.verify(digest)).toBe(true);
  const last = (await store.readRef('last')) as { digest: string };
  expect(await store.verify(last.digest)).toBe(true);
  await store.sweep();
  expect(readdirSync(join(root, 'scratch'))).toEqual([]);
});

test('canonical JSON sorts keys and refuses what JSON cannot hold', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'é"' }], a: true })).toBe('{"a":true,"b":[1,{"c":"é\\"","d":null}]}');
  expect(() => canonicalJson([Number.NaN])).toThrow('NaN');
});
