import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Event, OutputRef } from '../../src/engine/event.js';
import { latestRun, readEvents } from '../../src/engine/journal.js';
import { lockHolder } from '../../src/engine/lock.js';
import type { Plan } from '../../src/engine/plan.js';
import { isAlive } from '../../src/engine/process-identity.js';
import { Random } from '../../src/util/random.js';
import { FIXTURES, planOf, Rig, until } from './rig.js';

/** Runs a plan in a process of its own. */
class Engine {
  readonly events: Event[] = [];
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  result: { status: string; run: string } | undefined;

  constructor(rig: Rig, plan: Plan, resume?: string) {
    const file = join(rig.base, 'plan.json');
    writeFileSync(file, JSON.stringify(plan));
    const args = [join(FIXTURES, 'engine.mjs'), file, rig.root, ...(resume === undefined ? [] : [resume])];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      const message = JSON.parse(line);
      if (message.type === 'result') this.result = message;
      else this.events.push(message);
    });
    this.exit = new Promise((resolve) => this.child.on('close', resolve));
  }

  has(type: Event['type']): boolean {
    return this.events.some((event) => event.type === type);
  }
}

const alive = (pid: number) => isAlive({ pid, started: '' });

test('a run that is killed again and again ends with the same bytes as one that is not', async () => {
  const plan = (rig: Rig) =>
    planOf({
      a: { uses: 'bytes', with: { text: 'a' } },
      long: { uses: 'count', with: { to: 120, every: 4, delay: 4, trace: rig.trace }, inputs: { from: ['a.data'] } },
      side: { uses: 'count', with: { to: 20, every: 3, delay: 3 }, inputs: { from: ['long.data'] } },
      end: { uses: 'join', inputs: { parts: ['long.data', 'side.data'] } },
    });
  const calm = new Rig();
  const whole = await calm.run(plan(calm));
  expect(whole.result.status).toBe('ok');

  const rig = new Rig();
  const random = new Random(11, 'kill');
  let run: string | undefined;
  /** Counts of `long` that were reported as saved, and so must never be made again. */
  let saved = 0;
  for (let kill = 0; kill < 12; kill++) {
    const before = rig.traced().length;
    const engine = new Engine(rig, plan(rig), run);
    // Some die while they start, some anywhere in the run, some soon after a checkpoint.
    const moment = ([undefined, 'run-started', 'step-checkpoint'] as const)[kill % 3];
    await until(() => moment === undefined || engine.has(moment) || engine.result !== undefined);
    await sleep(random.below(moment === 'step-checkpoint' ? 60 : 400));
    engine.child.kill('SIGKILL');
    await engine.exit;
    run = (await latestRun(rig.root))?.id;
    const begun = rig
      .traced()
      .slice(before)
      .map((line) => Number(line.split(' ').at(-1)));
    for (const from of begun) expect(from).toBeGreaterThanOrEqual(saved);
    const saves = engine.events.filter((event) => event.type === 'step-checkpoint' && event.step === 'long').length;
    if (saves > 0) saved = (begun.at(-1) ?? 0) + 4 * saves;
  }
  expect(saved).toBeGreaterThan(0);
  const last = new Engine(rig, plan(rig), run);
  expect(await last.exit).toBe(0);
  expect(last.result).toMatchObject({ status: 'ok', run });
  const outputs = new Map<string, unknown>();
  for (const event of last.events) if (event.type === 'step-finished') outputs.set(event.step, digests(event.outputs));
  expect(Object.fromEntries(outputs)).toEqual(
    Object.fromEntries(Object.entries(whole.outputs).map(([id, refs]) => [id, digests(refs)])),
  );
  expect(rig.traced().some((line) => /^count from [1-9]/.test(line))).toBe(true);
  // Nothing of the checkpoints is left.
  expect(rig.files().filter((path) => /refs.checkpoints|store.scratch/.test(path))).toEqual([]);
  // One journal tells it all, also where a line was torn.
  const events = await readEvents(rig.root, run as string);
  expect(events.filter(({ type }) => type === 'run-started').length).toBeGreaterThan(1);
  expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'ok' });
});

