import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RunControl } from './control.js';
import type { Event, EventBody } from './event.js';
import type { Executor } from './executor.js';
import { ExternalFiles } from './external.js';
import { Journal } from './journal.js';
import { LocalStore } from './local-store.js';
import { takeLock } from './lock.js';
import { copyOutputs } from './outputs.js';
import type { Plan } from './plan.js';
import type { Registry } from './registry.js';
import { type Ended, schedule } from './scheduler.js';
import { StepRunner } from './step-runner.js';

export interface RunOptions {
  /** The `.recipe` folder; made if it is not there. */
  readonly root: string;
  readonly registry: Registry;
  /** Makes the executor, given the store's folder and a folder for logs. The run closes it. */
  readonly executor: (place: { readonly store: string; readonly logs: string }) => Executor;
  /** The reporter: every event, after it stands in the journal. */
  readonly emit: (event: Event) => void;
  /** `--set` as given; kept in `run.json` for `resume`. */
  readonly set?: readonly string[];
  /** Stops or kills the run. */
  readonly control?: RunControl;
  /** Threads of a compute step; of a resumed run, by default as it was; else all there are. */
  readonly threads?: number;
  /** Id of the run to go on with. */
  readonly resume?: string;
  /** Where the recipe's outputs are copied to. Default: `out` beside the `.recipe` folder. */
  readonly out?: string;
}

export type RunResult =
  | {
      readonly status: 'ok' | 'failed' | 'interrupted';
      readonly run: string;
      /** The recipe's outputs by name, and the folder each was copied to. Empty unless ok. */
      readonly outputs: Readonly<Record<string, string>>;
    }
  /** Another run is under way in the same folder; nothing was done. */
  | { readonly status: 'locked'; readonly pid: number; readonly message: string };

/** Runs a plan to its end, or as far as it goes. Rejects only for bugs and for a disk that fails. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  const root = resolve(options.root);
  const lock = await takeLock(root);
  if (!lock.ok) return { status: 'locked', pid: lock.pid, message: lock.message };
  try {
    return await runLocked(plan, { ...options, root });
  } finally {
    await lock.lock.release();
  }
}

async function runLocked(plan: Plan, options: RunOptions): Promise<RunResult> {
  const { root, registry, resume } = options;
  const control = options.control ?? new RunControl();
  const since = performance.now();
  const store = new LocalStore(join(root, 'store'));
  await store.sweep();
  const threads = options.threads ?? availableParallelism();
  const run = { recipe: plan.file, name: plan.name, set: options.set ?? [], threads };
  const journal = await (resume === undefined ? Journal.create(root, run) : Journal.reopen(root, resume));
  await journal.keep(plan.file);
  const { id } = journal.record;
  const emit = (body: EventBody): void => {
    const event = { at: Date.now(), ...body } as Event;
    journal.append(event);
    options.emit(event);
  };
  const executor = options.executor({ store: store.root, logs: journal.folder });
  const onStop = (): void => emit({ type: 'run-stopping' });
  control.stop.signal.addEventListener('abort', onStop);
  try {
    const steps = plan.instances.map(({ id, uses, needs }) => ({ id, uses, needs }));
    const resumed = resume !== undefined;
    emit({ type: 'run-started', run: id, recipe: plan.file, name: plan.name, resumed, steps });
    const runner = new StepRunner({
      plan,
      registry,
      store,
      executor,
      control,
      emit,
      run: id,
      resumed,
      threads: options.threads ?? journal.record.threads,
    });
    const status = statusOf([...(await schedule(plan.instances, runner)).values()]);
    const out = options.out ?? join(dirname(root), 'out');
    const files = new ExternalFiles(store);
    const outputs = status === 'ok' ? await copyOutputs(plan, runner.finished, store, files, out) : {};
    emit({ type: 'run-finished', status, seconds: (performance.now() - since) / 1000, outputs });
    return { status, run: id, outputs };
  } finally {
    control.stop.signal.removeEventListener('abort', onStop);
    await executor.close();
    journal.close();
  }
}

function statusOf(ended: readonly Ended[]): 'ok' | 'failed' | 'interrupted' {
  if (ended.some((as) => as === 'interrupted' || as === 'pending')) return 'interrupted';
  return ended.some((as) => as === 'failed') ? 'failed' : 'ok';
}
