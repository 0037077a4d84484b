import type { JsonObject } from '../util/json.js';
import type { AnyStep } from './step.js';

/** The steps there are, by name, and the JSON Schema of each one's `with`. */
export interface Registry {
  get(name: string): AnyStep | undefined;
  /** In the order of the literal list. */
  names(): readonly string[];
  /** The step's `with` schema, `$ref`s to `schemas/*.json` unresolved. */
  schema(name: string): JsonObject;
  /** Every schema under `schemas/`, each with an `$id`, for `$ref`s to resolve. */
  schemas(): readonly JsonObject[];
}
