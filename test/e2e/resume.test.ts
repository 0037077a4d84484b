import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Event } from '../../src/engine/event.js';
import { latestRun, readEvents } from '../../src/engine/journal.js';
import { isAlive } from '../../src/engine/process-identity.js';
import { Random } from '../../src/util/random.js';
import { digests } from '../steps/context.js';
import { Live } from './live.js';
import { smallFolder } from './small.js';

type Events = readonly Event[];
type When = (events: Events) => boolean;

const has =
  (type: Event['type'], step: string): When =>
  (events) =>
    events.some((event) => event.type === type && 'step' in event && event.step === step);
const phase =
  (step: string, text: string): When =>
  (events) =>
    events.some((e) => e.type === 'step-progress' && e.step === step && e.progress.phase?.includes(text));
const saves =
  (step: string, count: number): When =>
  (events) =>
    events.filter((event) => event.type === 'step-checkpoint' && event.step === step).length >= count;
const both =
  (...conditions: readonly When[]): When =>
  (events) =>
    conditions.every((so) => so(events));

/** When and how a run is ended, in the order of the attempts. */
interface Kill {
  readonly what: string;
  readonly when: When;
  /** At most so many milliseconds later. */
  readonly within: number;
  /**
   * `all`: engine and steps by SIGKILL, `engine` or `worker` only that one; `stop`: Ctrl-C; `stop, kill`: Ctrl-C, and
   * SIGKILL while it stops.
   */
  readonly how: 'all' | 'engine' | 'worker' | 'stop' | 'stop, kill';
}

const random = new Random(3, 'kill');
const some = (from: number, to: number): number => from + random.below(to - from);

const KILLS: readonly Kill[] = [
  { what: 'the start', when: () => true, within: 300, how: 'all' },
  { what: 'sample-data, anywhere', when: has('step-started', 'corpus'), within: 200, how: 'all' },
  { what: 'sample-data, reading', when: has('step-progress', 'corpus'), within: 5, how: 'engine' },
  { what: 'between two steps', when: has('step-finished', 'tokenizer'), within: 0, how: 'all' },
  { what: 'the yardstick', when: has('step-progress', 'yardstick'), within: 50, how: 'engine' },
  { what: 'training the teacher', when: saves('teacher', some(2, 9)), within: 10, how: 'engine' },
  { what: 'training the teacher on', when: saves('teacher', some(2, 9)), within: 10, how: 'stop' },
  { what: 'training the teacher further', when: saves('teacher', some(2, 9)), within: 10, how: 'all' },
  { what: 'the baseline', when: saves('baseline', some(5, 20)), within: 20, how: 'stop, kill' },
  { what: 'cache-logits, before or in a shard', when: has('step-started', 'logits'), within: 120, how: 'all' },
  { what: 'cache-logits, between shards', when: saves('logits', 1), within: 0, how: 'all' },
  { what: 'cache-logits, in a later shard', when: saves('logits', 1), within: 20, how: 'engine' },
  { what: 'stage 1', when: saves('student', some(2, 9)), within: 20, how: 'worker' },
  { what: 'stage 1, further', when: saves('student', some(2, 9)), within: 20, how: 'all' },
  { what: 'stage 1, once more', when: saves('student', some(2, 9)), within: 20, how: 'stop, kill' },
  { what: 'stage 2', when: phase('student', 'stage 2'), within: 20, how: 'engine' },
  {
    what: 'stage 2, further',
    when: both(phase('student', 'stage 2'), saves('student', some(2, 9))),
    within: 20,
    how: 'all',
  },
  { what: 'stage 2, once more', when: saves('student', 2), within: 0, how: 'worker' },
  { what: 'evaluate, anywhere', when: has('step-started', 'report'), within: 400, how: 'all' },
  { what: 'evaluate, timing', when: phase('report', 'timing'), within: 100, how: 'stop' },
  { what: 'copying the outputs', when: has('step-finished', 'report'), within: 5, how: 'all' },
];

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Runs until the moment has come, ends it, and says with which exit code it ended. */
async function runAndKill(live: Live, { what, when, within, how }: Kill): Promise<number | null> {
  const reached = await live.until(when);
  expect(reached, `${what}: over before it could be killed\n${live.err}`).toBe(true);
  await sleep(random.below(within + 1));
  if (how.startsWith('stop')) {
    live.signal('SIGINT');
    if (how === 'stop') return live.exit;
    await live.until((events) => events.some(({ type }) => type === 'run-stopping'));
    await sleep(random.below(15));
  }
  if (how !== 'worker') live.signal('SIGKILL');
  if (how !== 'engine') live.workers.forEach(kill);
  return live.exit;
}

