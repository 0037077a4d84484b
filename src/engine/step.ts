import type { Json, JsonObject } from '../util/json.js';

export { DAMAGED_INPUT, StepFailure } from '../util/failure.js';
export { didYouMean } from './suggest.js';

/**
 * What kind of thing an artifact is: `dataset`, `tokenizer`, `model`, `logits`, `report`, `measurement`, …
 * The engine compares kinds and knows none of them but `measurement`, whose values are stored and shown but never
 * hashed: milliseconds, memory and money differ from run to run.
 */
export type Kind = string;

export interface InputSpec {
  readonly kind: Kind;
  /** Kinds that it takes as well. */
  readonly others: readonly Kind[];
  /** The step also runs without it. */
  readonly optional: boolean;
  /** Any number of artifacts, in the order the recipe gives them; a matrix step's output is such a list. */
  readonly list: boolean;
  /** The step shows the producing step's name, so the name is part of the fingerprint. */
  readonly named: boolean;
  /** It is no key of `with`, but one of each item of this option, a list of mappings: see `each`. */
  readonly within?: string;
}

/** One artifact of this kind. */
export const one = (kind: Kind): InputSpec => ({ kind, others: [], optional: false, list: false, named: false });
/** One artifact of this kind, or none. */
export const optional = (kind: Kind): InputSpec => ({ kind, others: [], optional: true, list: false, named: false });
/** One or more artifacts of this kind. */
export const list = (kind: Kind): InputSpec => ({ kind, others: [], optional: false, list: true, named: false });
/** The same input, which takes artifacts of these kinds as well. */
export const either = (spec: InputSpec, ...others: readonly Kind[]): InputSpec => ({ ...spec, others });
/**
 * An artifact in each item of an option that is a list of mappings, where the item has that key. The item's option is then
 * the artifact's number in the input's list, counted from 1.
 */
export const each = (option: string, kind: Kind, ...others: readonly Kind[]): InputSpec => ({
  kind,
  others,
  optional: true,
  list: true,
  named: false,
  within: option,
});
/** All that an input takes. */
export const kindsOf = ({ kind, others }: InputSpec): readonly Kind[] => [kind, ...others];
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
  /** US dollars spent so far, and what it will be in the end, by what was spent on each so far. */
  readonly cost?: number;
  readonly costInAll?: number;
}

/** A small table that a step wants people to see: strings, already formatted. */
export interface Table {
  readonly title: string;
  readonly columns: readonly { readonly label: string; readonly align: 'left' | 'right' }[];
  readonly rows: readonly (readonly string[])[];
  /** Printed below, one a line. */
  readonly notes: readonly string[];
  /** What a model wrote, which a report shows beside other such. */
  readonly about?: 'samples';
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
  /** Every random draw derives from it (`util/random.ts`). */
  readonly seed: number;
  /** A variable that the step declares in `environment`; undefined where it is not set. Throws (a bug) for another. */
  variable(name: string): string | undefined;
  /**
   * An absolute folder of this name that outlives runs and that all steps of the workplace share, for what was paid for
   * or took long and is found again by its content. It may be gone tomorrow or damaged, and several use it at once: it
   * never changes a result, only what it costs.
   */
  sharedFolder(name: string): Promise<string>;
  /** Whose spending this is: the recipe's name and the step's, `mails/labels`. Never for what is computed. */
  readonly account: string;
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
  /** Claims on what it takes. Throws (a bug) if the step does not record them. */
  claims(): readonly PlacedClaim[];
  /** The steps that its inputs come from, each after its own inputs. Throws (a bug) if the step does not record it. */
  lineage(): readonly Ancestor[];
}

/** A step instance that ended well, as those see it that tell where their results come from. */
export interface Ancestor {
  /** Instance id. */
  readonly step: string;
  readonly uses: string;
  readonly version: number;
  readonly fingerprint: string;
  /** As the fingerprint counts them: of a file its digest, of the environment the reference. */
  readonly options: JsonObject;
  /** Ids of what is bound to each input. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  readonly seed: number;
  /** Versions of the packages that its result depends on. */
  readonly packages: Readonly<Record<string, string>>;
}

/** What a step may look at to say what it will take. */
export interface EstimateContext<Options>
  extends Pick<StepContext<Options>, 'options' | 'input' | 'optionalInput' | 'seed' | 'sharedFolder' | 'account'> {
  /** Bytes that are free on the disk where artifacts are kept. */
  readonly freeBytes: number;
  /** How many rows an input will have, where it is not made yet and what `resembles` it stands in for it. */
  expectedRows(input: string): number | undefined;
}

/** What a step will take. What is not known, or does not matter, is left out. */
export interface Estimate {
  readonly rows?: number;
  /** Rows of which nothing is left to do. */
  readonly done?: number;
  readonly tokens?: number;
  readonly usd?: number;
  readonly seconds?: number;
  readonly bytes?: number;
  /** How it was found, and what speaks against running the step. */
  readonly notes: readonly string[];
}

