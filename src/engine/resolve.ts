import type { Json, JsonObject } from '../util/json.js';
import type { Issue } from './issue.js';
import type { Combination } from './matrix.js';
import type { ParamValue } from './params.js';
import { child } from './pointer.js';
import type { RecipeStep } from './recipe.js';
import { type Part, parseTemplate, type ReferencePart, wholeReference } from './reference.js';
import { isObject } from './schema-set.js';
import { didYouMean } from './suggest.js';
import { describe, quote } from './words.js';

/** What the references of one step instance can mean. */
export interface Scope {
  readonly step: RecipeStep;
  readonly params: ReadonlyMap<string, ParamValue>;
  readonly combination: Combination;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a matrix value is written, in words. */
  matrixOrigin(key: string, index: number): string;
}

/** Where a value that the recipe does not write in place comes from. */
export type Origin =
  | { readonly kind: 'value'; readonly words: string }
  | { readonly kind: 'env'; readonly name: string; readonly text: string };

export interface Resolved {
  readonly value: JsonObject;
  readonly origins: ReadonlyMap<string, Origin>;
  /** Pointers of values that are unknown because of an issue already reported. */
  readonly holes: ReadonlySet<string>;
  readonly issues: readonly Issue[];
  /** Matrix keys that were used. */
  readonly used: ReadonlySet<string>;
}

/** Replaces every reference in a step's options by its value; those to the environment by the variable's. */
export function resolveOptions(options: JsonObject, pointer: string, scope: Scope): Resolved {
  const resolver = new Resolver(scope);
  const value = resolver.visit(options, pointer) as JsonObject;
  const { origins, holes, issues, used } = resolver;
  return { value, origins, holes, issues, used };
}

/** Whether a step's `if` says yes. An `if` in error counts as yes. */
export function resolveCondition(scope: Scope): {
  enabled: boolean;
  issues: readonly Issue[];
  used: ReadonlySet<string>;
} {
  const condition = scope.step.if;
  const resolver = new Resolver(scope);
  const { issues, used } = resolver;
  if (typeof condition === 'boolean') return { enabled: condition, issues, used };
  const pointer = child(scope.step.pointer, 'if');
  const bad = (message: string) => {
    issues.push({
      code: 'bad-condition',
      message,
      hint: 'Write true, false, ${{ params.NAME }} or ${{ matrix.KEY }}',
      pointer,
      at: 'value',
    });
    return { enabled: true, issues, used };
  };
  const parts = parseTemplate(condition);
  const reference = wholeReference(parts);
  const owner = `"if" of step ${quote(scope.step.id)}`;
  if (parts.every((part) => part.type === 'text'))
    return bad(`${owner} is ${describe(condition)}, but no code is evaluated here`);
  if (reference && ['output', 'before', 'rounds', 'env'].includes(reference.reference.kind)) {
    return bad(`${owner} cannot depend on ${reference.raw}`);
  }
  const value = resolver.visit(condition, pointer);
  if (resolver.holes.size > 0 || typeof value === 'boolean') return { enabled: value !== false, issues, used };
  if (Number.isInteger(value)) return { enabled: value !== 0, issues, used };
  return bad(`${owner} is ${describe(value)}, which is neither a boolean nor an integer`);
}

class Resolver {
  readonly origins = new Map<string, Origin>();
  readonly holes = new Set<string>();
  readonly issues: Issue[] = [];
  readonly used = new Set<string>();

  constructor(private readonly scope: Scope) {}

  visit(value: Json, pointer: string): Json {
    if (typeof value === 'string') return this.text(value, pointer);
    if (Array.isArray(value)) return value.map((item, i) => this.visit(item, child(pointer, i)));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.visit(item, child(pointer, key))]));
  }

  private text(text: string, pointer: string): Json {
    if (!text.includes('${{')) return text;
    const parts = parseTemplate(text);
    const whole = wholeReference(parts);
    const values = parts.map((part) => this.part(part, pointer, whole !== undefined));
    if (values.includes(undefined)) {
      this.holes.add(pointer);
      return text;
    }
    if (whole) return values[0] as Json;
    return values.map(String).join('');
  }

  /** The value of a part; undefined if there is none, for a reason that has been reported. */
  private part(part: Part, pointer: string, whole: boolean): Json | undefined {
    if (part.type === 'text') return part.text;
    if (part.type === 'bad') {
      this.issues.push({ ...referenceIssue('bad-reference', part, pointer, part.message), hint: part.hint });
      return undefined;
    }
    const { reference } = part;
    switch (reference.kind) {
      case 'param':
        return this.param(part, reference.name, pointer);
      case 'matrix':
        return this.matrix(part, reference.key, pointer, whole);
      case 'env':
        return this.environment(part, reference.name, pointer, whole);
      case 'output':
      case 'before':
      case 'rounds': {
        const message = `the output of a step can only be given to an input, and this is none`;
        return this.fail('misplaced-reference', part, pointer, message);
      }
    }
  }

  private param(part: ReferencePart, name: string, pointer: string): Json | undefined {
    const { params } = this.scope;
    if (!params.has(name)) {
      const hint = didYouMean(name, params.keys()) ?? (params.size === 0 ? 'The recipe has no params' : undefined);
      return this.fail('unknown-param', part, pointer, `unknown param ${quote(name)}`, hint);
    }
    const param = params.get(name);
    if (param) this.origins.set(pointer, { kind: 'value', words: param.origin });
    return param?.value;
  }

  private matrix(part: ReferencePart, key: string, pointer: string, whole: boolean): Json | undefined {
    const { step, combination } = this.scope;
    this.used.add(key);
    const found = combination.values.get(key);
    if (found === undefined) {
      if (step.matrixBroken) return undefined;
      const message =
        step.matrix.size === 0
          ? `step ${quote(step.id)} has no matrix`
          : `the matrix of step ${quote(step.id)} has no key ${quote(key)}`;
      return this.fail('unknown-matrix-key', part, pointer, message, didYouMean(key, step.matrix.keys()));
    }
    // Reported where the matrix is.
    if (JSON.stringify(found.value).includes('${{')) return undefined;
    if (!whole && isObject(found.value)) {
      return this.fail('misplaced-reference', part, pointer, `matrix.${key} is a mapping and cannot be part of a text`);
    }
    this.origins.set(pointer, { kind: 'value', words: this.scope.matrixOrigin(key, found.index) });
    return structuredClone(found.value);
  }

  private environment(part: ReferencePart, name: string, pointer: string, whole: boolean): Json | undefined {
    if (!whole) {
      const hint = 'Let the variable hold the whole text';
      return this.fail('misplaced-reference', part, pointer, `env.${name} cannot be part of a longer text`, hint);
    }
    const value = Object.hasOwn(this.scope.env, name) ? this.scope.env[name] : undefined;
    this.origins.set(pointer, { kind: 'env', name, text: part.raw });
    if (value !== undefined) return value;
    const message = `the environment variable ${name} is not set`;
    return this.fail('env-not-set', part, pointer, message, `Set it first: export ${name}=…`);
  }

  private fail(code: string, part: ReferencePart, pointer: string, message: string, hint?: string): undefined {
    this.issues.push({ ...referenceIssue(code, part, pointer, message), hint });
  }
}

/** An issue about one `${{ … }}` in the text at a pointer. */
export function referenceIssue(
  code: string,
  part: { raw: string; nth: number },
  pointer: string,
  message: string,
): Issue {
  return { code, message, pointer, at: 'value', part: { text: part.raw, nth: part.nth } };
}
