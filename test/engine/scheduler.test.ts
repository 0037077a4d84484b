import { expect, test } from 'vitest';
import type { StepInstance } from '../../src/engine/plan.js';
import { type Ended, type Prepared, schedule, type Work } from '../../src/engine/scheduler.js';
import type { Lane } from '../../src/engine/step.js';
import { planOf, type Sketch, until } from './rig.js';

/** Steps that start, and end when told. */
class Stage implements Work {
  readonly running: string[] = [];
  readonly started: string[] = [];
  readonly skips: string[] = [];
  readonly over: string[] = [];
  stopped = false;
  private readonly ends = new Map<string, (as: Ended) => void>();
  readonly ended: Promise<ReadonlyMap<string, Ended>>;

  /**
   * @param slow those that are prepared slowly
   * @param twins those that must wait for another's end, though it is not among their needs
   */
  constructor(
    steps: Record<string, Partial<Sketch>>,
    private readonly slow: ReadonlySet<string> = new Set(),
    private readonly twins = new Map<string, string>(),
  ) {
    const sketches = Object.entries(steps).map(([id, sketch]) => [id, { uses: 'compute', ...sketch }] as const);
    this.ended = schedule(planOf(Object.fromEntries(sketches)).instances, this);
  }

  lane({ uses }: StepInstance): Lane {
    return uses as Lane;
  }
  blockedBy(instance: StepInstance, absent: { has(id: string): boolean }): string | undefined {
    return instance.needs.find((id) => absent.has(id));
  }
  async prepare({ id, uses }: StepInstance): Promise<Prepared> {
    if (uses === 'cached') return 'done';
    if (this.slow.has(id)) await new Promise((resolve) => setTimeout(resolve, 20));
    const twin = this.twins.get(id);
    this.twins.delete(id);
    if (twin) return { after: until(() => this.over.includes(twin)) };
    return () => {
      if (this.stopped) return Promise.resolve('pending');
      this.started.push(id);
      this.running.push(id);
      return new Promise((resolve) => this.ends.set(id, resolve));
    };
  }
  skipped({ id }: StepInstance, reason: string, because = ''): void {
    this.skips.push(`${id} ${reason} ${because}`.trim());
  }
  stopping(): boolean {
    return this.stopped;
  }
  async end(id: string, as: Ended = 'done'): Promise<void> {
    await until(() => this.running.includes(id));
    this.running.splice(this.running.indexOf(id), 1);
    this.over.push(id);
    this.ends.get(id)?.(as);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('a step starts when all that it needs has ended', async () => {
  const stage = new Stage({
    a: { uses: 'network' },
    b: { uses: 'network' },
    c: { uses: 'network', needs: ['a', 'b'] },
    d: { uses: 'network', needs: ['a'] },
  });
  await until(() => stage.running.length === 2);
  await stage.end('a');
  expect(stage.running).toEqual(['b', 'd']);
  await stage.end('b');
  expect(stage.running).toEqual(['d', 'c']);
  await stage.end('c');
  await stage.end('d');
  expect([...(await stage.ended).values()]).toEqual(['done', 'done', 'done', 'done']);
});

test('each lane has its width, and the recipe order decides', async () => {
  const ids = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}`);
  const of = (uses: string, n: number) => ids(uses, n).map((id) => [id, { uses }]);
  const stage = new Stage(Object.fromEntries([...of('compute', 3), ...of('network', 10), ...of('io', 4)]));
  await until(() => stage.running.length === 11);
  expect(stage.running.filter((id) => id.startsWith('compute'))).toEqual(['compute0']);
  expect(stage.running.filter((id) => id.startsWith('network'))).toEqual(ids('network', 8));
  expect(stage.running.filter((id) => id.startsWith('io'))).toEqual(ids('io', 2));
  await stage.end('compute0');
  await until(() => stage.running.includes('compute1'));
  expect(stage.running).not.toContain('compute2');
});

test('what is done already does not wait for a lane', async () => {
  const stage = new Stage({ long: {}, known: { uses: 'cached' }, next: { uses: 'network', needs: ['known'] } });
  await until(() => stage.running.includes('next'));
  expect(stage.running).toEqual(['long', 'next']);
});

test('a failure leaves out what depends on it, and nothing else', async () => {
  const stage = new Stage({
    bad: {},
    b: { needs: ['bad'] },
    c: { needs: ['b'] },
    good: {},
    d: { needs: ['good'] },
    off: { enabled: false, needs: ['good'] },
    e: { needs: ['off'] },
  });
  expect(stage.skips).toEqual(['off condition', 'e upstream off']);
  await stage.end('bad', 'failed');
  expect(stage.skips.slice(2)).toEqual(['b upstream bad', 'c upstream b']);
  await stage.end('good');
  await stage.end('d');
  expect(Object.fromEntries(await stage.ended)).toEqual({
    bad: 'failed',
    b: 'blocked',
    c: 'blocked',
    good: 'done',
    d: 'done',
    off: 'absent',
    e: 'absent',
  });
});

test('nothing starts once the run is stopping', async () => {
  const stage = new Stage({ a: {}, queued: {}, after: { needs: ['a'] }, later: { needs: ['queued'] } });
  await until(() => stage.running.length === 1);
  stage.stopped = true;
  await stage.end('a', 'interrupted');
  expect(Object.fromEntries(await stage.ended)).toEqual({
    a: 'interrupted',
    queued: 'pending',
    after: 'blocked',
    later: 'pending',
  });
  expect(stage.started).toEqual(['a']);
});

test('of those that are ready at once, the earlier one goes first, however slowly it is prepared', async () => {
  const stage = new Stage({ a: {}, b: {}, c: {} }, new Set(['a']));
  for (const id of ['a', 'b', 'c']) await stage.end(id);
  expect(stage.started).toEqual(['a', 'b', 'c']);
});

test('one that waits for its twin keeps nobody waiting, the twin neither', async () => {
  const stage = new Stage({ a: {}, b: {}, c: {} }, new Set(['c']), new Map([['a', 'c']]));
  for (const id of ['b', 'c', 'a']) await stage.end(id);
  expect(stage.started).toEqual(['b', 'c', 'a']);
});
