import type { Finished } from './finish.js';
import type { Graph, Node, Value } from './graph.js';
import { fill } from './onnx/encode.js';
import type { SessionInput } from './onnx/session.js';
import { sameShape, sizeOf } from './shape.js';

/** A size that is the same in every run, or a name that is the same for sizes that are always equal. */
export type Dimension = number | string;

/** A program taken apart: what the sizes of its feeds leave alone, and what goes with them. */
export interface Anatomy {
  /** Equal of two programs that differ in sizes only. */
  readonly skeleton: string;
  /** What is fed or computed, in the skeleton's order. */
  readonly values: readonly Value[];
  /** What each use of a constant finds, in the skeleton's order: shapes to reshape to, axes, masks, tables. */
  readonly constants: readonly Value[];
}

export function dissect({ inputs, nodes, outputs, sparse }: Finished): Anatomy {
  const values: Value[] = [];
  const constants: Value[] = [];
  const places = new Map<Value, string>();
  const place = (v: Value, name: string): void => {
    values.push(v);
    places.set(v, name);
  };
  const type = (v: Value): string => `${v.dtype}/${v.shape.length}`;
  const refer = (v: Value): string => {
    const known = places.get(v);
    if (known === undefined) constants.push(v);
    return known ?? `${v.uniform === undefined ? 'numbers' : 'number'} ${type(v)}`;
  };
  const lines: string[] = [];
  for (const v of inputs) {
    place(v, JSON.stringify(v.input));
    lines.push(`${JSON.stringify(v.input)} ${type(v)}`);
  }
  for (const [i, { op, attributes, inputs: own, outputs: made }] of nodes.entries()) {
    lines.push(`${op} ${JSON.stringify(attributes)} ${own.map(refer)} > ${made.map(type)}`);
    for (const [k, v] of made.entries()) place(v, `${i}.${k}`);
  }
  for (const [name, v] of Object.entries(outputs)) {
    lines.push(`${JSON.stringify(name)} ${refer(v)} ${JSON.stringify(sparse[name]?.ids.input)}`);
  }
  return { skeleton: lines.join('\n'), values, constants };
}

/** A program for many sizes. */
export interface General {
  readonly program: Finished;
  /** Sizes of a value of the program. */
  readonly dimensions: (v: Value) => readonly Dimension[];
  /** Whether the program, fed `feeds` of an anatomy of its skeleton, is the program that the anatomy is of. */
  readonly admits: (anatomy: Anatomy) => boolean;
  readonly feeds: (anatomy: Anatomy) => Readonly<Record<string, SessionInput>>;
}

/** A constant that goes with sizes, so that it is fed. */
interface FedConstant {
  readonly name: string;
  /** A use that finds it. */
  readonly use: number;
  /** The one number that it repeats: then only its shape is fed. */
  readonly repeats: number | undefined;
}

/**
 * A program for the sizes of several anatomies, and for all others that differ from these in no more. No formula is
 * looked for: what differs is fed, shapes to reshape to included, and whoever runs the program has it from a recording
 * at the sizes of the run.
 *
 * @param graph that of the program
 * @param program what `seen[0]` is of
 * @param seen of one skeleton
 */
