import { isObject, type SchemaNode, type SchemaSet } from '../engine/schema-set.js';
import { wrap } from '../ui/format.js';
import type { Json } from '../util/json.js';

interface Place {
  readonly width: number;
  readonly indent: string;
}

/** An object schema's properties as lines: type, default, bounds, description, and what is nested, indented. */
export function optionLines(node: SchemaNode, schemas: SchemaSet, place: Place): string[] {
  return propertyLines(node, schemas, place, new Set());
}

type Seen = ReadonlySet<unknown>;

function propertyLines(node: SchemaNode, schemas: SchemaSet, place: Place, seen: Seen, except?: string): string[] {
  const properties = isObject(node.schema['properties']) ? node.schema['properties'] : {};
  const required = Array.isArray(node.schema['required']) ? node.schema['required'] : [];
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (name === except) return [];
    return oneProperty(name, schemas.sub(node, schema), required.includes(name), schemas, place, seen);
  });
}

function oneProperty(
  name: string,
  node: SchemaNode,
  required: boolean,
  schemas: SchemaSet,
  { width, indent }: Place,
  seen: Seen,
): string[] {
  const { schema } = node;
  const facts = [
    typeText(node, schemas),
    ...bounds(node),
    ...(required ? ['required'] : []),
    ...(schema['default'] === undefined ? [] : [`default ${JSON.stringify(schema['default'])}`]),
  ];
  const inner = { width, indent: `${indent}    ` };
  const description = typeof schema['description'] === 'string' ? schema['description'] : '';
  return [
    ...wrap(`${name}: ${facts.join(', ')}`, width, indent, `${indent}  `),
    ...(description ? wrap(description, width, inner.indent) : []),
    ...nested(node, schemas, inner, seen),
  ];
}

/** What stands below an option: an object's properties, a list's items, a union's members. */
function nested(node: SchemaNode, schemas: SchemaSet, place: Place, seen: Seen): string[] {
  const { schema } = node;
  if (seen.has(schema)) return [];
  const inside = new Set([...seen, schema]);
  const items = schema['items'] === undefined ? [] : nested(schemas.sub(node, schema['items']), schemas, place, inside);
  const named = members(node, schemas).flatMap((member) => memberLines(node, member, schemas, place, inside));
  return [...propertyLines(node, schemas, place, inside), ...items, ...named];
}

/** The alternatives of a union. Those that only demand a property (`{required: […]}`) are conditions, not members. */
export function members(node: SchemaNode, schemas: SchemaSet): SchemaNode[] {
  return [...schemas.subs(node, node.schema['oneOf']), ...schemas.subs(node, node.schema['anyOf'])].filter(
    ({ schema }) => ['type', 'const', 'enum', 'properties', 'oneOf', 'anyOf'].some((key) => schema[key] !== undefined),
  );
}

function memberLines(union: SchemaNode, member: SchemaNode, schemas: SchemaSet, place: Place, seen: Seen): string[] {
  const name = tagOf(union);
  const tag = name === undefined ? undefined : tagValue(member, name, schemas);
  if (name === undefined || tag === undefined) return nested(member, schemas, place, seen);
  const { width, indent } = place;
  const description = member.schema['description'];
  const heading = `${name}: ${tag}${typeof description === 'string' ? ` - ${description}` : ''}`;
  return [
    ...wrap(heading, width, `${indent}`, `${indent}    `),
    ...propertyLines(member, schemas, { width, indent: `${indent}    ` }, seen, name),
  ];
}

/** The property that tells the members of a union apart. */
function tagOf(union: SchemaNode): string | undefined {
  const discriminator = union.schema['discriminator'];
  const name = isObject(discriminator) ? discriminator['propertyName'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

function tagValue(member: SchemaNode, name: string, schemas: SchemaSet): string | undefined {
  const properties = member.schema['properties'];
  const value = isObject(properties) ? schemas.sub(member, properties[name]).schema['const'] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function typeText(node: SchemaNode, schemas: SchemaSet): string {
  const { schema } = node;
  if (schema['x-input'] === true) return 'an output of a step';
  if (schema['const'] !== undefined) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map(plain).join(' | ');
  const tag = tagOf(node);
  const each = members(node, schemas).map((member) => {
    const tagged = tag && tagValue(member, tag, schemas);
    return tagged || (tagOf(member) === undefined ? typeText(member, schemas) : 'object');
  });
  const alternatives = [...new Set(each)];
  if (tag !== undefined && alternatives.length > 0) return `object, ${tag} ${alternatives.join(' | ')}`;
  if (alternatives.length > 0) return alternatives.join(' | ');
  if (schema['type'] === 'array') {
    const items = schemas.sub(node, schema['items']);
    return [`list of ${typeText(items, schemas)}`, ...(items.schema['type'] === 'array' ? [] : bounds(items))].join(
      ' ',
    );
  }
  const values = schema['additionalProperties'];
  if (isObject(values)) return `map of names to ${typeText(schemas.sub(node, values), schemas)}`;
  if (Array.isArray(schema['type'])) return schema['type'].join(' | ');
  return typeof schema['type'] === 'string' ? schema['type'] : 'any value';
}

const plain = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

const BOUNDS = [
  ['minimum', (bound: string) => `>= ${bound}`],
  ['exclusiveMinimum', (bound: string) => `> ${bound}`],
  ['maximum', (bound: string) => `<= ${bound}`],
  ['exclusiveMaximum', (bound: string) => `< ${bound}`],
  ['multipleOf', (bound: string) => `a multiple of ${bound}`],
  ['minItems', (bound: string) => `at least ${bound}`],
  ['maxItems', (bound: string) => `at most ${bound}`],
  ['pattern', (bound: string) => `like ${bound}`],
] as const;

function bounds({ schema }: SchemaNode): string[] {
  return BOUNDS.flatMap(([keyword, say]) => (schema[keyword] === undefined ? [] : [say(plain(schema[keyword]))]));
}
