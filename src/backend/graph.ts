import { type Rule, rules } from './rules.js';
import { broadcastShape, sizeOf } from './shape.js';

/**
 * The recorded program: values in static single assignment, nodes that are ONNX operators (opset 20, and
 * `com.microsoft` where named). Building it simplifies it: every `emit` first asks the rules, then looks for an equal
 * node, so no-ops, uniform constants, needless broadcasts and common subexpressions never become nodes.
 */
export type DType = 'float32' | 'int32' | 'int64' | 'bool' | 'uint8' | 'float16' | 'string';
export type Data = Float32Array | Int32Array | BigInt64Array | Uint8Array;
export type Attribute = number | string | readonly number[] | readonly string[];
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Value {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** What computes it; absent for inputs and constants. */
  readonly node?: Node;
  /** Name it is fed under. */
  readonly input?: string;
  /** A constant's numbers. A constant with `uniform` has none: every element is that number, whatever the shape. */
  readonly data?: Data;
  readonly uniform?: number;
}

export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

export interface OutputType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export class Graph {
  private nextId = 0;
  /** Equal nodes by what they compute (common subexpressions). No recorded operator is random, so all may be shared. */
  private readonly known = new Map<string, Node>();
  private readonly constants = new Map<string, Value>();
  readonly inputs: Value[] = [];
  /** In the order recorded, which is an order in which they can run. */
  readonly nodes: Node[] = [];

  input(name: string, dtype: DType, shape: readonly number[]): Value {
    const value: Value = { id: this.nextId++, dtype, shape: [...shape], input: name };
    this.inputs.push(value);
    return value;
  }

  /** A constant whose elements all equal `uniform`; it costs one number however large it is. */
  uniform(uniform: number, dtype: DType, shape: readonly number[] = []): Value {
    return this.share(`u${dtype}:${Object.is(uniform, -0) ? '-0' : uniform}:${shape}`, () => ({
      id: this.nextId++,
      dtype,
      shape: [...shape],
      uniform,
    }));
  }

  /** A constant. Uniform ones are recognised. */
  constant(data: Data, dtype: DType, shape: readonly number[]): Value {
    const first = data[0];
    if (typeof first === 'number' && data.every((x: number | bigint) => Object.is(x, first))) {
      return this.uniform(first, dtype, shape);
    }
    const make = (): Value => ({ id: this.nextId++, dtype, shape: [...shape], data });
    return data.length > 64 ? make() : this.share(`c${dtype}:${shape}:${data.join()}`, make);
  }

  /** An int64 vector: shapes, axes, permutations. */
  ints(values: readonly number[]): Value {
    return this.share(`i${values}`, () => ({
      id: this.nextId++,
      dtype: 'int64',
      shape: [values.length],
      data: BigInt64Array.from(values.map(BigInt)),
    }));
  }

  /** Records an operator with one output, or gives an equal value that needs none. */
  emit(op: string, inputs: readonly Value[], output: OutputType, attributes: Attributes = {}): Value {
    const candidates: readonly Rule[] = rules.get(op) ?? [];
    for (const rule of candidates) {
      const simpler = rule.apply(this, { op, inputs, output, attributes });
      if (simpler) return simpler;
    }
    return this.emitMany(op, inputs, [output], attributes)[0] as Value;
  }

  /** Records an operator with several outputs. */
  emitMany(
    op: string,
    inputs: readonly Value[],
    outputs: readonly OutputType[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const key = `${op}(${inputs.map((v) => v.id)})${JSON.stringify(attributes)}${outputs.map((o) => `${o.dtype}[${o.shape}]`)}`;
    const found = this.known.get(key);
    if (found) return found.outputs;
    const values: Value[] = [];
    const node: Node = { op, inputs, attributes, outputs: values };
    for (const o of outputs) values.push({ id: this.nextId++, dtype: o.dtype, shape: [...o.shape], node });
    this.known.set(key, node);
    this.nodes.push(node);
    return values;
  }

  private share(key: string, make: () => Value): Value {
    let value = this.constants.get(key);
    if (!value) {
      value = make();
      this.constants.set(key, value);
    }
    return value;
  }

  // The operators that rules and kernels build with most.

  unary(op: string, x: Value): Value {
    return this.emit(op, [x], { dtype: x.dtype, shape: x.shape });
  }

  binary(op: string, a: Value, b: Value, dtype: DType = a.dtype): Value {
    return this.emit(op, [a, b], { dtype, shape: broadcastShape(a.shape, b.shape) });
  }

  reshape(x: Value, shape: readonly number[]): Value {
    if (sizeOf(shape) !== sizeOf(x.shape)) throw new Error(`cannot reshape [${x.shape}] to [${shape}]`);
    return this.emit('Reshape', [x, this.ints(shape)], { dtype: x.dtype, shape });
  }

  /** Repeats along axes of size 1 (and new leading axes) up to `shape`. */
  expand(x: Value, shape: readonly number[]): Value {
    return this.emit('Expand', [x, this.ints(shape)], { dtype: x.dtype, shape });
  }

  transpose(x: Value, perm: readonly number[]): Value {
    return this.emit('Transpose', [x], { dtype: x.dtype, shape: perm.map((p) => x.shape[p] as number) }, { perm });
  }

  cast(x: Value, dtype: DType): Value {
    return this.emit('Cast', [x], { dtype, shape: x.shape });
  }
}
