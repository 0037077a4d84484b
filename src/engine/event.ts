import type { Json } from '../util/json.js';
import type { Place } from './plan.js';
import type { Progress, Table } from './step.js';

/** How an output of a finished step is found: an artifact in the store, or a measured value. */
export type OutputRef =
  | { readonly kind: string; readonly digest: string }
  | { readonly kind: 'measurement'; readonly value: Json };

/** Why a step runs, or why it need not. */
export type Why =
  /** Its fingerprint has a result in the store. */
  | { readonly reason: 'up-to-date' }
  /** Never finished with this recipe before. */
  | { readonly reason: 'new' }
  /** What of the fingerprint differs from the last finished run, e.g. `option "epochs": 3 → 4`, `input "data"`. */
  | { readonly reason: 'changed'; readonly changes: readonly string[] }
  /** `cache: false` in the recipe. */
  | { readonly reason: 'uncached' }
  /** An earlier attempt left checkpoints. */
  | { readonly reason: 'resume' };

export interface PlannedStep {
  readonly id: string;
  readonly uses: string;
  readonly needs: readonly string[];
}

/**
 * Everything that happens in a run, in order: written to the journal (one JSON object a line) and handed to one
 * reporter. `at` is milliseconds since the epoch. `step` is an instance id, e.g. `student[seed=1]`.
 */
export type Event = { readonly at: number } & (
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly recipe: string;
      readonly name: string;
      readonly resumed: boolean;
      readonly steps: readonly PlannedStep[];
    }
  | {
      readonly type: 'step-started';
      readonly step: string;
      readonly attempt: number;
      readonly fingerprint: string;
      readonly why: Why;
    }
  | { readonly type: 'step-progress'; readonly step: string; readonly progress: Progress; readonly memory: number }
  | { readonly type: 'step-log'; readonly step: string; readonly level: 'info' | 'warning'; readonly message: string }
  | { readonly type: 'step-checkpoint'; readonly step: string; readonly name: string }
  | { readonly type: 'step-table'; readonly step: string; readonly table: Table }
  | {
      readonly type: 'step-finished';
      readonly step: string;
      readonly fingerprint: string;
      readonly outputs: Readonly<Record<string, OutputRef>>;
      /** Taken from the store, nothing was done. */
      readonly cached: boolean;
      readonly seconds: number;
      /** Largest resident size of the step's process, bytes. */
      readonly peakMemory: number;
    }
  | {
      readonly type: 'step-failed';
      readonly step: string;
      readonly attempt: number;
      /** `timeout`, `crashed`, `bug`, or the step's own reason. */
      readonly reason: string;
      readonly message: string;
      readonly hint?: string;
      /** The option that it is about, in the recipe; absent where it is about none. */
      readonly place?: Place;
      readonly willRetry: boolean;
    }
  | {
      readonly type: 'step-skipped';
      readonly step: string;
      /** `condition` = its `if` is false; `upstream` = a step it needs failed, was skipped or was stopped. */
      readonly reason: 'condition' | 'upstream';
      readonly because?: string;
    }
  | { readonly type: 'step-interrupted'; readonly step: string }
  | { readonly type: 'run-stopping' }
  | {
      readonly type: 'run-finished';
      readonly status: 'ok' | 'failed' | 'interrupted';
      readonly seconds: number;
      /** The recipe's `outputs:` by name, and the folder each was copied to. */
      readonly outputs: Readonly<Record<string, string>>;
    }
);

/** Each event without its time, as its producer makes it. */
export type EventBody = Event extends infer E ? (E extends Event ? Omit<E, 'at'> : never) : never;
