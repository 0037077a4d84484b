import type { Finished } from './finish.js';
import { type Formula, formulaOf, formulaText, type Sizes } from './formula.js';
import type { Anatomy, Dimension } from './generalize.js';
import type { DType, Graph, Node, Value } from './graph.js';
import { sameShape } from './shape.js';

/** Where a size is read while the program runs: an axis of one of its inputs. */
export interface Axis {
  readonly input: string;
  readonly axis: number;
}

/** A program for all sizes, which needs nothing but its inputs. */
export interface Dynamic {
  readonly program: Finished;
  /** Sizes of an input or output. */
  readonly dimensions: (v: Value) => readonly Dimension[];
}

/**
 * A program for all sizes, of recordings at some. Unlike what `generalize` makes it is fed no constants: where the
 * recordings differ, a formula of the sizes is found (`formulaOf`), and the program computes it of its inputs' shapes.
 * So it may leave for other tools.
 *
 * @param graph that of the program
 * @param program the first recording
 * @param seen the recordings' anatomies, the program's first; three at least
 * @param sizes of each recording
 * @param axes where each size is read
 * @throws Error (a bug) if the recordings have other operators, or a constant is no formula of the sizes
 */
export function makeDynamic(
  graph: Graph,
  program: Finished,
  seen: readonly Anatomy[],
  sizes: readonly Sizes[],
  axes: Readonly<Record<string, Axis>>,
): Dynamic {
  const [first] = seen as [Anatomy];
  if (seen.some(({ skeleton }) => skeleton !== first.skeleton)) {
    throw new Error('a function has other operators at other sizes, so it has no form for all');
  }
  const computed = new Set(first.values);
  const make = new Maker(graph, program, sizes, axes);
  const nodes: Node[] = [];
  let use = 0;
  const replaced = (v: Value, op: string): Value => {
    if (computed.has(v)) return v;
    const variants = seen.map(({ constants }) => constants[use] as Value);
    use++;
    if (variants.every((other) => same(other, v))) return v;
    const made = make.constant(variants, op);
    nodes.push(...make.take());
    return made;
  };
  for (const node of program.nodes) {
    const inputs = node.inputs.map((v) => replaced(v, node.op));
    nodes.push({ ...node, inputs });
  }
  const outputs = Object.fromEntries(
    Object.entries(program.outputs).map(([name, v]) => [name, replaced(v, 'an output')]),
  );
  const places = new Map(first.values.map((v, i) => [v, i]));
  return {
    program: { ...program, nodes, outputs },
    dimensions: (v) =>
      v.shape.map((size, axis) => {
        const place = places.get(v);
        if (place === undefined) return size;
        const found = seen.map(({ values }) => values[place]?.shape[axis] as number);
        return found.every((other) => other === size) ? size : formulaText(formulaFor(found, sizes, 'an axis'));
      }),
  };
}

function formulaFor(seen: readonly number[], sizes: readonly Sizes[], what: string): Formula {
  const formula = formulaOf(seen, sizes);
  if (formula) return formula;
  throw new Error(`${what} is ${seen} at the sizes ${JSON.stringify(sizes)}: that is no formula that is known here`);
}

const same = (a: Value, b: Value): boolean =>
  a === b ||
  (a.dtype === b.dtype &&
    sameShape(a.shape, b.shape) &&
    Object.is(a.uniform, b.uniform) &&
    (a.data === b.data || (a.data?.every((x: number | bigint, i: number) => x === b.data?.[i]) ?? false)));

/** Makes what stands for a constant that goes with sizes. */
class Maker {
  private made: Node[] = [];
  private readonly known = new Set<Node>();

  constructor(
    private readonly graph: Graph,
    private readonly program: Finished,
    private readonly sizes: readonly Sizes[],
    private readonly axes: Readonly<Record<string, Axis>>,
  ) {}

  /** Nodes made since, in an order in which they can run. */
  take(): Node[] {
    const nodes = this.made;
    this.made = [];
    return nodes;
  }

