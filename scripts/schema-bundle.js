// Schemas that stand alone, made of schemas that refer to each other. Everything here is pure.

const REFERENCE = { type: 'string', pattern: '^\\$\\{\\{.*\\}\\}$', description: 'A reference: ${{ … }}' };

/**
 * A copy whose `$ref`s all lead into its own `$defs`, named after the file or the definition they came from.
 * @param {any} schema has an `$id`
 * @param {readonly any[]} all
 * @param {Record<string, any>} defs collects the definitions, so that several schemas can share them
 */
export function bundle(schema, all, defs = {}) {
  const byId = new Map(all.map((each) => [each.$id, each]));
  byId.set(schema.$id, schema);
  const names = new Map(Object.keys(defs).map((name) => [defs[name].$source, name]));
  const rewrite = (value, base) => {
    if (Array.isArray(value)) return value.map((item) => rewrite(item, base));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).filter(([key]) => key !== '$defs' && key !== '$id' && key !== '$schema');
    return Object.fromEntries(
      entries.map(([key, item]) => [key, key === '$ref' ? `#/$defs/${define(item, base)}` : rewrite(item, base)]),
    );
  };
  const define = (ref, base) => {
    const url = new URL(ref, base).href;
    const known = names.get(url);
    if (known) return known;
    const [id, fragment = ''] = url.split('#');
    let target = byId.get(id);
    for (const key of fragment.split('/').slice(1)) target = target?.[key];
    if (target === undefined) throw new Error(`${ref} in ${base} leads nowhere`);
    const word = fragment.split('/').at(-1) || id.split('/').at(-1).replace('.schema.json', '');
    let name = word;
    for (let i = 2; Object.hasOwn(defs, name); i++) name = `${word}-${i}`;
    names.set(url, name);
    defs[name] = { $source: url };
    defs[name] = { ...rewrite(target, id), $source: url };
    return name;
  };
  const own = rewrite(schema, schema.$id);
  return { ...own, $defs: defs };
}

/** Drops what only `bundle` needs. */
function clean(defs) {
  return Object.fromEntries(Object.entries(defs).map(([name, { $source: _, ...schema }]) => [name, schema]));
}

/**
 * For json-schema-to-typescript: a step receives its options with every default filled in, so what has a default is
 * always there.
 */
export function typeSchema({ $defs, ...schema }) {
  const walk = (value) => {
    // Steps never see a short form: the engine writes it out.
    if (Array.isArray(value)) return value.filter((item) => item?.['x-short-for'] === undefined).map(walk);
    if (value === null || typeof value !== 'object') return value;
    const copy = Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !key.startsWith('x-'))
        .map(([key, item]) => [key, walk(item)]),
    );
    if (copy.properties === undefined || typeof copy.properties !== 'object') return copy;
    const withDefault = Object.keys(copy.properties).filter((key) => copy.properties[key]?.default !== undefined);
    return { ...copy, required: [...new Set([...(copy.required ?? []), ...withDefault])] };
  };
  return walk({ ...schema, $defs: clean($defs) });
}

/**
 * The shell, and for each value of `uses` the step's inputs and options, where a reference may stand in for a value.
 * @param {any} shell
 * @param {readonly {step: any, schema: any}[]} steps
 * @param {readonly any[]} all
 */
export function editorSchema(shell, steps, all) {
  const defs = {};
  const { $defs: _, ...top } = bundle(shell, all, defs);
  const own = Object.keys(defs);
  const cases = steps.map(({ step, schema }) => {
    const { $defs: __, title: ___, ...options } = bundle(schema, all, defs);
    return {
      if: { properties: { uses: { const: step.name } }, required: ['uses'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { with: withInputs(orReference(options), step) } },
    };
  });
  for (const name of Object.keys(defs)) if (!own.includes(name)) defs[name] = orReference(defs[name]);
  defs.step.allOf = cases;
  defs.step.properties.uses.anyOf = steps.map(({ step }) => ({ const: step.name, description: step.summary }));
  // The dialect that editors know best; nothing here needs a later one.
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...top,
    $defs: clean({ ...defs, reference: REFERENCE }),
  };
}

function withInputs(schema, step) {
  const reference = { $ref: '#/$defs/reference' };
  const own = Object.entries(step.inputs).filter(([, { within }]) => within === undefined);
  const inputs = own.map(([name, { kind, list, optional }]) => {
    const description = `Input${optional ? ', optional' : ''}: ${list ? 'one or more artifacts' : 'an artifact'} of kind ${kind}.`;
    return [
      name,
      list
        ? { description, anyOf: [reference, { type: 'array', items: reference }] }
        : { description, allOf: [reference] },
    ];
  });
  const required = own.filter(([, { optional }]) => !optional).map(([name]) => name);
  return {
    ...schema,
    properties: { ...Object.fromEntries(inputs), ...schema.properties },
    required: [...required, ...(schema.required ?? [])],
  };
}

/** Lets a reference stand wherever a value can, but not for the tag of a union nor for a whole step's options. */
function orReference(schema) {
  const walk = (value) => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        key === 'properties' ? properties(item) : key === 'items' ? either(item) : walk(item),
      ]),
    );
  };
  const properties = (map) => Object.fromEntries(Object.entries(map).map(([key, item]) => [key, either(item)]));
  const either = (item) => {
    if (item === null || typeof item !== 'object' || item.const !== undefined) return item;
    if (item['x-input']) return { description: item.description, allOf: [{ $ref: '#/$defs/reference' }] };
    const { description, default: fallback, ...rest } = walk(item);
    const free = rest.type === 'string' && rest.enum === undefined && rest.pattern === undefined;
    if (free) return { ...rest, description, default: fallback };
    return { description, default: fallback, anyOf: [rest, { $ref: '#/$defs/reference' }] };
  };
  return walk(schema);
}
