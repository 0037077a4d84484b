import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * A registry of a literal list of steps. Schemas are read when first asked for: `<folder>/steps/<name>.schema.json`
 * for each step, and beside it whatever their `$ref`s lead to.
 * @param schemaFolder every `*.schema.json` below it has an `$id`
 */
export function createRegistry(steps: readonly AnyStep[], schemaFolder: string): Registry {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const files = new Map<string, JsonObject>();
  const read = (file: string): JsonObject => {
    const known = files.get(file);
    if (known) return known;
    const schema = JSON.parse(readFileSync(join(schemaFolder, file), 'utf8')) as JsonObject;
    if (typeof schema.$id !== 'string') throw new Error(`schema ${file} has no "$id"`);
    files.set(file, schema);
    return schema;
  };
  let all: readonly JsonObject[] | undefined;
  return {
    get: (name) => byName.get(name),
    names: () => [...byName.keys()],
    schema: (name) => read(join('steps', `${name}.schema.json`)),
    schemas() {
      all ??= readdirSync(schemaFolder, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.schema.json') && file !== EDITOR_SCHEMA)
        .sort()
        .map(read);
      return all;
    },
  };
}

/** Generated from the others (`npm run generate`), so no part of them. */
const EDITOR_SCHEMA = 'editor.schema.json';
