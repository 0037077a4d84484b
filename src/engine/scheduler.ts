import PQueue from 'p-queue';
import type { StepInstance } from './plan.js';
import { LANES, type Lane } from './step.js';

/**
 * How an instance ended. `absent`: left out because of an `if`, its own or one that it depends on. `blocked`: left
 * out because something it needs failed or was stopped. `pending`: the run stopped before it could start.
 */
export type Ended = 'done' | 'failed' | 'interrupted' | 'absent' | 'blocked' | 'pending';

/** What the scheduler asks of whoever knows what a step is. */
export interface Work {
  lane(instance: StepInstance): Lane;
  /** The disabled need that keeps an instance from running, if any. */
  blockedBy(instance: StepInstance, absent: { has(id: string): boolean }): string | undefined;
  /** All that it needs has ended well: says how it ended already, or returns what is to do in its lane. */
  prepare(instance: StepInstance): Promise<Ended | (() => Promise<Ended>)>;
  skipped(instance: StepInstance, reason: 'condition' | 'upstream', because?: string): void;
  stopping(): boolean;
}

/** One compute step at a time gets all threads; the others mostly wait. */
const CONCURRENCY: Readonly<Record<Lane, number>> = { compute: 1, network: 8, io: 2 };

/**
 * Runs instances as soon as what they need has ended, each in its lane, earlier ones in the recipe first. The failure
 * of one leaves out those that depend on it; the others go on. Resolves when nothing can start any more.
 */
export function schedule(instances: readonly StepInstance[], work: Work): Promise<ReadonlyMap<string, Ended>> {
  const queues = Object.fromEntries(
    LANES.map((lane) => [lane, new PQueue({ concurrency: CONCURRENCY[lane] })]),
  ) as Record<Lane, PQueue>;
  const ended = new Map<string, Ended>();
  const waiting = new Map(instances.map((instance, index) => [instance.id, { instance, index }]));
  const absent = { has: (id: string) => ended.get(id) === 'absent' };

  const start = async (instance: StepInstance, index: number): Promise<Ended> => {
    const task = await work.prepare(instance);
    if (typeof task === 'string') return task;
    return queues[work.lane(instance)].add(task, { priority: -index });
  };

  return new Promise((resolve, reject) => {
    // One pass is enough: instances stand in topological order.
    // Settles what needs no work and starts what is ready.
    const advance = (): void => {
      for (const { instance, index } of [...waiting.values()]) {
        if (!instance.needs.every((id) => ended.has(id)) && instance.enabled) continue;
        waiting.delete(instance.id);
        const settle = (as: Ended): void => {
          ended.set(instance.id, as);
        };
        if (!instance.enabled) {
          settle('absent');
          work.skipped(instance, 'condition');
          continue;
        }
        const culprit = instance.needs.find((id) => !['done', 'absent', 'pending'].includes(ended.get(id) as Ended));
        const missing = culprit ?? work.blockedBy(instance, absent);
        if (missing !== undefined) {
          settle(culprit === undefined ? 'absent' : 'blocked');
          work.skipped(instance, 'upstream', missing);
        } else if (work.stopping() || instance.needs.some((id) => ended.get(id) === 'pending')) {
          settle('pending');
        } else {
          start(instance, index).then((as) => {
            settle(as);
            advance();
          }, reject);
        }
      }
      if (ended.size === instances.length) resolve(ended);
    };
    advance();
  });
}
