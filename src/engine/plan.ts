import type { Json, JsonObject } from '../util/json.js';
import type { PlacedClaim } from './step.js';

/** Where in the recipe something stands. 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** One output of one step instance, bound to an input. */
export interface Binding {
  /** Instance id. */
  readonly from: string;
  readonly output: string;
}

/** One of the recipe's outputs. */
export interface OutputBinding extends Binding {
  /** Of one that has several, this one's folder in the output's: the instance. */
  readonly folder?: string;
}

/** A file or folder outside the store that an option names (`x-file: true` in the step's schema). */
export interface ExternalFile {
  /** JSON pointer into `options`. */
  readonly pointer: string;
  readonly path: string;
}

/** An npm package that an option names (`x-package: true`), found from the recipe's folder, then from ours. */
export interface ExternalPackage {
  readonly pointer: string;
  readonly name: string;
  readonly version: string;
  /** Absolute folder of the package. */
  readonly path: string;
}

/** One thing to do: a recipe step, or one combination of its matrix. */
export interface StepInstance {
  /** `student`, or `student[seed=1]`, or `student[hidden=64,seed=1]` (matrix keys in the recipe's order). */
  readonly id: string;
  /** The key in `steps:`. */
  readonly step: string;
  /** Of a step in rounds, which one: `active, round 2`. */
  readonly round?: string;
  readonly uses: string;
  /** Validated, defaults filled in, references resolved; inputs taken out; paths as the recipe writes them. */
  readonly options: JsonObject;
  readonly inputs: Readonly<Record<string, readonly Binding[]>>;
  /** Instance ids of everything that must end before it: inputs and `needs`. */
  readonly needs: readonly string[];
  readonly seed: number;
  /** False if its `if` says no. */
  readonly enabled: boolean;
  /** How many more attempts after a failed one. */
  readonly retry: number;
  readonly timeoutMs?: number;
  readonly cache: boolean;
  readonly files: readonly ExternalFile[];
  readonly packages: readonly ExternalPackage[];
  /**
   * Options that come from the environment: `pointer` into `options`, where the text still is `${{ env.NAME }}`.
   * The value enters only the step's own process; fingerprint, journal and store hold the text.
   */
  readonly environment: readonly { readonly pointer: string; readonly name: string }[];
  /** Claims on what it takes, of a step that records them. */
  readonly claims?: readonly PlacedClaim[];
  readonly place: Place;
}

/** A recipe made concrete: step instances in an order in which they can run. */
export interface Plan {
  /** Absolute path of the recipe. */
  readonly file: string;
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  readonly params: Readonly<Record<string, Json>>;
  /** Where in the recipe steps' options stand, by JSON pointer: `/steps/student/with/stages/0`. */
  readonly places: Readonly<Record<string, Place>>;
  /** Topological; among the ready, the recipe's order. */
  readonly instances: readonly StepInstance[];
  /** The recipe's `outputs:`: what is copied to `out/<name>/<key>` (`<key>/<instance>` for a matrix) at the end. */
  readonly outputs: Readonly<Record<string, readonly OutputBinding[]>>;
}
