import { setTimeout as sleep } from 'node:timers/promises';
import type { RunControl } from './control.js';
import type { EventBody } from './event.js';
import type { Execution, Executor, Job, JobOutcome } from './executor.js';
import type { Place } from './plan.js';
import { DAMAGED_INPUT } from './step.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** Trying again changes nothing about these. */
const PERMANENT = new Set(['bug', 'version-mismatch', 'missing-environment', 'missing-artifact', DAMAGED_INPUT]);

export interface Attempts {
  readonly executor: Executor;
  readonly control: RunControl;
  /** How many more attempts after a failed one. */
  readonly retry: number;
  readonly timeoutMs: number | undefined;
  /** Before each attempt, the first is 1. */
  readonly started: (attempt: number) => Promise<void>;
  readonly emit: (event: EventBody) => void;
  /** Where in the recipe an option of the job stands; without one, its step. */
  readonly locate: (pointer: string | undefined) => Place;
}

/** Does a job, again after a failure if there are attempts left; reports the failures. */
export async function runAttempts(job: Job, options: Attempts): Promise<JobOutcome> {
  for (let attempt = 1; ; attempt++) {
    if (options.control.stopping) return { status: 'interrupted' };
    await options.started(attempt);
    const outcome = await runAttempt(job, options);
    if (outcome.status !== 'failed') return outcome;
    const willRetry = attempt <= options.retry && !PERMANENT.has(outcome.reason) && !options.control.stopping;
    const { reason, message, hint, pointer } = outcome;
    const failure = {
      step: job.instance,
      attempt,
      reason,
      message,
      ...(hint === undefined ? {} : { hint }),
      place: options.locate(pointer),
      willRetry,
    };
    options.emit({ type: 'step-failed', ...failure });
    if (!willRetry) return outcome;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
    await sleep(pause, undefined, { signal: options.control.stop.signal }).catch(() => {});
  }
}

async function runAttempt(job: Job, { executor, control, timeoutMs, emit }: Attempts): Promise<JobOutcome> {
  const execution: Execution = executor.start(job, emit);
  const stop = (): void => execution.stop();
  const kill = (): void => execution.kill();
  control.stop.signal.addEventListener('abort', stop);
  control.kill.signal.addEventListener('abort', kill);
  // Asked to stop while it was being started.
  if (control.stop.signal.aborted) stop();
  if (control.kill.signal.aborted) kill();
  let late = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          kill();
        }, timeoutMs);
  try {
    const outcome = await execution.outcome;
    if (!late || outcome.status !== 'interrupted' || control.stopping) return outcome;
    const message = `the step took longer than its timeout of ${(timeoutMs ?? 0) / 1000} s`;
    return { status: 'failed', reason: 'timeout', message, hint: 'Raise its "timeout" or give it less to do.' };
  } finally {
    clearTimeout(timer);
    control.stop.signal.removeEventListener('abort', stop);
    control.kill.signal.removeEventListener('abort', kill);
  }
}
