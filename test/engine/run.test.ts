import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planOf, Rig } from './rig.js';

const bytes = (text: string, more = {}) => ({ uses: 'bytes', with: { text }, ...more });

describe('a run', () => {
  test('makes what the recipe says and copies its outputs', async () => {
    const rig = new Rig();
    const plan = planOf(
      {
        a: bytes('a'),
        'b[seed=1]': bytes('b', { seed: 1, inputs: { from: ['a.data'] } }),
        'b[seed=2]': bytes('b', { seed: 2, inputs: { from: ['a.data'] } }),
        c: { uses: 'join', inputs: { parts: ['b[seed=1].data', 'b[seed=2].data'] } },
        n: { uses: 'count', with: { to: 3, every: 1, delay: 0 } },
      },
      { all: ['c.data'], each: ['b[seed=1].data', 'b[seed=2].data'], pace: ['n.pace'] },
    );
    const { result } = await rig.run(plan);
    const out = join(rig.base, 'out', 'test');
    expect(result).toMatchObject({ status: 'ok', outputs: { all: join(out, 'all'), each: join(out, 'each') } });
    expect(readdirSync(join(out, 'all'))).toEqual(['data.txt']);
    expect(readFileSync(join(out, 'all', 'data.txt'), 'utf8')).toBe('a7b1|a7b2|-');
    expect(readFileSync(join(out, 'each', 'b[seed=2]', 'data.txt'), 'utf8')).toBe('a7b2');
    expect(JSON.parse(readFileSync(join(out, 'pace', 'value.json'), 'utf8'))).toBeTypeOf('number');
    expect(readdirSync(out).sort()).toEqual(['all', 'each', 'pace']);
  });

  test('run again does nothing, fast, and shows the tables again', async () => {
    const rig = new Rig();
    const ids = Array.from({ length: 20 }, (_, i) => `s${i}`);
    const chain = ids.map((id, i) => [id, bytes(id, i > 0 ? { inputs: { from: [`s${i - 1}.data`] } } : {})]);
    const plan = planOf(Object.fromEntries(chain), { last: ['s19.data'] });
    const first = await rig.run(plan);
    let forked = false;
    const began = performance.now();
    const second = await rig.run(plan, {
      executor: () => ({
        start() {
          forked = true;
          throw new Error('nothing is to be done');
        },
        close: async () => {},
      }),
    });
    expect(performance.now() - began).toBeLessThan(300);
    expect(forked).toBe(false);
    expect(second.story).toEqual(ids.map((id) => `cached ${id}`));
    expect(second.outputs).toEqual(first.outputs);
    const tables = (events: typeof first.events) =>
      events.filter(({ type }) => type === 'step-table').map((e) => ({ ...e, at: 0 }));
    expect(tables(second.events)).toEqual(tables(first.events));
    expect(tables(first.events)).toHaveLength(20);
  });

  test('puts back an output folder that was changed', async () => {
    const rig = new Rig();
    const plan = planOf({ a: bytes('a') }, { all: ['a.data'] });
    await rig.run(plan);
    const file = join(rig.base, 'out', 'test', 'all', 'data.txt');
    writeFileSync(file, 'zz');
    await rig.run(plan);
    expect(readFileSync(file, 'utf8')).toBe('a7');
  });

  test('of a recipe with one option changed redoes that step and what depends on its bytes', async () => {
    const rig = new Rig();
    const plan = (text: string) =>
      planOf({
        a: { uses: 'bytes', with: { text: 'a', trace: rig.trace } },
        b: { uses: 'bytes', with: { text, trace: rig.trace }, inputs: { from: ['a.data'] } },
        c: { uses: 'bytes', with: { text: 'c', trace: rig.trace }, inputs: { from: ['b.data'] } },
        d: { uses: 'bytes', with: { text: 'd', trace: rig.trace }, inputs: { from: ['a.data'] } },
      });
    await rig.run(plan('b'));
    const { story, events } = await rig.run(plan('B'));
    expect([...story].sort()).toEqual(['cached a', 'cached d', 'finished b', 'finished c', 'started b', 'started c']);
    const why = events.flatMap((e) => (e.type === 'step-started' ? [[e.step, e.why]] : []));
    expect(why).toEqual([
      ['b', { reason: 'changed', changes: ['option "text": b → B'] }],
      ['c', { reason: 'changed', changes: ['input "from"'] }],
    ]);
    expect((await rig.run(plan('b'))).story.every((line) => line.startsWith('cached'))).toBe(true);
  });

  test('does steps with the same fingerprint once', async () => {
    const rig = new Rig();
    const same = { uses: 'bytes', with: { text: 'same', trace: rig.trace } };
    const { story } = await rig.run(planOf({ a: same, b: same, c: same }));
    expect(rig.traced()).toHaveLength(1);
    expect([...story].sort()).toEqual(['cached b', 'cached c', 'finished a', 'started a']);
  });

  test('redoes a step whose artifact was damaged, and only that', async () => {
    const rig = new Rig();
    const plan = planOf({ a: bytes('a'), b: bytes('b', { inputs: { from: ['a.data'] } }) });
    const first = await rig.run(plan);
    const file = () => rig.files().find((path) => path.endsWith('data.txt') && readFileSync(path, 'utf8') === 'a7');
    for (const damage of [rmSync, (path: string) => truncateSync(path, 1)]) {
      damage(file() as string);
      expect(await rig.status(plan)).toMatchObject([
        { state: 'stale', why: { changes: ['output "data" is not in the store'] } },
        { state: 'waiting', on: ['a'] },
      ]);
      const again = await rig.run(plan);
      expect(again.story).toEqual(['started a', 'finished a', 'cached b']);
      expect(again.outputs).toEqual(first.outputs);
    }
  });

  test('removes an input that a step finds damaged, and only such a one, so that the next run makes it anew', async () => {
    const rig = new Rig();
    const picky = { uses: 'picky', with: { expects: ['a7', 'b7'], trace: rig.trace }, retry: 3 };
    const plan = planOf({ a: bytes('a'), b: bytes('b'), c: { ...picky, inputs: { parts: ['a.data', 'b.data'] } } });
    const { outputs } = await rig.run(planOf({ a: bytes('a'), b: bytes('b') }, { x: ['a.data', 'b.data'] }));
    const file = (step: string): string => {
      const digest = (outputs[step]?.data as { digest: string } | undefined)?.digest ?? '';
      return join(rig.root, 'store', 'artifacts', digest.slice(0, 2), digest, 'data.txt');
    };
    // Of the same size: without a look at its bytes it counts as whole.
    writeFileSync(file('b'), 'x7');
    const damaged = await rig.run(plan);
    expect(damaged.story.toSorted()).toEqual(['cached a', 'cached b', 'failed c damaged-input', 'started c']);
    const logs = damaged.events.filter(({ type }) => type === 'step-log');
    expect(logs).toMatchObject([
      { level: 'warning', message: 'what it took from "b" was damaged and is removed; the next run makes it anew' },
    ]);
    expect([existsSync(file('a')), existsSync(file('b'))]).toEqual([true, false]);
    const { story } = await rig.run(plan);
    expect(story.toSorted()).toEqual(['cached a', 'finished b', 'finished c', 'started b', 'started c']);
    expect(readFileSync(file('b'), 'utf8')).toBe('b7');

    // A step that is wrong about it changes nothing.
    const wrong = planOf({
      a: bytes('a'),
      c: { ...picky, with: { ...picky.with, expects: ['z'] }, inputs: { parts: ['a.data'] } },
    });
    expect((await rig.run(wrong)).story).toEqual(['cached a', 'started c', 'failed c damaged-input']);
    expect(existsSync(file('a'))).toBe(true);
  });

  test('gives all its steps, and later runs, the same folder for what they share', async () => {
    const rig = new Rig();
    const step = (word: string, folder: string) => ({ uses: 'remember', with: { word, folder } });
    const plan = planOf({
      a: step('one', 'words'),
      b: { ...step('two', 'words'), needs: ['a'] },
      c: step('three', 'others'),
    });
    expect((await rig.run(plan)).result.status).toBe('ok');
    await rig.run(planOf({ d: step('four', 'words') }));
    const read = (folder: string): string => readFileSync(join(rig.root, 'shared', folder, 'words'), 'utf8');
    expect([read('words'), read('others')]).toEqual(['one two four ', 'three ']);
    const { events } = await rig.run(planOf({ e: step('five', '../outside') }));
    expect(events.find(({ type }) => type === 'step-failed')).toMatchObject({
      reason: 'bug',
      message: 'Error: "../outside" is not a name for a folder (kebab-case)',
    });
  });

  test('with cache: false always runs anew', async () => {
    const rig = new Rig();
    const plan = planOf({ a: { uses: 'bytes', with: { text: 'a', trace: rig.trace }, cache: false } });
    await rig.run(plan);
    const { events, result } = await rig.run(plan);
    expect(events.find(({ type }) => type === 'step-started')).toMatchObject({ why: { reason: 'uncached' } });
    expect(rig.traced()).toHaveLength(2);
    // Finished in the run that is resumed: not again.
    const { story } = await rig.run(plan, { resume: (result as { run: string }).run });
    expect(story).toEqual(['cached a']);
  });

  test('passes measurements on, and hashes only who made them', async () => {
    const rig = new Rig();
    const plan = (cache: boolean) =>
      planOf({
        n: { uses: 'count', with: { to: 2, every: 5, delay: 0 }, cache },
        r: { uses: 'reader', with: { trace: rig.trace }, inputs: { pace: ['n.pace'] } },
      });
    const { outputs } = await rig.run(plan(false));
    expect(outputs.n?.pace).toMatchObject({ kind: 'measurement' });
    expect((await rig.run(plan(false))).story).toEqual(['started n', 'finished n', 'cached r']);
    expect(rig.traced()).toEqual(['reader']);
  });
});

