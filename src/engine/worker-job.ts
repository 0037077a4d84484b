import { namingFullDisk } from '../util/disk-full.js';
import type { EventBody } from './event.js';
import type { Job, JobOutcome } from './executor.js';
import { MemoryWatch } from './memory.js';
import type { Registry } from './registry.js';
import { Redactor, resolveEnvironment } from './secrets.js';
import { StepFailure } from './step.js';
import type { Store } from './store.js';
import { WorkerContext } from './worker-context.js';

export interface JobResult {
  readonly outcome: JobOutcome;
  /** The stack of a bug. */
  readonly stack?: string;
}

/**
 * Does one job in this process. Never throws: what a step throws becomes an outcome. Nothing that it reports holds
 * the value of an environment variable that the job refers to.
 */
export async function runJob(
  job: Job,
  place: {
    readonly registry: Registry;
    readonly store: Store;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly signal: AbortSignal;
    readonly emit: (event: EventBody) => void;
    /** False once the engine that started the job is gone. */
    readonly owned: () => boolean;
    /** Milliseconds between two checkpoints. */
    readonly checkpointMs: number;
  },
): Promise<JobResult> {
  const redactor = new Redactor(job, place.environment);
  const memory = new MemoryWatch();
  const emit = (event: EventBody): void => place.emit(redactor.data(event));
  let worker: WorkerContext | undefined;
  try {
    const step = place.registry.get(job.uses);
    if (step?.version !== job.version) {
      const message = `the worker has another version of step ${job.uses} than was planned`;
      return { outcome: { status: 'failed', reason: 'version-mismatch', message } };
    }
    const options = resolveEnvironment(job, place.environment);
    worker = await WorkerContext.create({ ...place, job, step, options, memory, emit });
    await step.run(worker.context);
    worker.flush();
    const outputs = redactor.data(await worker.seal());
    return { outcome: { status: 'ok', outputs, peakMemory: memory.peak() } };
  } catch (error) {
    worker?.flush();
    await worker?.discard();
    return redactor.data(failure(error, place.signal));
  } finally {
    memory.peak();
  }
}

/** What a throw means: asked to stop, an expected failure, or a bug. */
export function failure(error: unknown, signal: AbortSignal): JobResult {
  if (signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))) {
    return { outcome: { status: 'interrupted' } };
  }
  const known = namingFullDisk(error);
  if (known instanceof StepFailure) {
    const { reason, message, hint, pointer } = known;
    const more = { ...(hint === undefined ? {} : { hint }), ...(pointer === undefined ? {} : { pointer }) };
    return { outcome: { status: 'failed', reason, message, ...more } };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const stack = (error instanceof Error ? error.stack : undefined) ?? message;
  return { outcome: { status: 'failed', reason: 'bug', message: message.split('\n')[0] as string }, stack };
}
