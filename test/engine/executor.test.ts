import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { EventBody } from '../../src/engine/event.js';
import type { Job } from '../../src/engine/executor.js';
import { LocalExecutor } from '../../src/engine/local-executor.js';
import { LocalStore } from '../../src/engine/local-store.js';
import type { JsonObject } from '../../src/util/json.js';
import { folder, until, WORKER } from './rig.js';

const HASH = 'f'.repeat(64);

function job(uses: string, options: JsonObject = {}, more: Partial<Job> = {}): Job {
  return {
    instance: uses,
    uses,
    version: 1,
    fingerprint: HASH,
    options,
    secrets: [],
    inputs: {},
    required: ['data'],
    seed: 7,
    threads: 1,
    environment: [],
    account: 'recipe/step',
    ...more,
  };
}

/** An executor in a folder of its own. */
function place(store = join(folder(), 'store')) {
  const logs = folder();
  const executor = new LocalExecutor({ worker: WORKER, store, logs });
  onTestFinished(() => executor.close());
  const events: EventBody[] = [];
  const start = (what: Job) => executor.start(what, (event) => events.push(event));
  const pid = async (n: number, more = {}) => {
    events.length = 0;
    expect(await start(job('whoami', { n, ...more })).outcome).toMatchObject({ status: 'ok' });
    return Number(events.flatMap((event) => (event.type === 'step-log' ? [event.message] : []))[0]);
  };
  return { executor, store: new LocalStore(store), logs, events, start, pid };
}

test('a process does one job after another, and a cheap one takes milliseconds', async () => {
  const { pid } = place();
  const first = await pid(0);
  const began = performance.now();
  for (let n = 1; n <= 10; n++) expect(await pid(n)).toBe(first);
  const each = (performance.now() - began) / 10;
  console.log(`a cheap job: ${each.toFixed(1)} ms`);
  expect(each).toBeLessThan(100);
});

test('a process that holds much memory is replaced', async () => {
  const { pid } = place();
  const first = await pid(0, { hoard: 1.1 * 2 ** 30 });
  expect(await pid(1)).not.toBe(first);
});

test('a crash is the failure of its step, with the last words and the signal', async () => {
  const { start, logs, pid } = place();
  const before = await pid(0);
  expect(await start(job('crash', { how: 'exit' })).outcome).toEqual({
    status: 'failed',
    reason: 'crashed',
    message: "the step's process ended with exit code 3. Its last output:\n  going down",
  });
  expect(readFileSync(join(logs, 'crash.log'), 'utf8')).toMatch(
    /stray words\n(.*\n)*going down\n|going down\n(.*\n)*stray words\n/,
  );
  expect(await start(job('crash', { how: 'abort' })).outcome).toMatchObject({
    reason: 'crashed',
    message: expect.stringContaining("the step's process was killed by SIGABRT"),
  });
  expect(await start(job('crash', { how: 'kill' })).outcome).toEqual({
    status: 'failed',
    reason: 'crashed',
    message: "the step's process was killed by SIGKILL",
    hint: 'Most likely the system ran out of memory. Lower batch_size or max_length.',
  });
  expect(await pid(1)).not.toBe(before);
});

test('a step that fills the heap is a failed step', async () => {
  process.env.NODE_OPTIONS = '--max-old-space-size=60';
  onTestFinished(() => {
    delete process.env.NODE_OPTIONS;
  });
  expect(await place().start(job('crash', { how: 'heap' })).outcome).toMatchObject({
    reason: 'crashed',
    hint: 'It ran out of JavaScript memory. Lower batch_size, or give it less data.',
  });
});

test('what a step throws becomes an outcome; a stack goes to the log only', async () => {
  const { start, logs } = place();
  const log = join(logs, 'crash.log');
  const hint = `This is a fault of the step. Its stack is in ${log}`;
  expect(await start(job('crash', { how: 'throw' })).outcome).toEqual({
    status: 'failed',
    reason: 'bug',
    message: 'TypeError: no such thing',
    hint,
  });
  expect(readFileSync(log, 'utf8')).toMatch(/TypeError: no such thing\nsecond line\n +at .*steps\.mjs/);
  expect(await start(job('crash', { how: 'stray' })).outcome).toMatchObject({
    reason: 'bug',
    message: 'RangeError: out of nowhere',
  });
  expect(await start(job('crash', { how: 'fail' })).outcome).toEqual({
    status: 'failed',
    reason: 'bad-row',
    message: 'row 7 has no label',
    hint: 'Give it one.',
  });
  expect(await start(job('crash', { how: 'nothing' })).outcome).toMatchObject({
    reason: 'bug',
    message: 'Error: step crash ended without its output "data"',
  });
  expect(await start(job('crash', {}, { version: 2 })).outcome).toMatchObject({ reason: 'version-mismatch' });
});

