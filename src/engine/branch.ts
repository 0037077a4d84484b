import type { Json, JsonObject } from '../util/json.js';
import { isObject, type SchemaNode, type SchemaSet } from './schema-set.js';

/** Which branch of an `anyOf` or `oneOf` a value means, or what is wrong with it before any branch can be chosen. */
export type Choice =
  | { readonly branch: SchemaNode }
  /** No branch takes values of this type. */
  | { readonly types: readonly string[] }
  /** A tagged union (`type: bert`): the tag is missing or is none of these. */
  | { readonly tag: string; readonly values: readonly string[] };

/**
 * Chooses as a person would: by the type of the value first (a short form is a text, the long form a mapping), then
 * by the tag that all mappings carry, among those of one tag by a second tag, then by the keys they share. So an error
 * is about the form that was meant, where plain JSON Schema would report the failures of every form.
 */
export function chooseBranch(set: SchemaSet, branches: readonly SchemaNode[], value: Json): Choice {
  const flat = branches.flatMap((branch) => flatten(set, branch));
  const fitting = flat.filter((branch) => admits(typesOf(branch), value, true));
  const near = fitting.length > 0 ? fitting : flat.filter((branch) => admits(typesOf(branch), value, false));
  const [first] = near;
  if (first === undefined) return { types: [...new Set(flat.flatMap(typesOf))] };
  if (near.length === 1 && !isObject(value)) return { branch: first };
  if (isObject(value)) return chooseMapping(near, value);
  return { branch: chooseOther(near, value) };
}

/** Unions directly inside a union are one union. */
function flatten(set: SchemaSet, node: SchemaNode): SchemaNode[] {
  const inner = node.schema.oneOf ?? node.schema.anyOf;
  if (inner === undefined || node.schema.properties !== undefined) return [node];
  return set.subs(node, inner).flatMap((branch) => flatten(set, branch));
}

function chooseMapping(branches: readonly SchemaNode[], value: JsonObject, used: readonly string[] = []): Choice {
  const tag = tagOf(branches, used);
  if (tag === undefined) {
    const shared = (branch: SchemaNode) => {
      const properties = isObject(branch.schema.properties) ? branch.schema.properties : {};
      return Object.keys(value).filter((key) => Object.hasOwn(properties, key)).length;
    };
    return { branch: branches.reduce((best, branch) => (shared(branch) > shared(best) ? branch : best)) };
  }
  const given = value[tag] ?? defaultOf(branches, tag);
  const [branch, ...others] = branches.filter((candidate) => tagValue(candidate, tag) === given);
  if (branch === undefined) {
    return { tag, values: [...new Set(branches.map((candidate) => String(tagValue(candidate, tag))))] };
  }
  return others.length > 0 ? chooseMapping([branch, ...others], value, [...used, tag]) : { branch };
}

/** The property that is a constant in every branch, of those that have not been looked at. */
function tagOf(branches: readonly SchemaNode[], used: readonly string[]): string | undefined {
  const [first] = branches;
  if (!first || !isObject(first.schema.properties)) return undefined;
  return Object.keys(first.schema.properties).find(
    (key) => !used.includes(key) && branches.every((branch) => tagValue(branch, key) !== undefined),
  );
}

function tagProperty({ schema }: SchemaNode, key: string): JsonObject | undefined {
  const property = isObject(schema.properties) ? schema.properties[key] : undefined;
  return isObject(property) ? property : undefined;
}

const tagValue = (branch: SchemaNode, key: string): Json | undefined => tagProperty(branch, key)?.const;

/** The tag of the branch that is meant where a value has none. */
const defaultOf = (branches: readonly SchemaNode[], key: string): Json | undefined =>
  branches.map((branch) => tagProperty(branch, key)?.default).find((fallback) => fallback !== undefined);

/** Of several forms of one type: the one that lists the value, else one that lists none, else all lists as one. */
function chooseOther(branches: readonly SchemaNode[], value: Json): SchemaNode {
  const listed = (branch: SchemaNode): Json[] | undefined =>
    branch.schema.const !== undefined ? [branch.schema.const] : (branch.schema.enum as Json[] | undefined);
  const exact = branches.find((branch) => listed(branch)?.includes(value));
  const open = branches.find((branch) => listed(branch) === undefined);
  const chosen = exact ?? open;
  if (chosen) return chosen;
  return { schema: { enum: branches.flatMap((branch) => listed(branch) ?? []) }, base: branches[0]?.base ?? '' };
}

/** The types a schema takes, as far as it says; all of them if it does not. */
function typesOf({ schema }: SchemaNode): string[] {
  if (schema.type !== undefined) return [schema.type].flat().map(String);
  const listed = schema.const !== undefined ? [schema.const] : schema.enum;
  if (Array.isArray(listed)) return [...new Set(listed.map(typeOf))];
  if (schema.properties !== undefined) return ['object'];
  if (schema.items !== undefined) return ['array'];
  return ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** @param exact whether 2.5 is no integer; without it the branch for integers may explain what is wrong with it */
function admits(types: readonly string[], value: Json, exact: boolean): boolean {
  const type = typeOf(value);
  if (types.includes(type) || (type === 'integer' && types.includes('number'))) return true;
  return !exact && type === 'number' && types.includes('integer');
}
