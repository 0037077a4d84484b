import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { explainChanges } from '../../src/engine/explain.js';
import { ExternalFiles } from '../../src/engine/external.js';
import { fingerprintOf, type Parts, partsOf } from '../../src/engine/fingerprint.js';
import { LocalStore } from '../../src/engine/local-store.js';
import { defineStep, list, named, one } from '../../src/engine/step.js';
import { folder, planOf, Rig, registry, type Sketch } from './rig.js';

const parts: Parts = {
  step: 'train',
  version: 1,
  options: { epochs: 3, model: { layers: 2, sizes: [1, 2] }, note: 'x'.repeat(60), file: `sha256:${'a'.repeat(64)}` },
  inputs: { data: [{ digest: 'd' }] },
  seed: 1,
  packages: { 'onnxruntime-node': '1.29.0' },
};

describe('a fingerprint', () => {
  test('does not depend on the order of keys, and on everything else', () => {
    const { seed, ...rest } = parts;
    const fingerprint = fingerprintOf(parts);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(fingerprintOf({ seed, ...rest })).toBe(fingerprint);
    const others: Parts[] = [
      { ...parts, step: 'other' },
      { ...parts, version: 2 },
      { ...parts, options: { ...parts.options, epochs: 4 } },
      { ...parts, inputs: { data: [{ digest: 'd', from: 'a' }] } },
      { ...parts, seed: 2 },
      { ...parts, packages: {} },
    ];
    expect(new Set([fingerprint, ...others.map(fingerprintOf)]).size).toBe(others.length + 1);
  });

  test('counts a file by its content, a package by its version, a measurement by who made it', async () => {
    const base = folder();
    const store = new LocalStore(join(base, 'store'));
    const step = defineStep({
      name: 'mix',
      version: 3,
      summary: '',
      inputs: { data: one('bytes'), parts: named(list('bytes')), pace: one('measurement') },
      outputs: {},
      lane: 'io',
      packages: ['yaml', 'no-such-package'],
      run: async () => {},
    });
    const of = (file: string, version: string, pace: number) => {
      const plan = planOf({
        m: {
          uses: 'mix',
          with: { source: { path: 'as/written', package: 'p' } },
          inputs: { data: ['a.data'], parts: ['a.data', 'b.data'], pace: ['n.pace'] },
          files: [{ pointer: '/source/path', path: file }],
          packages: [{ pointer: '/source/package', name: 'p', version, path: '/somewhere' }],
        },
      });
      const finished = new Map([
        ['a', { fingerprint: 'fa', parts, outputs: { data: { kind: 'bytes', digest: 'da' } } }],
        ['b', { fingerprint: 'fb', parts, outputs: { data: { kind: 'bytes', digest: 'db' } } }],
        ['n', { fingerprint: 'fn', parts, outputs: { pace: { kind: 'measurement' as const, value: pace } } }],
      ]);
      const [instance] = plan.instances;
      if (instance === undefined) throw new Error('no instance');
      return partsOf(plan, instance, step, finished, new ExternalFiles(store));
    };
    const [one_, same, other] = ['1.txt', '2.txt', '3.txt'].map((name) => join(base, name)) as [string, string, string];
    writeFileSync(one_, 'content');
    writeFileSync(same, 'content');
    writeFileSync(other, 'else');
    const first = await of(one_, '1.0.0', 5);
    expect(first).toEqual({
      step: 'mix',
      version: 3,
      options: { source: { path: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), package: 'p@1.0.0' } },
      inputs: {
        data: [{ digest: 'da' }],
        parts: [
          { digest: 'da', from: 'a' },
          { digest: 'db', from: 'b' },
        ],
        pace: [{ digest: 'fn' }],
      },
      seed: 7,
      packages: { yaml: expect.stringMatching(/^\d+\.\d+\.\d+/), 'no-such-package': 'none' },
    });
    expect(fingerprintOf(await of(same, '1.0.0', 6))).toBe(fingerprintOf(first));
    expect(fingerprintOf(await of(other, '1.0.0', 5))).not.toBe(fingerprintOf(first));
    expect(fingerprintOf(await of(one_, '1.0.1', 5))).not.toBe(fingerprintOf(first));
    await expect(of(join(base, 'gone'), '1.0.0', 5)).rejects.toMatchObject({
      reason: 'missing-file',
      message: `there is no file or folder ${join(base, 'gone')}`,
    });
  });

  test('shows a producer only where the step asks for it', async () => {
    const rig = new Rig();
    const plan = (id: string) => {
      const inputs = { parts: [`${id}.data`] };
      const same = { uses: 'bytes', with: { text: 'x' } };
      return planOf({ [id]: same, plain: { uses: 'join', inputs }, named: { uses: 'labels', inputs } });
    };
    await rig.run(plan('a'));
    const { story, events } = await rig.run(plan('b'));
    expect([...story].sort()).toEqual(['cached b', 'cached plain', 'finished named', 'started named']);
    expect(events.find(({ type }) => type === 'step-started')).toMatchObject({
      why: { reason: 'changed', changes: ['input "parts"'] },
    });
  });
});

