import type { Json, JsonObject } from '../util/json.js';
import type { Checked, Checker } from './check.js';
import { type Issue, withoutEchoes } from './issue.js';
import type { Wording } from './keyword-issue.js';
import { child, segments } from './pointer.js';
import { isObject } from './schema-set.js';
import { quote } from './words.js';

/**
 * A recipe whose shell has been checked. Parts that were in error are left out (the errors are known), so that the
 * rest can be checked without errors that only follow from them.
 */
export interface Recipe {
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  readonly params: ReadonlyMap<string, ParamDeclaration | undefined>;
  /** By `key`; those of rounds are in `rounds`, until `unroll` writes them out. */
  readonly steps: ReadonlyMap<string, RecipeStep>;
  readonly rounds: ReadonlyMap<string, RecipeRounds>;
  /** References, as written. */
  readonly outputs: ReadonlyMap<string, string>;
  /** By step, why the claims that it makes are no obstacle. */
  readonly acknowledge: ReadonlyMap<string, string>;
}

/** The long form; `params: {epochs: 3}` means `{type: integer, default: 3}`. */
export interface ParamDeclaration {
  readonly type: 'integer' | 'number' | 'string' | 'boolean';
  readonly default?: Json;
  /** Where the default is written. */
  readonly pointer: string;
  /** `minimum`, `maximum` and `enum`, as a JSON Schema has them. */
  readonly bounds: JsonObject;
}

/** Steps that run round after round. */
export interface RecipeRounds {
  readonly id: string;
  readonly pointer: string;
  /** Undefined if it is in error. */
  readonly count: number | string | undefined;
  /** References by name: what the first round has of the one before, and what the next one has of a round. */
  readonly first: ReadonlyMap<string, string>;
  readonly next: ReadonlyMap<string, string>;
  readonly steps: ReadonlyMap<string, RecipeStep>;
}

/** One of several rounds, numbered from 1. */
export interface Round {
  readonly of: RecipeRounds;
  readonly number: number;
}

export interface RecipeStep {
  readonly id: string;
  /** Its id, or `id[round=2]`: no two steps have the same, rounds written out. */
  readonly key: string;
  readonly round?: Round;
  readonly pointer: string;
  readonly uses: string | undefined;
  /** Undefined if it is in error. */
  readonly with: JsonObject | undefined;
  readonly needs: readonly string[];
  readonly if: boolean | string;
  readonly retry: number;
  readonly timeout: string | undefined;
  readonly cache: boolean;
  readonly matrix: ReadonlyMap<string, readonly Json[]>;
  /** The matrix is in error: nothing is known of its keys. */
  readonly matrixBroken: boolean;
}

const SHELL_WORDING: Wording = {
  subject(pointer) {
    const path = segments(pointer);
    const inRounds = path[0] === 'rounds' && path[2] === 'steps' && path.length > 3;
    if (inRounds) path.splice(0, 2);
    const [group, id] = path;
    if (id !== undefined && (group === 'steps' || group === 'params')) {
      return { noun: 'key', owner: `${group === 'steps' ? 'step' : 'param'} ${quote(id)}`, path: path.slice(2) };
    }
    if (id !== undefined && group === 'rounds')
      return { noun: 'key', owner: `rounds ${quote(id)}`, path: path.slice(2) };
    return { noun: 'key', owner: 'the recipe', path };
  },
};

/** Checks everything but the steps' `with`, whose schemas are the steps' own. */
export function readRecipe(
  root: JsonObject,
  checker: Checker,
  schema: JsonObject,
): { readonly recipe: Recipe; readonly issues: readonly Issue[] } {
  const checked = checker.check(schema, root, '', SHELL_WORDING);
  return { recipe: extract(checked), issues: withoutEchoes(checked.issues) };
}

