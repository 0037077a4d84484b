import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockHolder, takeLock } from '../../src/engine/lock.js';
import { isAlive, ownIdentity } from '../../src/engine/process-identity.js';
import { folder, until } from './rig.js';

const claim = async (root: string, number: number, content: object) => {
  await mkdir(join(root, 'lock'), { recursive: true });
  writeFileSync(join(root, 'lock', `${number}.json`), JSON.stringify(content));
};

test('is held by one, and free again after', async () => {
  const root = folder();
  expect(await lockHolder(root)).toBeUndefined();
  const first = await takeLock(root);
  expect(await takeLock(root)).toEqual({
    ok: false,
    reason: 'locked',
    pid: process.pid,
    message: `another run is under way in ${root} (process ${process.pid})`,
  });
  expect(await lockHolder(root)).toBe(process.pid);
  if (first.ok) await first.lock.release();
  expect(await lockHolder(root)).toBeUndefined();
  expect((await takeLock(root)).ok).toBe(true);
  expect(readdirSync(join(root, 'lock'))).toEqual(['2.json']);
});

test('of a dead process is taken over at once', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const gone = folder();
  await claim(gone, 4, { held: true, pid, started: '' });
  expect((await takeLock(gone)).ok).toBe(true);
  expect(readdirSync(join(gone, 'lock'))).toEqual(['5.json']);

  // The number is in use again, by another process.
  const reused = folder();
  await claim(reused, 1, { held: true, pid: process.pid, started: '1' });
  expect((await takeLock(reused)).ok).toBe(process.platform === 'linux');

  const torn = folder();
  await mkdir(join(torn, 'lock'));
  writeFileSync(join(torn, 'lock', '1.json'), '{"he');
  expect((await takeLock(torn)).ok).toBe(true);
});

test('of many that find the same dead lock at the same time exactly one gets it', async () => {
  const root = folder();
  await claim(root, 1, { held: true, pid: 2 ** 22 + 1, started: '' });
  const results = await Promise.all(Array.from({ length: 6 }, () => takeLock(root)));
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(readdirSync(join(root, 'lock'))).toEqual(['2.json']);
});

test('of many processes that want a dead lock exactly one gets it', async () => {
  const dist = join(import.meta.dirname, '../../dist/engine/lock.js');
  const script = `
    const {takeLock} = await import(${JSON.stringify(dist)});
    process.stdout.write('ready\\n');
    process.stdin.once('data', async () => {
      process.stdout.write((await takeLock(process.argv[1])).ok ? 'yes\\n' : 'no\\n');
    });`;
  for (let round = 0; round < 3; round++) {
    const root = folder();
    await claim(root, 1, { held: true, pid: 2 ** 22 + 1, started: '' });
    const said = Array.from({ length: 6 }, () => '');
    const children = said.map((_, i) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, root]);
      child.stdout.on('data', (data) => (said[i] += String(data)));
      return child;
    });
    await until(() => said.every((text) => text === 'ready\n'));
    for (const child of children) child.stdin.write('go\n');
    await until(() => said.every((text) => /yes|no/.test(text)));
    expect(said.filter((text) => text.includes('yes'))).toHaveLength(1);
    for (const child of children) child.kill('SIGKILL');
  }
});

test('a process is told from a later one of its number, and from its zombie', async () => {
  const own = ownIdentity();
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ pid: own.pid, started: '1' })).toBe(process.platform !== 'linux');
  // The shell's child ends, and the shell does not ask after it.
  const shell = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 5']);
  let text = '';
  shell.stdout.on('data', (data) => (text += String(data)));
  await until(() => text.endsWith('\n'));
  await until(() => !isAlive({ pid: Number(text), started: '' }), 2000);
  shell.kill('SIGKILL');
});
