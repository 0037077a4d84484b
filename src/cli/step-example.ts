import type { Registry } from '../engine/registry.js';
import { isObject, type SchemaNode, type SchemaSet } from '../engine/schema-set.js';
import type { AnyStep, Kind } from '../engine/step.js';
import type { Json, JsonObject } from '../util/json.js';
import { members } from './option-lines.js';

/** The shortest use of a step, as YAML: what is required, and nothing else. */
export async function exampleOf(step: AnyStep, registry: Registry, schemas: SchemaSet): Promise<string> {
  const { stringify } = await import('yaml');
  const inputs = Object.entries(step.inputs)
    .filter(([, spec]) => !spec.optional)
    .map(([name, spec]): [string, Json] => {
      // A list takes a single reference too.
      return [name, `\${{ steps.${producer(spec.kind, step, registry)} }}`];
    });
  const options = example(schemas.root(registry.schema(step.name)), schemas, 'value', new Set());
  const all = { ...Object.fromEntries(inputs), ...(isObject(options) ? options : {}) };
  const more = Object.keys(all).length > 0 ? { with: all } : {};
  return stringify({ steps: { [`my-${step.name}`]: { uses: step.name, ...more } } }, { lineWidth: 0 });
}

/** `corpus.outputs.train` of the first step that makes such a thing. */
function producer(kind: Kind, user: AnyStep, registry: Registry): string {
  const candidates = registry.names().flatMap((name) => registry.get(name) ?? []);
  const others = [...candidates.filter((step) => step !== user), user];
  for (const { name, outputs } of others) {
    const output = Object.keys(outputs).find((key) => outputs[key] === kind);
    if (output) return `my-${name}.outputs.${output}`;
  }
  return `other.outputs.${kind}`;
}

/** A value that a schema allows, as far as the schema says: its example, default or first choice, else a sample. */
function example(node: SchemaNode, schemas: SchemaSet, name: string, seen: ReadonlySet<unknown>): Json {
  const { schema } = node;
  const { examples, const: constant, default: preset, enum: choices } = schema;
  if (Array.isArray(examples) && examples[0] !== undefined) return examples[0];
  if (constant !== undefined) return constant;
  if (preset !== undefined) return preset;
  if (Array.isArray(choices) && choices[0] !== undefined) return choices[0];
  const [member] = members(node, schemas);
  if (member && !seen.has(schema)) return example(member, schemas, name, new Set([...seen, schema]));
  switch (Array.isArray(schema['type']) ? schema['type'][0] : schema['type']) {
    case 'object':
      return exampleObject(node, schemas, seen);
    case 'array':
      return schema['items'] === undefined ? [] : [example(schemas.sub(node, schema['items']), schemas, name, seen)];
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    default:
      return `<${name}>`;
  }
}

function exampleObject(node: SchemaNode, schemas: SchemaSet, seen: ReadonlySet<unknown>): JsonObject {
  const { schema } = node;
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const [firstChoice] = schemas.subs(node, schema['oneOf'] ?? schema['anyOf']);
  const required = [schema['required'], firstChoice?.schema['required']].flatMap((names) =>
    Array.isArray(names) ? names.map(String) : [],
  );
  const values = [...new Set(required)].map((name): [string, Json] => {
    return [name, example(schemas.sub(node, properties[name]), schemas, name, seen)];
  });
  const { additionalProperties, minProperties } = schema;
  if (values.length > 0 || !minProperties || !isObject(additionalProperties)) return Object.fromEntries(values);
  return { '<name>': example(schemas.sub(node, additionalProperties), schemas, 'value', seen) };
}
