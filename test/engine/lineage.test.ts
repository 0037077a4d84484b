import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LocalStore } from '../../src/engine/local-store.js';
import type { JsonObject } from '../../src/util/json.js';
import { planOf, type Ran, Rig, type Sketch } from './rig.js';

const bytes = (text: string, more: Partial<Sketch> = {}): Sketch => ({ uses: 'bytes', with: { text }, ...more });
const origin: Sketch = { uses: 'origin', inputs: { from: ['c.data'] } };
const CLAIM = { topic: 'use', value: 'inside', pointer: '/use', step: 'a', acknowledged: 'We own them.' };

async function told(rig: Rig, { outputs }: Ran): Promise<{ claims: JsonObject[]; lineage: JsonObject[] }> {
  const ref = outputs.tell?.data;
  if (ref === undefined || !('digest' in ref)) throw new Error('nothing told');
  return JSON.parse(
    readFileSync(join((await new LocalStore(join(rig.root, 'store')).get(ref.digest)) as string, 'data.txt'), 'utf8'),
  );
}

test('a step that records it is told what its inputs were made of, in order, and nothing else', async () => {
  const rig = new Rig();
  const plan = (more: Sketch = origin) =>
    planOf({
      a: bytes('a'),
      b: bytes('b'),
      c: bytes('c', { inputs: { from: ['a.data'] }, needs: ['b'] }),
      tell: more,
    });
  const { claims, lineage } = await told(rig, await rig.run(plan({ ...origin, claims: [CLAIM] })));
  expect(claims).toEqual([CLAIM]);
  expect(lineage).toMatchObject([
    { step: 'a', uses: 'bytes', version: 1, options: { text: 'a' }, inputs: {}, seed: 7, packages: {} },
    { step: 'c', uses: 'bytes', options: { text: 'c' }, inputs: { from: ['a'] } },
  ]);
  for (const { fingerprint } of lineage) expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
});

test('it runs again when a claim or a step before it changes, even where its inputs are the same bytes', async () => {
  const rig = new Rig();
  const plan = (seedless: string, claims: readonly (typeof CLAIM)[]) =>
    planOf({
      a: bytes('a', { with: { text: 'a', note: seedless } }),
      tell: { ...origin, inputs: { from: ['a.data'] }, claims },
    });
  await rig.run(plan('one', [CLAIM]));
  expect((await rig.run(plan('one', [CLAIM]))).story).toEqual(['cached a', 'cached tell']);
  const other = { ...CLAIM, acknowledged: 'They are ours.' };
  expect(await rig.status(plan('one', [other]))).toMatchObject([
    { state: 'done' },
    { state: 'stale', why: { changes: ['claims on its inputs'] } },
  ]);
  expect((await rig.run(plan('one', [other]))).story).toEqual(['cached a', 'started tell', 'finished tell']);
  const { story, events } = await rig.run(plan('two', [other]));
  expect(story).toEqual(['started a', 'finished a', 'started tell', 'finished tell']);
  expect(events.find((event) => event.type === 'step-started' && event.step === 'tell')).toMatchObject({
    why: { changes: ['steps before it'] },
  });
});