function extract({ value, issues }: Checked): Recipe {
  // Whatever holds a bad value is dropped as a whole: /steps/a/needs for an error at /steps/a/needs/0.
  const broken = new Set(
    issues
      .filter(({ at }) => at === 'value')
      .map(({ pointer }) => {
        const path = segments(pointer);
        return path.slice(0, path[0] === 'rounds' ? 5 : 3).reduce(child, '');
      }),
  );
  const take = (object: JsonObject, key: string, pointer: string): Json | undefined =>
    broken.has(child(pointer, key)) ? undefined : object[key];
  const group = (key: string, of = value as JsonObject, at = ''): [string, Json | undefined, string][] => {
    const found = take(of, key, at);
    if (!isObject(found)) return [];
    const pointer = child(at, key);
    return Object.keys(found).map((name) => [name, take(found, name, pointer), child(pointer, name)]);
  };
  const texts = (key: string, of?: JsonObject, at?: string): Map<string, string> =>
    new Map(group(key, of, at).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])));
  const steps = (of?: JsonObject, at?: string): Map<string, RecipeStep> =>
    new Map(group('steps', of, at).map(([id, step, pointer]) => [id, readStep(id, step, pointer, take)]));
  const readRounds = (id: string, found: Json | undefined, pointer: string): RecipeRounds => {
    const object = isObject(found) ? found : {};
    return {
      id,
      pointer,
      count: take(object, 'count', pointer) as number | string | undefined,
      first: texts('first', object, pointer),
      next: texts('next', object, pointer),
      steps: steps(object, pointer),
    };
  };
  const root = value as JsonObject;
  return {
    name: (take(root, 'name', '') as string | undefined) ?? '',
    description: (take(root, 'description', '') as string | undefined) ?? '',
    seed: (take(root, 'seed', '') as number | undefined) ?? 0,
    params: new Map(group('params').map(([name, param, pointer]) => [name, readParam(param, pointer, broken)])),
    steps: steps(),
    rounds: new Map(group('rounds').map(([id, found, pointer]) => [id, readRounds(id, found, pointer)])),
    outputs: texts('outputs'),
    acknowledge: texts('acknowledge'),
  };
}

const PARAM_KEYS = ['type', 'default', 'minimum', 'maximum', 'enum'];

function readParam(
  param: Json | undefined,
  pointer: string,
  broken: ReadonlySet<string>,
): ParamDeclaration | undefined {
  if (param === undefined || param === null || PARAM_KEYS.some((key) => broken.has(child(pointer, key)))) {
    return undefined;
  }
  if (!isObject(param)) {
    const type = Number.isInteger(param) ? 'integer' : (typeof param as 'number' | 'string' | 'boolean');
    return { type, default: param, pointer, bounds: {} };
  }
  const { type, default: fallback, description: _, ...bounds } = param;
  if (typeof type !== 'string') return undefined;
  const written = fallback === undefined ? { pointer } : { pointer: child(pointer, 'default'), default: fallback };
  return { type: type as ParamDeclaration['type'], ...written, bounds };
}

function readStep(
  id: string,
  step: Json | undefined,
  pointer: string,
  take: (object: JsonObject, key: string, pointer: string) => Json | undefined,
): RecipeStep {
  const object = isObject(step) ? step : {};
  const get = (key: string) => take(object, key, pointer);
  const matrix = get('matrix');
  return {
    id,
    key: id,
    pointer,
    uses: get('uses') as string | undefined,
    with: 'with' in object ? (get('with') as JsonObject | undefined) : {},
    needs: (get('needs') as string[] | undefined) ?? [],
    if: (get('if') as boolean | string | undefined) ?? true,
    retry: (get('retry') as number | undefined) ?? 0,
    timeout: get('timeout') as string | undefined,
    cache: (get('cache') as boolean | undefined) ?? true,
    matrix: new Map(Object.entries((matrix as Record<string, Json[]> | undefined) ?? {})),
    matrixBroken: matrix === undefined && object.matrix !== undefined,
  };
}
