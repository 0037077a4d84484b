import type { ErrorObject } from 'ajv';
import type { Json, JsonObject } from '../util/json.js';
import type { Issue } from './issue.js';
import { child, display } from './pointer.js';
import { askAbout, closest, didYouMean } from './suggest.js';
import { describe, plural, quote, typeWords } from './words.js';

/** How messages call the part of a recipe that a schema describes. */
export interface Subject {
  /** `option` inside a step's `with`, `key` elsewhere. */
  readonly noun: string;
  /** `step "student" (train)`, `the recipe`. */
  readonly owner: string;
  /** What leads from the owner to the value, e.g. `['stages', '0', 'epochs']`. */
  readonly path: readonly string[];
}

/** Words for the value at a pointer. */
export interface Wording {
  subject(pointer: string): Subject;
  /** What to call a value that must not be shown, such as one from the environment. */
  secret?(pointer: string): string | undefined;
}

/** `option "stages[0].epochs" of step "student" (train)`, or the owner itself. */
function nameOf({ noun, owner, path }: Subject): string {
  return path.length === 0 ? owner : `${noun} ${quote(display(path))} of ${owner}`;
}

/** `stages[0] of step "student" (train)`: a mapping that lacks or has too much of something. */
function holderOf({ owner, path }: Subject): string {
  return path.length === 0 ? owner : `${display(path)} of ${owner}`;
}

export function unknownKey(wording: Wording, pointer: string, key: string, known: readonly string[]): Issue {
  const subject = wording.subject(pointer);
  const { noun } = subject;
  const meant = closest(key, known);
  return {
    code: noun === 'option' ? 'unknown-option' : 'unknown-key',
    message: `unknown ${noun} ${quote(key)} in ${holderOf(subject)}`,
    hint: askAbout(meant),
    pointer: child(pointer, key),
    at: 'key',
    ...(meant === undefined ? {} : { meant }),
  };
}

export function missingKey(wording: Wording, pointer: string, key: string, hint?: string): Issue {
  const subject = wording.subject(pointer);
  const { noun } = subject;
  const code = noun === 'option' ? 'missing-option' : 'missing-key';
  return {
    code,
    message: `${holderOf(subject)} needs the ${noun} ${quote(key)}`,
    hint,
    pointer,
    at: 'key',
    missing: key,
  };
}

/** Says that the value must be something else: `…must be an integer, not the string "four"`. */
export function badValue(
  wording: Wording,
  issue: { code: string; pointer: string; value: Json; must: string; hint?: string | undefined },
): Issue {
  const { code, pointer, value, must, hint } = issue;
  const secret = wording.secret?.(pointer);
  const message = `${nameOf(wording.subject(pointer))} must ${must}, not ${secret ?? describe(value)}`;
  return { code, message, hint: secret === undefined ? hint : undefined, pointer, at: 'value' };
}

export function wrongType(wording: Wording, pointer: string, value: Json, types: readonly string[]): Issue {
  return badValue(wording, { code: 'wrong-type', pointer, value, must: `be ${typeWords(types)}` });
}

/** A value that is none of those allowed. */
export function notListed(wording: Wording, pointer: string, value: Json, allowed: readonly Json[]): Issue {
  const words = allowed.map((one) => (typeof one === 'string' ? quote(one) : String(one)));
  const must = words.length === 1 ? `be ${words[0]}` : `be one of ${words.join(', ')}`;
  const texts = allowed.filter((one) => typeof one === 'string');
  const hint = typeof value === 'string' ? didYouMean(value, texts) : undefined;
  return badValue(wording, { code: 'bad-value', pointer, value, must, hint });
}

/**
 * An error of ajv's about one schema node as an issue; undefined for those that only sum up others.
 * @param filled keys that have their default; one of them may be what a misspelt key means
 */
export function keywordIssue(
  error: ErrorObject,
  pointer: string,
  wording: Wording,
  filled: ReadonlySet<string>,
): Issue | undefined {
  const params = error.params as Record<string, Json>;
  const value = error.data as Json;
  const schema = error.parentSchema as JsonObject;
  const at = pointer + error.instancePath;
  const limit = params.limit as number;
  const bad = (code: string, must: string): Issue => {
    const expected = typeof schema['x-expect'] === 'string' ? `be ${schema['x-expect']}` : must;
    return badValue(wording, { code, pointer: at, value, must: expected });
  };
  switch (error.keyword) {
    case 'additionalProperties': {
      const free = Object.keys(schema.properties ?? {}).filter(
        (key) => filled.has(key) || !Object.hasOwn(value as JsonObject, key),
      );
      return unknownKey(wording, at, String(params.additionalProperty), free);
    }
    case 'required':
    case 'dependentRequired':
      return missingKey(wording, at, String(params.missingProperty));
    case 'type':
      return wrongType(wording, at, value, [schema.type as string | string[]].flat());
    case 'enum':
      return notListed(wording, at, value, params.allowedValues as Json[]);
    case 'const':
      return notListed(wording, at, value, [params.allowedValue as Json]);
    case 'minimum':
      return bad('out-of-range', `be at least ${limit}`);
    case 'maximum':
      return bad('out-of-range', `be at most ${limit}`);
    case 'exclusiveMinimum':
      return bad('out-of-range', `be more than ${limit}`);
    case 'exclusiveMaximum':
      return bad('out-of-range', `be less than ${limit}`);
    case 'multipleOf':
      return bad('out-of-range', `be a multiple of ${params.multipleOf}`);
    case 'minLength':
      return bad('out-of-range', limit === 1 ? 'not be empty' : `have at least ${plural(limit, 'character')}`);
    case 'maxLength':
      return bad('out-of-range', `have at most ${plural(limit, 'character')}`);
    case 'pattern':
      return bad('bad-value', `match ${String(params.pattern)}`);
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
      return sizeIssue(error.keyword, limit, at, wording, schema);
    case 'uniqueItems':
      return {
        code: 'bad-value',
        message: `${nameOf(wording.subject(at))} holds the same value twice`,
        pointer: child(at, String(params.i)),
        at: 'value',
      };
    case 'not': {
      const both = ((schema.not as JsonObject).required ?? []) as string[];
      const keys = both.map(quote).join(' and ');
      const message = `${holderOf(wording.subject(at))} cannot have both ${keys}`;
      return { code: 'bad-value', message, hint: 'Give one of them', pointer: child(at, both.at(-1) ?? ''), at: 'key' };
    }
    case 'if':
    case 'propertyNames':
      return undefined;
    default:
      return {
        code: 'bad-value',
        message: `${nameOf(wording.subject(at))} ${error.message}`,
        pointer: at,
        at: 'value',
      };
  }
}

function sizeIssue(keyword: string, limit: number, at: string, wording: Wording, schema: JsonObject): Issue {
  const bound = keyword.startsWith('min') ? 'at least' : 'at most';
  const size = plural(limit, keyword.endsWith('Items') ? 'item' : 'key');
  const must = typeof schema['x-expect'] === 'string' ? `be ${schema['x-expect']}` : `have ${bound} ${size}`;
  return { code: 'out-of-range', message: `${nameOf(wording.subject(at))} must ${must}`, pointer: at, at: 'value' };
}