export function generalize(graph: Graph, program: Finished, seen: readonly Anatomy[]): General {
  const [first] = seen as [Anatomy];
  const sizes = groupsOf(seen.map(sizesOf), String, Object.is);
  const uses = groupsOf(
    seen.map((anatomy) => anatomy.constants),
    identity,
    sameConstant,
  );

  const dimensions = new Map<Value, readonly Dimension[]>();
  const describe = (v: Value, variants: readonly Value[]): void => {
    const of = variants.map(({ shape }) => shape);
    dimensions.set(
      v,
      v.shape.map((size, axis) =>
        of.every((shape) => shape[axis] === size) ? size : `size ${of.map((shape) => shape[axis]).join(' ')}`,
      ),
    );
  };
  for (const [i, v] of first.values.entries()) {
    describe(
      v,
      seen.map(({ values }) => values[i] as Value),
    );
  }

  const fed: FedConstant[] = [];
  const inputs = [...program.inputs];
  const made: Node[] = [];
  const replacement = new Map<number, Value>();
  for (const { places } of uses.filter(({ fixed }) => !fixed)) {
    const [use] = places as [number];
    const variants = seen.map(({ constants }) => constants[use] as Value);
    const [{ uniform, dtype, shape }] = variants as [Value];
    const repeats = variants.every((v) => Object.is(v.uniform, uniform)) ? uniform : undefined;
    const name = `constant ${fed.length}`;
    fed.push({ name, use, repeats });
    const input = graph.input(
      name,
      ...(repeats === undefined ? ([dtype, shape] as const) : (['int64', [shape.length]] as const)),
    );
    inputs.push(input);
    let value = input;
    if (repeats !== undefined) {
      [value] = graph.emitMany('Expand', [graph.uniform(repeats, dtype), input], [{ dtype, shape }]) as [Value];
      made.push(value.node as Node);
    }
    describe(value, variants);
    for (const place of places) replacement.set(place, value);
  }

  const computed = new Set(first.values);
  let use = 0;
  const replaced = (v: Value): Value => (computed.has(v) ? v : (replacement.get(use++) ?? v));
  const nodes = program.nodes.map((node) => ({ ...node, inputs: node.inputs.map(replaced) }));
  const outputs = Object.fromEntries(Object.entries(program.outputs).map(([name, v]) => [name, replaced(v)]));
  return {
    program: { ...program, inputs, nodes: [...made, ...nodes], outputs },
    dimensions: (v) => dimensions.get(v) ?? v.shape,
    admits: (anatomy) =>
      fits(sizes, sizesOf(first), sizesOf(anatomy), Object.is) &&
      fits(uses, first.constants, anatomy.constants, sameConstant) &&
      fed.every(({ use, repeats }) => repeats === undefined || Object.is(anatomy.constants[use]?.uniform, repeats)),
    feeds: ({ constants }) =>
      Object.fromEntries(
        fed.map(({ name, use, repeats }) => {
          const v = constants[use] as Value;
          return [name, repeats === undefined ? whole(v) : shapeOf(v)];
        }),
      ),
  };
}

/** Places at which all anatomies have equal things, each its own. */
interface Group {
  readonly places: readonly number[];
  /** What is there is the same in all of them. */
  readonly fixed: boolean;
}

function groupsOf<T>(
  seen: readonly (readonly T[])[],
  name: (x: T) => string,
  same: (a: T, b: T) => boolean,
): readonly Group[] {
  const [first] = seen as [readonly T[]];
  const byName = new Map<string, number[]>();
  for (const at of first.keys()) {
    const names = seen.map((of) => name(of[at] as T)).join(' ');
    const places = byName.get(names);
    if (places) places.push(at);
    else byName.set(names, [at]);
  }
  return [...byName.values()].map((places) => {
    const [at] = places as [number];
    return { places, fixed: seen.every((of) => same(of[at] as T, first[at] as T)) };
  });
}

const fits = <T>(
  groups: readonly Group[],
  first: readonly T[],
  own: readonly T[],
  same: (a: T, b: T) => boolean,
): boolean =>
  groups.every(({ places, fixed }) => {
    const one = own[places[0] as number] as T;
    return places.every((at) => same(own[at] as T, one)) && (!fixed || same(one, first[places[0] as number] as T));
  });

const sizesOf = ({ values }: Anatomy): number[] => values.flatMap(({ shape }) => shape);

/** More numbers than this are not compared to find equal constants: the graph shares those that it is given once. */
const MANY = 64;

const identity = ({ id, dtype, shape, uniform, data }: Value): string =>
  uniform !== undefined
    ? `${dtype}[${shape}]:${Object.is(uniform, -0) ? '-0' : uniform}`
    : data && data.length <= MANY
      ? `${dtype}[${shape}]${data}`
      : `#${id}`;

const sameConstant = (a: Value, b: Value): boolean =>
  a === b ||
  (a.dtype === b.dtype &&
    sameShape(a.shape, b.shape) &&
    Object.is(a.uniform, b.uniform) &&
    (a.data === b.data || (a.data?.every((x: number | bigint, i: number) => x === b.data?.[i]) ?? false)));

const shapeOf = ({ shape }: Value): SessionInput => ({
  dtype: 'int64',
  shape: [shape.length],
  data: BigInt64Array.from(shape.map(BigInt)),
});

const whole = ({ dtype, shape, data, uniform }: Value): SessionInput => ({
  dtype,
  shape,
  data: data ?? fill(dtype, uniform as number, sizeOf(shape)),
});
