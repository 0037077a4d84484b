import PQueue from 'p-queue';
import type { StepInstance } from './plan.js';
import { LANES, type Lane } from './step.js';

/**
 * How an instance ended. `absent`: left out because of an `if`, its own or one that it depends on. `blocked`: left
 * out because something it needs failed or was stopped. `pending`: the run stopped before it could start.
 */
export type Ended = 'done' | 'failed' | 'interrupted' | 'absent' | 'blocked' | 'pending';

/** How an instance ended already; what is to do in its lane; or that it is to ask again when its twin has ended. */
export type Prepared = Ended | (() => Promise<Ended>) | { readonly after: Promise<unknown> };

/** What the scheduler asks of whoever knows what a step is. */
export interface Work {
  lane(instance: StepInstance): Lane;
  /** The disabled need that keeps an instance from running, if any. */
  blockedBy(instance: StepInstance, absent: { has(id: string): boolean }): string | undefined;
  /** All that it needs has ended well. Must not wait for another instance. */
  prepare(instance: StepInstance): Promise<Prepared>;
  skipped(instance: StepInstance, reason: 'condition' | 'upstream', because?: string): void;
  stopping(): boolean;
}

/** One compute step at a time gets all threads; the others mostly wait. */
const CONCURRENCY: Readonly<Record<Lane, number>> = { compute: 1, network: 8, io: 2 };

const ignore = (): void => {};

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

  // Of several that are ready at once, an earlier one that is prepared more slowly still goes first: otherwise the order
  // of a run would hang on how fast the disk answers.
  const turns = new Map<Lane, Promise<void>>();
  const start = async (instance: StepInstance, index: number): Promise<Ended> => {
    const lane = work.lane(instance);
    for (;;) {
      const preparing = work.prepare(instance);
      const placing = (turns.get(lane) ?? Promise.resolve()).then(async () => {
        const prepared = await preparing;
        return typeof prepared === 'function' ? { ended: queues[lane].add(prepared, { priority: -index }) } : undefined;
      });
      turns.set(lane, placing.then(ignore, ignore));
      const prepared = await preparing;
      if (typeof prepared === 'string') return prepared;
      const place = await placing;
      if (place) return place.ended;
      if (typeof prepared === 'object') await prepared.after;
    }
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