  /** @param op what uses it */
  constant(variants: readonly Value[], op: string): Value {
    const [{ dtype, shape, data, uniform }] = variants as [Value];
    if (uniform !== undefined) {
      const numbers = variants.map((v) => v.uniform as number);
      const value = numbers.every((x) => Object.is(x, uniform))
        ? this.graph.uniform(uniform, dtype)
        : this.typed(this.scalar(numbers, op), dtype);
      if (shape.length === 0) return value;
      return this.emit('Expand', [value, this.shapeOf(variants, op)], dtype, shape);
    }
    if (dtype === 'int64' && shape.length === 1 && variants.every((v) => sameShape(v.shape, shape))) {
      return this.vector(
        variants.map((v) => [...(v.data as BigInt64Array)].map(Number)),
        op,
      );
    }
    if (variants.every(isCount)) {
      const start = this.scalar(
        variants.map((v) => Number(v.data?.[0])),
        op,
      );
      const end = this.scalar(
        variants.map((v) => Number(v.data?.[0]) + (v.shape[0] as number)),
        op,
      );
      const one = this.graph.uniform(1, 'int64');
      return this.typed(this.emit('Range', [start, end, one], 'int64', shape), dtype);
    }
    throw new Error(
      `a constant of ${op}, ${dtype}[${shape}] with ${data?.slice(0, 8)}…, goes with sizes in no known way`,
    );
  }

  private shapeOf(variants: readonly Value[], op: string): Value {
    return this.vector(
      variants.map(({ shape }) => shape),
      op,
    );
  }

  private vector(variants: readonly (readonly number[])[], op: string): Value {
    const [first] = variants as [readonly number[]];
    const moves = first.map((x, i) => variants.some((v) => v[i] !== x));
    // A reshape works one size out by itself.
    if (op === 'Reshape' && moves.filter(Boolean).length === 1) {
      return this.graph.ints(first.map((x, i) => (moves[i] ? -1 : x)));
    }
    const parts = first.map((x, i) =>
      moves[i]
        ? this.element(
            variants.map((v) => v[i] as number),
            op,
          )
        : this.graph.ints([x]),
    );
    if (parts.length === 1) return parts[0] as Value;
    return this.emit('Concat', parts, 'int64', [parts.length], { axis: 0 });
  }

  /** int64 [] */
  private scalar(seen: readonly number[], op: string): Value {
    return this.emit('Squeeze', [this.element(seen, op)], 'int64', []);
  }

  /** int64 [1] */
  private element(seen: readonly number[], op: string): Value {
    const { factor, names, offset } = formulaFor(seen, this.sizes, `a constant of ${op}`);
    const by = (op: 'Mul' | 'Add', a: Value, b: Value): Value => this.emit(op, [a, b], 'int64', [1]);
    let value: Value | undefined;
    for (const name of names) {
      const { input, axis } = this.axes[name] as Axis;
      const fed = this.program.inputs.find((v) => v.input === input) as Value;
      const size = this.emit('Shape', [fed], 'int64', [1], { start: axis, end: axis + 1 });
      value = value ? by('Mul', value, size) : size;
    }
    if (value === undefined) return this.graph.ints([offset]);
    if (factor !== 1) value = by('Mul', value, this.graph.ints([factor]));
    return offset === 0 ? value : by('Add', value, this.graph.ints([offset]));
  }

  private typed(value: Value, dtype: DType): Value {
    return dtype === value.dtype ? value : this.emit('Cast', [value], dtype, value.shape);
  }

  private emit(
    op: string,
    inputs: readonly Value[],
    dtype: DType,
    shape: readonly number[],
    attributes: Node['attributes'] = {},
  ): Value {
    // Past the rules, which take sizes for what they are in the recording.
    const [value] = this.graph.emitMany(op, inputs, [{ dtype, shape }], attributes) as [Value];
    const node = value.node as Node;
    if (!this.known.has(node)) this.made.push(node);
    this.known.add(node);
    return value;
  }
}

/** Whether a constant is some number and those that follow it. */
const isCount = ({ data, shape }: Value): boolean =>
  shape.length === 1 && (data?.every((x: number | bigint, i: number) => Number(x) === Number(data[0]) + i) ?? false);