test('an input that is not in the store is told', async () => {
  const { start } = place();
  const inputs = { from: [{ kind: 'bytes', digest: HASH, from: 'a' }] };
  expect(await start(job('bytes', { text: 'x' }, { inputs })).outcome).toMatchObject({ reason: 'missing-artifact' });
});

test('progress is thinned, but the last report comes', async () => {
  const { start, events } = place();
  await start(job('count', { to: 100, every: 1000, delay: 4 })).outcome;
  const reports = events.flatMap((event) => (event.type === 'step-progress' ? [event] : []));
  expect(reports.length).toBeGreaterThan(1);
  expect(reports.length).toBeLessThan(10);
  expect(reports.at(-1)?.progress.done).toBe(100);
  expect(reports.at(-1)?.memory).toBeGreaterThan(1e7);
});

test('a step may be stopped, and its process used again', async () => {
  const { start, events, pid } = place();
  const options = { pid: join(folder(), 'pid'), until: '/nowhere' };
  const held = start(job('hold', options));
  await until(() => existsSync(options.pid));
  held.stop();
  expect(await held.outcome).toEqual({ status: 'interrupted' });
  expect(events).toEqual([]);
  expect(await pid(1)).toBe(Number(readFileSync(options.pid, 'utf8')));
});

test('a job that is killed in one folder goes on in another that shares only the store', async () => {
  const options = { to: 120, every: 10, delay: 4, trace: join(folder(), 'trace') };
  const whole = place();
  const expected = await whole.start(job('count', options)).outcome;

  const a = place();
  const begun = a.start(job('count', options));
  await until(() => a.events.filter(({ type }) => type === 'step-checkpoint').length >= 3);
  begun.kill();
  expect(await begun.outcome).toEqual({ status: 'interrupted' });

  const b = place(a.store.root);
  const outcome = await b.start(JSON.parse(JSON.stringify(job('count', options)))).outcome;
  if (outcome.status !== 'ok' || expected.status !== 'ok') throw new Error('the jobs did not end well');
  expect(outcome.outputs.data).toEqual(expected.outputs.data);
  const trace = readFileSync(options.trace, 'utf8').trim().split('\n');
  expect(trace).toHaveLength(3);
  expect(trace[2]).toMatch(/^count from [3-9]0$/);
});

test('a checkpoint replaces the one before', async () => {
  const { start, events, store } = place();
  const held = start(job('count', { to: 1000, every: 1, delay: 1 }));
  await until(() => events.filter(({ type }) => type === 'step-checkpoint').length >= 20);
  held.stop();
  await held.outcome;
  const refs = await store.listRefs(`checkpoints/${HASH}`);
  expect(refs).toEqual([`checkpoints/${HASH}/count`]);
  const { digest, replaced } = (await store.readRef(refs[0] as string)) as { digest: string; replaced: string };
  expect(await store.verify(digest)).toBe(true);
  expect(await store.get(replaced)).toBeUndefined();
});

test('close ends idle and busy processes', async () => {
  const { executor, pid, start } = place();
  const path = join(folder(), 'pid');
  const idle = await pid(1);
  const first = start(job('hold', { pid: path, until: '/nowhere', deaf: true }));
  await until(() => existsSync(path));
  const began = performance.now();
  await executor.close();
  expect(performance.now() - began).toBeLessThan(1500);
  await first.outcome;
  await sleep(20);
  for (const gone of [idle, Number(readFileSync(path, 'utf8'))]) expect(() => process.kill(gone, 0)).toThrow('ESRCH');
});

test('writes no log when there is nothing to write', async () => {
  const { logs, pid } = place();
  await pid(1);
  expect(readdirSync(logs)).toEqual([]);
});