describe('conditions', () => {
  test('leave out a step, and those that cannot do without it', async () => {
    const rig = new Rig();
    const plan = planOf(
      {
        off: bytes('off', { enabled: false }),
        on: bytes('on'),
        needy: { uses: 'join', inputs: { parts: ['off.data'] } },
        spared: { uses: 'join', inputs: { parts: ['on.data', 'off.data'], extra: ['off.data'] } },
        further: { uses: 'join', inputs: { parts: ['needy.data'] } },
        optional: bytes('o', { inputs: { from: ['needy.data'] } }),
      },
      { needy: ['needy.data'], spared: ['spared.data'] },
    );
    const { story, result } = await rig.run(plan);
    expect(story.filter((line) => line.startsWith('skipped'))).toEqual([
      'skipped off condition',
      'skipped needy upstream off',
      'skipped further upstream needy',
    ]);
    expect(result).toMatchObject({ status: 'ok' });
    expect(Object.keys((result as { outputs: object }).outputs)).toEqual(['spared']);
    expect(readFileSync(join(rig.base, 'out/test/spared/data.txt'), 'utf8')).toBe('on7|-');
    expect((await rig.status(plan)).map(({ state }) => state)).toEqual([
      'disabled',
      'done',
      'disabled',
      'done',
      'disabled',
      'done',
    ]);
  });
});

