import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Json, JsonObject } from '../util/json.js';
import { chooseBranch } from './branch.js';
import type { Issue } from './issue.js';
import { keywordIssue, missingKey, notListed, type Wording, wrongType } from './keyword-issue.js';
import { child } from './pointer.js';
import { isObject, type SchemaNode, type SchemaSet } from './schema-set.js';
import { quote } from './words.js';

/**
 * A value that names something outside the recipe: `x-file: true` or `x-package: true` in its schema. One that matches
 * the pattern `x-not-file` names no file. `x-secret: true`: it has to come from the environment.
 */
export interface Mention {
  readonly keyword: 'x-file' | 'x-package' | 'x-secret';
  readonly pointer: string;
  readonly text: string;
}

export interface Checked {
  /** The value with every default filled in, also those of the branches it chose. */
  readonly value: Json;
  readonly issues: readonly Issue[];
  readonly mentions: readonly Mention[];
}

/** Left to the walk below; ajv sees each node without them. */
const WALKED = new Set([
  '$ref',
  '$id',
  '$schema',
  '$defs',
  'allOf',
  'anyOf',
  'oneOf',
  'items',
  'propertyNames',
  'discriminator',
]);
const NOT_SUPPORTED = ['patternProperties', 'prefixItems', 'unevaluatedProperties', 'unevaluatedItems', '$dynamicRef'];
const ANNOTATIONS = [
  'x-input',
  'x-file',
  'x-not-file',
  'x-package',
  'x-secret',
  'x-expect',
  'x-short-for',
  'x-environment',
];

/**
 * Validates values by JSON Schema 2020-12. A walk of ours follows value and schema together, chooses the branch of
 * each union and fills in defaults, which ajv does not do inside unions; at every node ajv checks the node's own
 * keywords. So each mistake gives one issue, at its own place. Compiled nodes are kept.
 *
 * A key that the recipe leaves out takes the value of the environment variable that `x-environment` names, where that is
 * set, before its default.
 */
export class Checker {
  private readonly ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
  });
  private readonly compiled = new WeakMap<JsonObject, ValidateFunction>();

  constructor(
    private readonly set: SchemaSet,
    private readonly environment: Readonly<Record<string, string | undefined>>,
  ) {
    this.ajv.addVocabulary(ANNOTATIONS);
  }

  /** Checks a copy of `value`; pointers of the result start with `pointer`. */
  check(schema: JsonObject, value: Json, pointer: string, wording: Wording): Checked {
    const walk = new Walk(this.set, wording, this.environment, (node) => this.validator(node));
    const copy = structuredClone(value);
    walk.visit(this.set.resolve(this.set.root(schema)), copy, pointer);
    return { value: copy, issues: walk.issues, mentions: walk.mentions };
  }

  private validator(schema: JsonObject): ValidateFunction {
    const known = this.compiled.get(schema);
    if (known) return known;
    const unsupported = NOT_SUPPORTED.find((keyword) => keyword in schema);
    if (unsupported) throw new Error(`schemas here cannot use "${unsupported}"`);
    const own = Object.entries(schema).filter(([keyword]) => !WALKED.has(keyword));
    const local: JsonObject = Object.fromEntries(own);
    if (isObject(local.properties)) {
      local.properties = Object.fromEntries(Object.keys(local.properties).map((key) => [key, true]));
    }
    if (isObject(local.additionalProperties)) delete local.additionalProperties;
    const validate = this.ajv.compile(local);
    this.compiled.set(schema, validate);
    return validate;
  }
}

class Walk {
  readonly issues: Issue[] = [];
  readonly mentions: Mention[] = [];

  constructor(
    private readonly set: SchemaSet,
    private readonly wording: Wording,
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly validator: (schema: JsonObject) => ValidateFunction,
  ) {}

  visit(node: SchemaNode, value: Json, pointer: string): void {
    const nodes = this.applicable(node, value, pointer);
    if (nodes === undefined) return;
    const filled = new Set(isObject(value) ? nodes.flatMap((each) => this.fillDefaults(each, value, pointer)) : []);
    if (!nodes.map((each) => this.checkNode(each, value, pointer, filled)).every(Boolean)) return;
    for (const each of nodes) this.children(each, value, pointer);
  }

