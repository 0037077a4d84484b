import type { Json, JsonObject } from '../util/json.js';

/** A schema and the `$id` that its relative `$ref`s start from. */
export interface SchemaNode {
  readonly schema: JsonObject;
  readonly base: string;
}

/** May stand beside a `$ref`; anything else there is a mistake in the schema. */
const ANNOTATIONS = /^(\$ref|title|description|default|examples|deprecated|\$comment|x-.*)$/;

/** Looks `$ref`s up in a fixed set of schemas. Every throw here is a mistake in a schema, not in a recipe. */
export class SchemaSet {
  private readonly byId: ReadonlyMap<string, JsonObject>;
  private readonly resolved = new WeakMap<JsonObject, SchemaNode>();

  constructor(schemas: readonly JsonObject[]) {
    this.byId = new Map(schemas.map((schema) => [String(schema.$id), schema]));
  }

  /** The node of a schema document. */
  root(schema: JsonObject): SchemaNode {
    return { schema, base: String(schema.$id ?? '') };
  }

  /** The node itself, or what its `$ref` leads to with the annotations beside the `$ref` laid over it. */
  resolve(node: SchemaNode): SchemaNode {
    const { $ref } = node.schema;
    if ($ref === undefined) return node;
    const known = this.resolved.get(node.schema);
    if (known) return known;
    const [id = '', fragment = ''] = absolute(String($ref), node.base).split('#');
    const document = this.byId.get(id);
    const target = document && at(document, decodeURIComponent(fragment));
    if (!isObject(target)) throw new Error(`"$ref": "${$ref}" in ${node.base} leads nowhere`);
    const { $ref: _, ...beside } = node.schema;
    const odd = Object.keys(beside).find((key) => !ANNOTATIONS.test(key));
    if (odd) throw new Error(`"${odd}" stands beside "$ref": "${$ref}" in ${node.base}; use allOf`);
    const end = this.resolve({ schema: target, base: id });
    const merged = Object.keys(beside).length > 0 ? { schema: { ...end.schema, ...beside }, base: end.base } : end;
    this.resolved.set(node.schema, merged);
    return merged;
  }

  /** The subschema under a keyword; `true` becomes `{}`, `false` what allows nothing. */
  sub(node: SchemaNode, schema: Json | undefined): SchemaNode {
    if (isObject(schema)) return this.resolve({ schema, base: node.base });
    return { schema: schema === false ? NOTHING : ANYTHING, base: node.base };
  }

  subs(node: SchemaNode, schemas: Json | undefined): SchemaNode[] {
    return Array.isArray(schemas) ? schemas.map((schema) => this.sub(node, schema)) : [];
  }
}

const ANYTHING: JsonObject = {};
const NOTHING: JsonObject = { not: {} };

export function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function absolute(ref: string, base: string): string {
  return base === '' ? ref : new URL(ref, base).href;
}

function at(document: JsonObject, fragment: string): Json | undefined {
  let value: Json | undefined = document;
  for (const key of fragment.split('/').slice(1)) value = isObject(value) ? value[key] : undefined;
  return value;
}