/** What is known, before anything runs, of each artifact of an input, in their order; undefined where nothing is. */
export type Foreseen = (input: string) => readonly (Json | undefined)[];

export interface OptionProblem {
  /** JSON pointer into the options. */
  readonly pointer: string;
  /** One sentence, without a full stop. */
  readonly message: string;
  readonly hint?: string;
}

/**
 * Something that is true of a step's results and of whatever is made of them, such as the terms of a teacher. The engine
 * carries claims along inputs and knows no topic.
 */
export interface Claim {
  readonly topic: string;
  readonly value: Json;
  /** JSON pointer into the options of the step that makes it. */
  readonly pointer: string;
}

/** A claim and the step that makes it. */
export interface PlacedClaim extends Claim {
  readonly step: string;
  /** Why the recipe's author may go against it; absent if they do not say so. */
  readonly acknowledged?: string;
}

/** What a step says before it runs: with that claim on its inputs it cannot do what its options ask for. */
export interface Refusal {
  readonly claim: Claim;
  /** JSON pointer into the refusing step's options; empty: the step as a whole. */
  readonly pointer: string;
  /** One sentence, to which the claim's place is added. */
  readonly message: string;
  readonly hint: string;
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
  /** Kind of further outputs, whose names its options say: `produces` lists them. */
  readonly namedOutputs?: Kind;
  readonly lane: Lane;
  /**
   * Environment variables that it reads where they are set: credentials, addresses, caches. They never change a result,
   * so they are no part of the fingerprint; the values of secret ones are hidden in whatever it reports.
   */
  readonly environment?: Readonly<Record<string, 'plain' | 'secret'>>;
  /** npm packages whose installed version changes the result, with these options; part of the fingerprint. */
  readonly packages: readonly string[] | ((options: Options) => readonly string[]);
  /** Names of the outputs that it has with these options; without it, all. */
  produces?(options: Options): readonly string[];
  /** Environment variables, of those it declares, without which it cannot run with these options. */
  requires?(options: Options): readonly string[];
  /**
   * What is wrong with its options that no schema can say.
   * @param secret pointers of options whose values come from the environment, as whoever keeps them has to know
   */
  problems?(options: Options, secret: readonly string[]): readonly OptionProblem[];
  /**
   * What is known of its outputs before anything runs, by name. The engine carries it to whoever takes them.
   * @param folder the recipe's, from which paths in options start
   */
  foresees?(
    options: Options,
    known: Foreseen,
    folder: string,
  ): Readonly<Record<string, Json>> | Promise<Readonly<Record<string, Json>>>;
  /** What is wrong with its options beside what is known of its inputs. Asked where `problems` finds none. */
  misfits?(options: Options, known: Foreseen): Promise<readonly OptionProblem[]>;
  /** What holds for its results and for all that is made of them, read from its options before anything runs. */
  claims?(options: Options): readonly Claim[];
  /** Which claims on what it takes forbid what it would do. */
  refuses?(options: Options, claims: readonly Claim[]): readonly Refusal[];
  /** Its result tells the claims on what it takes, so they are part of the fingerprint. */
  readonly recordsClaims?: boolean;
  /** Its result tells the steps that it comes from, so their fingerprints are part of its own. */
  readonly recordsLineage?: boolean;
  /** What it will take, from a sample of what it is given; costs nothing. */
  estimate?(ctx: EstimateContext<Options>): Promise<Estimate>;
  /** Inputs that its estimate needs; without it, all that are given. */
  estimatesFrom?(options: Options): readonly string[];
  /**
   * Outputs that are rows of an input, for the estimates of those that take them: of which input, and how many of its rows
   * are new there, if not all.
   */
  resembles?(options: Options): Readonly<Record<string, { readonly input: string; readonly rows?: number }>>;
  /** What a result that is there has to say to whoever plans; of each output of kind `measurement` its value. */
  recalls?(measured: Readonly<Record<string, Json | undefined>>): readonly string[];
  /** Does the work. Throws `StepFailure` for what can be expected to go wrong; any other throw is a bug. */
  run(ctx: StepContext<Options>): Promise<void>;
}

/** What the engine is handed: it looks steps up here and knows none by name. */
export type AnyStep = StepDefinition<never>;

/** The kind of a step's output of that name; undefined if it has none, whatever its options. */
export const outputKind = ({ outputs, namedOutputs }: AnyStep, name: string): Kind | undefined =>
  Object.hasOwn(outputs, name) ? outputs[name] : namedOutputs;

/** Types one step and hides its options from the engine, which checks them by schema instead. */
export function defineStep<Options>(definition: StepDefinition<Options>): AnyStep {
  return definition as AnyStep;
}