const EXPECTED = { all: null, engine: null, worker: 1, stop: 130, 'stop, kill': null };

/** Digests of all outputs of all steps, measurements left out. */
function made(events: Events): Record<string, Record<string, string>> {
  const steps: Record<string, Record<string, string>> = {};
  for (const event of events) {
    if (event.type !== 'step-finished') continue;
    const named = Object.entries(event.outputs).flatMap(([name, ref]) => ('digest' in ref ? [[name, ref.digest]] : []));
    steps[event.step] = Object.fromEntries(named);
  }
  return steps;
}

const artifacts = (cwd: string): string[] =>
  readdirSync(join(cwd, '.recipe/store/artifacts'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /^..\/[0-9a-f]{64}$/.test(path))
    .sort();

/** Of each attempt that went on from checkpoints: the first progress that it reported. */
function resumed(journal: Events, step: string): { done: number; phase: string | undefined }[] {
  return journal.flatMap((event, i) => {
    if (event.type !== 'step-started' || event.step !== step || event.why.reason !== 'resume') return [];
    const next = journal.slice(i + 1).find((later) => 'step' in later && later.step === step);
    if (next?.type !== 'step-progress') return [];
    return [{ done: next.progress.done, phase: next.progress.phase }];
  });
}

test('a distillation that is killed everywhere ends with the same bytes as one that is not', async () => {
  const calm = smallFolder();
  const reference = Live.cli(calm, ['run', 'small.yaml', '--threads', '1']);

  const cwd = smallFolder();
  const root = join(cwd, '.recipe');
  const workers: number[] = [];
  for (const one of KILLS) {
    const live = Live.fixture(cwd, ['resume', 'small.yaml']);
    expect(await runAndKill(live, one), `${one.what}\n${live.err}`).toBe(EXPECTED[one.how]);
    workers.push(...live.workers);
  }
  const last = Live.cli(cwd, ['resume']);
  expect(await last.exit, last.err).toBe(0);
  expect(workers.filter((pid) => isAlive({ pid, started: '' }))).toEqual([]);

  expect(await reference.exit, reference.err).toBe(0);
  const run = await latestRun(root);
  const journal = await readEvents(root, run?.id as string);
  const wanted = made(reference.events);
  expect(Object.keys(wanted)).toHaveLength(8);
  expect(made(journal)).toEqual(wanted);
  const student = await digests(join(calm, 'out/small/student'));
  expect(Object.keys(student)).toContain('model.safetensors');
  expect(await digests(join(cwd, 'out/small/student'))).toEqual(student);

  // What is in the store is the same too: no checkpoint is left, nothing half-made.
  expect(artifacts(cwd)).toEqual(artifacts(calm));
  for (const folder of ['scratch', 'refs/checkpoints']) {
    const names = readdirSync(join(root, 'store', folder), { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => folder === 'scratch' || name.endsWith('.json'))).toEqual([]);
  }

  // It is one run, and a step that had finished never started again.
  expect(readdirSync(join(root, 'runs'))).toHaveLength(1);
  for (const step of Object.keys(wanted)) {
    const own = journal.filter((event) => 'step' in event && event.step === step).map(({ type }) => type);
    expect(own.lastIndexOf('step-started'), step).toBeLessThan(own.indexOf('step-finished'));
  }

  // Trainings went on where their checkpoint was, in both stages, and did nothing twice that was saved.
  for (const step of ['teacher', 'baseline', 'student']) {
    const first = resumed(journal, step);
    expect(first.length, step).toBeGreaterThan(0);
    for (const { done, phase } of first) expect(done > 1 || phase === 'stage 2 of 2', step).toBe(true);
  }
  const phases = resumed(journal, 'student').map(({ phase }) => phase);
  expect(new Set(phases)).toEqual(new Set(['stage 1 of 2', 'stage 2 of 2']));
  const saved = (step: string) =>
    journal.flatMap((event) => (event.type === 'step-checkpoint' && event.step === step ? [event.name] : []));
  expect(saved('teacher').length).toBeLessThanOrEqual(40);
  expect(saved('student').length).toBeLessThanOrEqual(80);
  expect(resumed(journal, 'logits').length).toBeGreaterThan(0);
  expect(saved('logits')).toEqual([...new Set(saved('logits'))]);
}, 180_000);
