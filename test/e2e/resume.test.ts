import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Event } from '../../src/engine/event.js';
import { latestRun, readEvents } from '../../src/engine/journal.js';
import { isAlive } from '../../src/engine/process-identity.js';
import { Random } from '../../src/util/random.js';
import { digests } from '../steps/context.js';
import { Live, type Moment } from './live.js';
import { smallFolder } from './small.js';

type Events = readonly Event[];
/** When and how a run is ended, in the order of the attempts. */
interface Kill {
  readonly what: string;
  readonly when: Moment;
  /**
   * `all`: engine and steps by SIGKILL, `engine` or `worker` only that one; `stop`: Ctrl-C; `stop, kill`: Ctrl-C, and
   * SIGKILL while it stops.
   */
  readonly how: 'all' | 'engine' | 'worker' | 'stop' | 'stop, kill';
}

const random = new Random(3, 'kill');
const some = (from: number, to: number): number => from + random.below(to - from);

/** Within so many calls of the file system. */
const within = (most: number): [number] => [random.below(most + 1)];
/** In a step's process. */
const at = (step: string, event: Event['type'], calls: Moment['calls'], count = 1): Moment => ({
  in: 'worker',
  ...{ step, event, calls, count },
});
/** In the engine's, from a step's end on; or from its start. */
const inEngine = (calls: Moment['calls'], step?: string): Moment => ({
  in: 'engine',
  calls,
  ...(step && { event: 'step-finished', step }),
});
/** A save of a training calls 55 times. */
const SAVE = 50;
/** After some saves, of 40 in all: fewer than what the attempts before have left. */
const saves = (step: string, calls: Moment['calls'] = within(SAVE)): Moment =>
  at(step, 'step-checkpoint', calls, some(2, 9));
/** In a save, and once more in that save. */
const twice = (): Moment['calls'] => [some(1, SAVE / 2), some(1, SAVE / 2)];

const KILLS: readonly Kill[] = [
  { what: 'the start', when: inEngine(within(60)), how: 'all' },
  { what: 'sample-data, anywhere', when: at('corpus', 'step-started', within(60)), how: 'all' },
  { what: 'sample-data, reading', when: at('corpus', 'step-progress', [0]), how: 'engine' },
  { what: 'between two steps', when: inEngine([0], 'tokenizer'), how: 'all' },
  { what: 'the yardstick', when: at('yardstick', 'step-progress', within(4)), how: 'engine' },
  { what: 'training the teacher', when: saves('teacher'), how: 'engine' },
  { what: 'training the teacher on', when: saves('teacher'), how: 'stop' },
  { what: 'training the teacher further', when: saves('teacher'), how: 'all' },
  { what: 'the baseline', when: saves('baseline', twice()), how: 'stop, kill' },
  { what: 'cache-logits, before or in a shard', when: at('logits', 'step-started', within(60)), how: 'all' },
  { what: 'cache-logits, between shards', when: at('logits', 'step-checkpoint', [0]), how: 'all' },
  { what: 'cache-logits, in a later shard', when: at('logits', 'step-checkpoint', within(30)), how: 'engine' },
  { what: 'stage 1', when: saves('student'), how: 'worker' },
  { what: 'stage 1, further', when: saves('student'), how: 'all' },
  { what: 'stage 1, once more', when: saves('student', twice()), how: 'stop, kill' },
  // Of stage 1, fewer than 35 updates are left now.
  { what: 'stage 2', when: at('student', 'step-checkpoint', within(SAVE), 35), how: 'engine' },
  { what: 'stage 2, further', when: saves('student'), how: 'all' },
  { what: 'stage 2, once more', when: at('student', 'step-checkpoint', [0], 2), how: 'worker' },
  { what: 'evaluate, anywhere', when: at('report', 'step-started', within(60)), how: 'all' },
  { what: 'evaluate, judging', when: at('report', 'step-progress', [0]), how: 'stop' },
  { what: 'copying the outputs', when: inEngine(within(10), 'report'), how: 'all' },
];

/** Runs until the moment has come, ends it, and says with which exit code it ended. */
async function runAndKill(live: Live, { what, how }: Kill): Promise<number | null> {
  const early = () =>
    `${what}: over before it could be killed, after ${live.events
      .slice(-5)
      .map((event) => JSON.stringify(event))
      .join('\n')}\n${live.err}`;
  expect(await live.held(1), early()).toBe(true);
  if (how.startsWith('stop')) {
    live.signal('SIGINT');
    await live.until((events) => events.some(({ type }) => type === 'run-stopping'));
    live.goOn();
    if (how === 'stop') return live.exit;
    expect(await live.held(2), early()).toBe(true);
  }
  if (how !== 'worker') live.signal('SIGKILL');
  if (how !== 'engine') live.killWorkers();
  live.goOn();
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
    const live = Live.fixture(cwd, ['resume', 'small.yaml'], one.when);
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
}, 300_000);
