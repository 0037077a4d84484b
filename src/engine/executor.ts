import type { JsonObject } from '../util/json.js';
import type { EventBody, OutputRef } from './event.js';
import type { Ancestor, InputArtifact, PlacedClaim } from './step.js';

/** One attempt at one step instance, complete in itself: with the store, it can run anywhere. Plain JSON. */
export interface Job {
  readonly instance: string;
  readonly uses: string;
  /** The step version that was planned; a worker that has another refuses the job. */
  readonly version: number;
  readonly fingerprint: string;
  readonly options: JsonObject;
  readonly inputs: Readonly<Record<string, readonly Omit<InputArtifact, 'path'>[]>>;
  /** Names of the outputs that must exist afterwards: those the recipe refers to. */
  readonly required: readonly string[];
  readonly seed: number;
  readonly threads: number;
  readonly environment: readonly { readonly pointer: string; readonly name: string }[];
  /** Variables that the step reads and whose values nobody may see. */
  readonly secrets: readonly string[];
  /** Recipe and step, without the matrix combination. */
  readonly account: string;
  /** Of a step that records them. */
  readonly claims?: readonly PlacedClaim[];
  readonly lineage?: readonly Ancestor[];
}

export type JobOutcome =
  | { readonly status: 'ok'; readonly outputs: Readonly<Record<string, OutputRef>>; readonly peakMemory: number }
  | {
      readonly status: 'failed';
      readonly reason: string;
      readonly message: string;
      readonly hint?: string;
      /** JSON pointer into the options of what it is about. */
      readonly pointer?: string;
    }
  /** It was asked to stop and did, after saving what it could. */
  | { readonly status: 'interrupted' };

/** A job under way. */
export interface Execution {
  readonly outcome: Promise<JobOutcome>;
  /** Asks it to stop after a checkpoint. */
  stop(): void;
  /** Ends it at once. */
  kill(): void;
}

/** Where jobs run: child processes of this machine, or anything else that shares the store. */
export interface Executor {
  /** Starts a job; what it reports while it runs (progress, log, checkpoint, table) goes to `emit`. */
  start(job: Job, emit: (event: EventBody) => void): Execution;
  /** Ends every process it holds. */
  close(): Promise<void>;
}