const digests = (outputs: Readonly<Record<string, OutputRef>>) =>
  Object.fromEntries(Object.entries(outputs).map(([name, ref]) => [name, 'digest' in ref ? ref.digest : ref.kind]));

test.each([{ block: 0 }, { block: 60_000 }])(
  'workers die with their engine, blocked for $block ms',
  async ({ block }) => {
    const rig = new Rig();
    const pid = join(rig.base, 'pid');
    const options = { pid, until: join(rig.base, 'go'), deaf: true, ...(block > 0 ? { block } : {}) };
    const engine = new Engine(rig, planOf({ h: { uses: 'hold', with: options } }));
    await until(() => {
      try {
        return readFileSync(pid, 'utf8') !== '';
      } catch {
        return false;
      }
    });
    const worker = Number(readFileSync(pid, 'utf8'));
    expect(alive(worker)).toBe(true);
    expect(await lockHolder(rig.root)).toBe(engine.child.pid);
    engine.child.kill('SIGKILL');
    await engine.exit;
    await until(() => !alive(worker), 1500);
    expect(await lockHolder(rig.root)).toBeUndefined();
  },
);

test('the first Ctrl-C stops after a checkpoint, and resume goes on from there', async () => {
  const rig = new Rig();
  const plan = planOf({
    n: { uses: 'count', with: { to: 150, every: 1000, delay: 4, trace: rig.trace } },
    after: { uses: 'bytes', with: { text: 'x' }, inputs: { from: ['n.data'] } },
  });
  const engine = new Engine(rig, plan);
  await until(() => engine.has('step-progress'));
  engine.child.kill('SIGINT');
  expect(await engine.exit).toBe(0);
  expect(engine.result?.status).toBe('interrupted');
  expect(engine.events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['run-stopping', 'step-interrupted', 'run-finished']),
  );
  expect(await rig.status(plan)).toMatchObject([{ state: 'partial' }, { state: 'waiting', on: ['n'] }]);
  const { story, events } = await rig.run(plan, { resume: engine.result?.run as string });
  expect(story).toEqual(['started n', 'finished n', 'started after', 'finished after']);
  expect(events.find(({ type }) => type === 'step-started')).toMatchObject({ why: { reason: 'resume' } });
  expect(rig.traced()[1]).toMatch(/^count from [1-9]/);
});

test('the second Ctrl-C ends a step that does not listen', async () => {
  const rig = new Rig();
  const options = { pid: join(rig.base, 'pid'), until: join(rig.base, 'go'), deaf: true, block: 60_000 };
  const engine = new Engine(rig, planOf({ h: { uses: 'hold', with: options } }));
  await until(() => engine.has('step-started'));
  await sleep(100);
  engine.child.kill('SIGINT');
  await until(() => engine.has('run-stopping'));
  const began = performance.now();
  engine.child.kill('SIGINT');
  expect(await engine.exit).toBe(0);
  expect(performance.now() - began).toBeLessThan(1500);
  expect(engine.result?.status).toBe('interrupted');
  expect(engine.events.some(({ type }) => type === 'step-interrupted')).toBe(true);
});

test('only one run at a time, and the other is told at once', async () => {
  const rig = new Rig();
  const go = join(rig.base, 'go');
  const plan = planOf({ h: { uses: 'hold', with: { pid: join(rig.base, 'pid'), until: go } } });
  const engine = new Engine(rig, plan);
  await until(() => engine.has('step-started'));
  const { result, events } = await rig.run(plan);
  expect(result).toEqual({
    status: 'locked',
    pid: engine.child.pid,
    message: `another run is under way in ${rig.root} (process ${engine.child.pid})`,
  });
  expect(events).toEqual([]);
  writeFileSync(go, '');
  expect(await engine.exit).toBe(0);
  expect((await rig.run(plan)).story).toEqual(['cached h']);
});
