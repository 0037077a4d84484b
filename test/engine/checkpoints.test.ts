import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointsOf, dropCheckpoints } from '../../src/engine/checkpoints.js';
import { LocalStore } from '../../src/engine/local-store.js';
import { temporaryFolder } from '../steps/context.js';

const FINGERPRINT = 'f'.repeat(64);

test('a kill between a checkpoint and what names it leaves nothing behind in the end', async () => {
  const root = await temporaryFolder();
  const store = new LocalStore(root);
  const saving = (from: LocalStore) =>
    checkpointsOf({
      store: from,
      fingerprint: FINGERPRINT,
      every: 0,
      signal: new AbortController().signal,
      owned: () => true,
      saved: () => {},
    });
  const fill = (text: string) => (folder: string) => writeFile(join(folder, 'state'), text);
  const artifacts = (): string[] =>
    readdirSync(join(root, 'artifacts'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('state'),
    );
  await saving(store).save('state', fill('one'));

  // A process that dies as soon as its second checkpoint is in the store: it writes no more.
  const dying = new LocalStore(root);
  let written = 0;
  dying.writeRef = async (name, value) => {
    if (++written > 1) throw new Error('killed');
    await store.writeRef(name, value);
  };
  await expect(saving(dying).save('state', fill('two'))).rejects.toThrow('killed');
  expect(artifacts()).toHaveLength(2);

  // What was there before is still what is gone on from.
  const folder = (await saving(store).load('state')) as string;
  expect(readdirSync(folder)).toContain('state');
  await saving(store).save('state', fill('three'));
  expect(artifacts()).toHaveLength(1);
  await dropCheckpoints(store, FINGERPRINT);
  expect(artifacts()).toEqual([]);
});

test('the same checkpoint twice is one', async () => {
  const root = await temporaryFolder();
  const store = new LocalStore(root);
  const checkpoint = checkpointsOf({
    store,
    fingerprint: FINGERPRINT,
    every: 0,
    signal: new AbortController().signal,
    owned: () => true,
    saved: () => {},
  });
  const fill = (folder: string) => writeFile(join(folder, 'state'), 'one');
  await checkpoint.save('state', fill);
  await checkpoint.save('state', fill);
  expect(await checkpoint.load('state')).toBeDefined();
  await dropCheckpoints(store, FINGERPRINT);
  expect(await checkpoint.load('state')).toBeUndefined();
});
