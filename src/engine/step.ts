import type { Json } from '../util/json.js';

export { DAMAGED_INPUT, StepFailure } from '../util/failure.js';

/**
 * What kind of thing an artifact is: `dataset`, `tokenizer`, `model`, `logits`, `report`, `measurement`, …
 * The engine compares kinds and knows none of them but `measurement`, whose values are stored and shown but never
 * hashed: milliseconds, memory and money differ from run to run.
 */
export type Kind = string;

export interface InputSpec {
  readonly kind: Kind;
  /** The step also runs without it. */
  readonly optional: boolean;
  /** Any number of artifacts, in the order the recipe gives them; a matrix step's output is such a list. */
  readonly list: boolean;
  /** The step shows the producing step's name, so the name is part of the fingerprint. */
  readonly named: boolean;
}

/** One artifact of this kind. */
export const one = (kind: Kind): InputSpec => ({ kind, optional: false, list: false, named: false });
/** One artifact of this kind, or none. */
export const optional = (kind: Kind): InputSpec => ({ kind, optional: true, list: false, named: false });
/** One or more artifacts of this kind. */
export const list = (kind: Kind): InputSpec => ({ kind, optional: false, list: true, named: false });
/** The same input, whose results carry the name of the step that produced it. */
export const named = (spec: InputSpec): InputSpec => ({ ...spec, named: true });

export const LANES = ['compute', 'network', 'io'] as const;
/** What a step mostly waits for; each lane has its own queue. One compute step at a time gets all threads. */
export type Lane = (typeof LANES)[number];

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Plural noun: `updates`, `mails`, `rows`. */
  readonly unit: string;
  /** What is going on, where a step has several phases: `stage 1 of 2`, `parsing`. */
  readonly phase?: string;
  /** Training loss, averaged over the updates since the last report. */
  readonly loss?: number;
  /** The parts of the loss by name, before their weights: a badly scaled one is seen here. */
  readonly losses?: Readonly<Record<string, number>>;
  /** Global norm of the last update's gradient, before clipping. */
  readonly gradientNorm?: number;
  /** US dollars spent so far. */
  readonly cost?: number;
}

/** A small table that a step wants people to see: strings, already formatted. */
export interface Table {
  readonly title: string;
  readonly columns: readonly { readonly label: string; readonly align: 'left' | 'right' }[];
  readonly rows: readonly (readonly string[])[];
  /** Printed below, one a line. */
  readonly notes: readonly string[];
}

export interface InputArtifact {
  readonly kind: Kind;
  readonly digest: string;
  /** The step instance that produced it, e.g. `student[seed=1]`. */
  readonly from: string;
  /** Absolute folder, read-only. For kind `measurement` there is no folder; see `value`. */
  readonly path: string;
  readonly value?: Json;
}

export interface Checkpoints {
  /**
   * Stores a checkpoint under a name, replacing an older one of that name. `fill` writes files into an empty folder.
   * When the promise resolves the checkpoint survives `kill -9`.
   */
  save(name: string, fill: (folder: string) => Promise<void>): Promise<void>;
  /** The folder (read-only) of the checkpoint of that name that an earlier attempt left, if any. */
  load(name: string): Promise<string | undefined>;
  /** Whether to save one now: the last save, or the start, is some seconds ago, or the user asks to stop. */
  due(): boolean;
}

/** All that a step may know of the world. Steps touch no console, environment, clock or `Math.random`. */
export interface StepContext<Options> {
  /** Validated against the step's schema, with its defaults filled in; inputs are taken out. Paths are absolute. */
  readonly options: Options;
  /** The artifact bound to a single input. Throws (a bug) if the input is not declared or is optional and absent. */
  input(name: string): InputArtifact;
  optionalInput(name: string): InputArtifact | undefined;
  inputList(name: string): readonly InputArtifact[];
  /** A fresh, empty folder; what it holds when `run` resolves becomes the artifact. Ask once an output. */
  output(name: string): Promise<string>;
  /** The value of an output of kind `measurement`. */
  measure(name: string, value: Json): void;
  readonly checkpoint: Checkpoints;
  /**
   * An absolute folder that outlives runs and is shared by all steps of a workplace, several at a time too: what a step
   * keeps there may be gone tomorrow or damaged, and must never change its result.
   * @param name kebab-case, the same in every step that shares the folder
   */
  sharedFolder(name: string): Promise<string>;
  /** Every random draw derives from it (`util/random.ts`). */
  readonly seed: number;
  /** A variable that the step declares in `environment`; undefined where it is not set. Throws (a bug) for another. */
  variable(name: string): string | undefined;
  /** Threads that a compute step may use. */
  readonly threads: number;
  /** Milliseconds; for measurements, never for what is computed. */
  now(): number;
  /** Aborted when the user asks to stop: save a checkpoint (`due` says so), then `signal.throwIfAborted()`. */
  readonly signal: AbortSignal;
  /**
   * Reports progress. Also resolves only after the event loop has turned, so a loop of blocking work that awaits it
   * stays stoppable. Cheap to call often: reports are thinned to a few a second.
   */
  progress(progress: Progress): Promise<void>;
  log(level: 'info' | 'warning', message: string): void;
  show(table: Table): void;
}

export interface StepDefinition<Options = never> {
  /** kebab-case; `uses:` in a recipe, and the name of `schemas/steps/<name>.schema.json`. */
  readonly name: string;
  /** Raised whenever the same options and inputs give other bytes; part of every fingerprint. */
  readonly version: number;
  /** One line for `recipe steps`. */
  readonly summary: string;
  /** Keys of `with` that take `${{ steps.<id>.outputs.<name> }}`. */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly outputs: Readonly<Record<string, Kind>>;
  readonly lane: Lane;
  /**
   * Environment variables that it reads where they are set: credentials, addresses, caches. They never change a result,
   * so they are no part of the fingerprint; the values of secret ones are hidden in whatever it reports.
   */
  readonly environment?: Readonly<Record<string, 'plain' | 'secret'>>;
  /** npm packages whose installed version changes the result; part of the fingerprint. */
  readonly packages: readonly string[];
  /** Does the work. Throws `StepFailure` for what can be expected to go wrong; any other throw is a bug. */
  run(ctx: StepContext<Options>): Promise<void>;
}

/** What the engine is handed: it looks steps up here and knows none by name. */
export type AnyStep = StepDefinition<never>;

/** Types one step and hides its options from the engine, which checks them by schema instead. */
export function defineStep<Options>(definition: StepDefinition<Options>): AnyStep {
  return definition as AnyStep;
}