describe('failures', () => {
  test('leave out what depends on the step; the rest goes on', async () => {
    const rig = new Rig();
    const plan = planOf(
      {
        bad: { uses: 'crash', with: { how: 'fail' } },
        after: bytes('x', { inputs: { from: ['bad.data'] } }),
        later: { uses: 'join', inputs: { parts: ['after.data'] } },
        good: bytes('good'),
        fine: bytes('fine', { inputs: { from: ['good.data'] } }),
      },
      { fine: ['fine.data'] },
    );
    const { story, result, events } = await rig.run(plan);
    expect([...story].sort()).toEqual(
      [
        'started bad',
        'failed bad bad-row',
        'skipped after upstream bad',
        'skipped later upstream after',
        'started good',
        'finished good',
        'started fine',
        'finished fine',
      ].sort(),
    );
    expect(result).toMatchObject({ status: 'failed', outputs: {} });
    expect(existsSync(join(rig.base, 'out'))).toBe(false);
    expect(events.find(({ type }) => type === 'step-failed')).toMatchObject({
      message: 'row 7 has no label',
      hint: 'Give it one.',
    });
    expect(await rig.status(plan)).toMatchObject([
      { id: 'bad', state: 'failed', reason: 'bad-row', message: 'row 7 has no label' },
      { id: 'after', state: 'waiting', on: ['bad'] },
      { id: 'later', state: 'waiting', on: ['after'] },
      { id: 'good', state: 'done' },
      { id: 'fine', state: 'done' },
    ]);
  });

  test('are retried as often as the recipe says', async () => {
    const rig = new Rig();
    const flaky = (retry: number) => ({ uses: 'flaky', with: { trace: rig.trace, works: 3 }, retry });
    expect((await rig.run(planOf({ f: flaky(1) }))).story).toEqual([
      'started f',
      'failed f not-yet retry',
      'started f attempt 2',
      'failed f not-yet',
    ]);
    rmSync(rig.trace);
    const { story } = await rig.run(planOf({ f: flaky(2) }));
    expect(story.at(-1)).toBe('finished f');
    expect(rig.traced()).toHaveLength(3);
  });

  test('that are bugs are not retried', async () => {
    const rig = new Rig();
    const { story } = await rig.run(planOf({ f: { uses: 'crash', with: { how: 'throw' }, retry: 3 } }));
    expect(story).toEqual(['started f', 'failed f bug']);
  });

  test('a step over its time is killed', async () => {
    const rig = new Rig();
    const options = { pid: join(rig.base, 'pid'), until: join(rig.base, 'go'), deaf: true, block: 60_000 };
    const { story, events } = await rig.run(planOf({ h: { uses: 'hold', with: options, timeoutMs: 300, retry: 1 } }));
    expect(story).toEqual(['started h', 'failed h timeout retry', 'started h attempt 2', 'failed h timeout']);
    expect(events.find(({ type }) => type === 'step-failed')).toMatchObject({
      message: 'the step took longer than its timeout of 0.3 s',
    });
  });
});
