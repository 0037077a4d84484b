import type { EventBody } from './event.js';
import type { Job, JobOutcome } from './executor.js';

/** What an executor tells a worker process, one job at a time. */
export type ToWorker = { readonly type: 'run'; readonly job: Job } | { readonly type: 'stop' };

/** What a worker process answers. */
export type FromWorker =
  | { readonly type: 'event'; readonly event: EventBody }
  | {
      readonly type: 'done';
      readonly outcome: JobOutcome;
      /** For the log: the stack of a bug. */
      readonly stack?: string;
      /** The process should not be used again: it holds much memory, or its state is doubtful. */
      readonly retire: boolean;
    };