  /** All schemas that a value must meet: the node, its `allOf`, the chosen branches. Undefined if none can be chosen. */
  private applicable(node: SchemaNode, value: Json, pointer: string): SchemaNode[] | undefined {
    const nodes = [node];
    for (const part of this.set.subs(node, node.schema.allOf)) {
      const more = this.applicable(part, value, pointer);
      if (more === undefined) return undefined;
      nodes.push(...more);
    }
    const branches = this.set.subs(node, node.schema.oneOf ?? node.schema.anyOf);
    if (branches.length === 0) return nodes;
    const choice = chooseBranch(this.set, branches, value);
    if ('branch' in choice) {
      const more = this.applicable(choice.branch, value, pointer);
      return more && [...nodes, ...more];
    }
    if ('types' in choice) {
      this.issues.push(wrongType(this.wording, pointer, value, choice.types));
      return undefined;
    }
    const { tag, values } = choice;
    const given = (value as JsonObject)[tag];
    this.issues.push(
      given === undefined
        ? missingKey(this.wording, pointer, tag, `It is one of ${values.map(quote).join(', ')}`)
        : notListed(this.wording, child(pointer, tag), given, values),
    );
    return undefined;
  }

  /** Returns the keys that were not given. */
  private fillDefaults(node: SchemaNode, value: JsonObject, pointer: string): string[] {
    const properties = isObject(node.schema.properties) ? node.schema.properties : {};
    return Object.entries(properties).flatMap(([key, property]) => {
      if (Object.hasOwn(value, key)) return [];
      const { schema } = this.set.sub(node, property);
      const fallback = this.fromEnvironment(schema, pointer) ?? schema.default;
      if (fallback === undefined) return [];
      value[key] = structuredClone(fallback);
      return [key];
    });
  }

  private fromEnvironment(schema: JsonObject, pointer: string): string | undefined {
    const name = schema['x-environment'];
    const found = typeof name === 'string' ? this.environment[name] : undefined;
    if (found === undefined || found === '' || !Array.isArray(schema.enum)) return undefined;
    if (schema.enum.includes(found)) return found;
    const message = `the environment variable ${name} is ${quote(found)}, not one of ${schema.enum.join(', ')}`;
    this.issues.push({ code: 'bad-value', message, pointer, at: 'value' });
    return undefined;
  }

  /** Whether the value has the right type, so that looking into it makes sense. */
  private checkNode({ schema }: SchemaNode, value: Json, pointer: string, filled: ReadonlySet<string>): boolean {
    for (const keyword of ['x-file', 'x-package', 'x-secret'] as const) {
      if (schema[keyword] !== true || typeof value !== 'string') continue;
      const excluded = keyword === 'x-file' && schema['x-not-file'];
      if (typeof excluded === 'string' && new RegExp(excluded, 'u').test(value)) continue;
      this.mentions.push({ keyword, pointer, text: value });
    }
    const validate = this.validator(schema);
    if (validate(value)) return true;
    const errors = validate.errors ?? [];
    const typeError = errors.find((error) => error.keyword === 'type' && error.instancePath === '');
    for (const error of typeError ? [typeError] : errors) {
      const issue = keywordIssue(error, pointer, this.wording, filled);
      if (issue) this.issues.push(issue);
    }
    return typeError === undefined;
  }

  private children(node: SchemaNode, value: Json, pointer: string): void {
    const { schema } = node;
    if (Array.isArray(value) && schema.items !== undefined) {
      const items = this.set.sub(node, schema.items);
      for (const [i, item] of value.entries()) {
        value[i] = this.longForm(items, item);
        this.visit(items, value[i], child(pointer, i));
      }
    }
    if (!isObject(value)) return;
    const properties = isObject(schema.properties) ? schema.properties : {};
    const others = isObject(schema.additionalProperties) ? this.set.sub(node, schema.additionalProperties) : undefined;
    const names = isObject(schema.propertyNames) ? this.set.sub(node, schema.propertyNames) : undefined;
    for (const [key, item] of Object.entries(value)) {
      const at = child(pointer, key);
      if (names && !this.validator(names.schema)(key)) {
        const message = `${quote(key)} is not ${String(names.schema['x-expect'] ?? 'a valid name')}`;
        this.issues.push({ code: 'invalid-name', message, pointer: at, at: 'key' });
      }
      const schema = Object.hasOwn(properties, key) ? this.set.sub(node, properties[key]) : others;
      if (!schema) continue;
      value[key] = this.longForm(schema, item);
      this.visit(schema, value[key], at);
    }
  }

  /**
   * A short form means exactly one long form: where a union has the branch `{enum: […], "x-short-for": "type"}`, the
   * text `hard-label` becomes `{type: hard-label}`, with all defaults. Steps and fingerprints see the long form only.
   */
  private longForm(node: SchemaNode, value: Json): Json {
    if (typeof value !== 'string') return value;
    for (const { schema } of this.set.subs(node, node.schema.oneOf ?? node.schema.anyOf)) {
      const key = schema['x-short-for'];
      if (typeof key === 'string' && Array.isArray(schema.enum) && schema.enum.includes(value)) return { [key]: value };
    }
    return value;
  }
}