test('changes are told part by part', () => {
  expect(explainChanges(parts, parts)).toEqual([]);
  const now: Parts = {
    ...parts,
    version: 2,
    options: {
      epochs: 4,
      model: { layers: 2, sizes: [1, 3], heads: 4 },
      note: 'y'.repeat(60),
      file: `sha256:${'b'.repeat(64)}`,
    },
    inputs: { data: [{ digest: 'e' }], teacher: [{ digest: 't' }] },
    seed: 2,
    packages: { 'onnxruntime-node': '1.30.0', yaml: '2.9.1' },
  };
  expect(explainChanges(parts, now)).toEqual([
    'step version: 1 → 2',
    'option "epochs": 3 → 4',
    'option "model.sizes[1]": 2 → 3',
    `option "note": ${'x'.repeat(39)}… → ${'y'.repeat(39)}…`,
    'content of option "file"',
    'option "model.heads": none → 4',
    'input "data"',
    'input "teacher"',
    'seed: 1 → 2',
    'package onnxruntime-node: 1.29.0 → 1.30.0',
    'package yaml: none → 2.9.1',
  ]);
});

describe('digests of files outside the store', () => {
  test('are those of the content, read again only when a file changed', async () => {
    const base = folder();
    const data = join(base, 'data');
    mkdirSync(join(data, 'deep'), { recursive: true });
    for (const name of ['a', 'deep/b']) writeFileSync(join(data, name), name);
    const store = new LocalStore(join(base, 'store'));
    const files = () => new ExternalFiles(store);
    const before = await files().digest(data);
    expect(await files().hashes(data)).toEqual({ a: expect.any(String), 'deep/b': expect.any(String) });
    // What changed just now is never taken from memory: the clock's step might hide a second change.
    writeFileSync(join(data, 'a'), 'A');
    utimesSync(join(data, 'a'), 1e9, 1e9);
    const after = await files().digest(data);
    expect(after).not.toBe(before);
    expect(await store.listRefs('files')).toEqual([]);

    await sleep(2100);
    expect(await files().digest(data)).toBe(after);
    const [ref] = await store.listRefs('files');
    const known = (await store.readRef(ref as string)) as Record<string, [string, string]>;
    // Proof that it is used: a false entry is believed.
    await store.writeRef(ref as string, { ...known, a: [known.a?.[0] as string, '0'] });
    expect((await files().hashes(data)).a).toBe('0');
    // The same size and time, other bytes: the inode's change time tells.
    writeFileSync(join(data, 'a'), 'B');
    utimesSync(join(data, 'a'), 1e9, 1e9);
    expect((await files().hashes(data)).a).not.toBe('0');
    rmSync(join(data, 'a'));
    expect(Object.keys(await files().hashes(data))).toEqual(['deep/b']);
  });

  test('follow links, also one that leads back', async () => {
    const base = folder();
    mkdirSync(join(base, 'data'));
    writeFileSync(join(base, 'real'), 'x');
    symlinkSync(join(base, 'real'), join(base, 'data', 'link'));
    symlinkSync(join(base, 'data'), join(base, 'data', 'loop'));
    expect(Object.keys(await new ExternalFiles(new LocalStore(join(base, 's'))).hashes(join(base, 'data')))).toEqual([
      'link',
    ]);
  });

  test('a changed file redoes its step and says so; one that is gone fails it', async () => {
    const rig = new Rig();
    const path = join(rig.base, 'in.txt');
    const sketch: Sketch = {
      uses: 'external',
      with: { source: { path: 'in.txt' }, trace: rig.trace },
      files: [{ pointer: '/source/path', path: 'in.txt' }],
    };
    const plan = { ...planOf({ e: sketch }), file: join(rig.base, 'test.yaml') };
    expect(registry.get('external')?.packages).toContain('yaml');
    writeFileSync(path, 'one');
    await rig.run(plan);
    expect((await rig.run(plan)).story).toEqual(['cached e']);
    writeFileSync(path, 'two');
    expect(await rig.status(plan)).toEqual([
      { id: 'e', state: 'stale', why: { reason: 'changed', changes: ['content of option "source.path"'] } },
    ]);
    expect((await rig.run(plan)).story).toEqual(['started e', 'finished e']);
    rmSync(path);
    expect((await rig.run(plan)).story).toEqual(['failed e missing-file']);
    expect(await rig.status(plan)).toMatchObject([{ state: 'failed', reason: 'missing-file' }]);
    expect(dirname(path)).toBe(rig.base);
  });
});
