import { type Known, placesOf } from './known.js';
import type { HostTensors, Tensors } from './runner.js';
import { type Tensor, tf } from './tf.js';
import { isReadable } from './trace.js';

/** An input of a graph as it declares it; −1 where the size is free. */
export interface GraphInput {
  /** The signature's name for it if there is one. */
  readonly name: string;
  /** The node's name. */
  readonly node: string;
  readonly dtype: string;
  readonly shape: readonly number[] | undefined;
}

interface Node {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
}

/** What inputs and outputs are called outside of the graph, and in it: `output:0` is a node's first output. */
interface Signature {
  readonly inputs?: Readonly<Record<string, { readonly name: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly name: string }>>;
}

/** `model.json` of a TensorFlow.js graph model, as far as it is read here. */
export interface GraphJson {
  readonly modelTopology: { readonly node: readonly Node[] };
  readonly signature?: Signature;
  readonly userDefinedMetadata?: { readonly signature?: Signature };
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: readonly object[] }[];
}

/** A `Where` node, which names the places where its condition holds. */
interface Where {
  readonly name: string;
  readonly condition: string;
}

/** Weights up to this size are part of what is computed, so that shapes and axes can be read of them. */
const CONSTANT = 64;

/**
 * A TensorFlow.js graph model whose weights are fed, so that it runs like any `TensorFunction`: recorded or eagerly.
 *
 * How many places a `Where` finds depends on numbers, and in a recording no shape can. There a condition that is known
 * (it depends on shapes and constants) is looked at, and any other is taken to hold everywhere: what a graph of texts
 * does at places of padding is masked where it matters. Whether it is, is for the caller to check against an eager run.
 */
export class GraphModel {
  private constructor(
    private readonly model: Pick<tf.GraphModel, 'execute'>,
    private readonly wheres: readonly Where[],
    readonly inputs: readonly GraphInput[],
    /** What stands behind each output's name. */
    private readonly behind: ReadonlyMap<string, string>,
    /** Names of all nodes: each can be read. */
    readonly nodes: ReadonlySet<string>,
    /** Small weights, by name. */
    private readonly constants: ReadonlyMap<string, Known>,
    /** All others. */
    readonly parameters: HostTensors,
  ) {}

  /**
   * @param weights the manifest's files, one after the other
   * @throws Error if they are not what the manifest says, or an operator is not known
   */
  static parse(json: GraphJson, weights: Uint8Array): GraphModel {
    const { node: nodes } = json.modelTopology;
    const wheres = nodes.flatMap(({ name, op, input }) =>
      op === 'Where' ? [{ name, condition: input?.[0] ?? '' }] : [],
    );
    // tfjs runs a `Where` asynchronously only; here it is one more input.
    const cut = nodes.map((each) =>
      each.op === 'Where' ? { name: each.name, op: 'Placeholder', attr: { dtype: { type: 'DT_INT32' } } } : each,
    );
    // Without the signature, whose names may be those of other nodes.
    const model = tf.loadGraphModelSync({
      modelTopology: { ...json.modelTopology, node: cut },
      weightSpecs: [],
      weightData: new ArrayBuffer(0),
    });
    const constants = new Map<string, Known>();
    const parameters: Record<string, HostTensors[string]> = {};
    const specs = json.weightsManifest.flatMap((group) => group.weights) as tf.io.WeightsManifestEntry[];
    const expected = specs.reduce((sum, spec) => sum + bytesOf(spec), 0);
    if (weights.length !== expected) {
      throw new Error(`its weights are ${weights.length} bytes, and it describes ${expected}`);
    }
    for (const [name, weight] of Object.entries(decode(specs, weights))) {
      const { dtype, shape, values } = weight;
      if (values.length <= CONSTANT || dtype === 'bool') constants.set(name, weight);
      else parameters[name] = { dtype, shape, data: values };
    }
    const { inputs: asked = {}, outputs: said = {} } = json.userDefinedMetadata?.signature ?? json.signature ?? {};
    const names = new Map(Object.entries(asked).map(([name, at]) => [nodeOf(at.name), name]));
    const own = new Set(wheres.map(({ name }) => name));
    const inputs = model.inputs.flatMap(({ name: node, dtype, shape }) =>
      own.has(node) ? [] : [{ name: names.get(node) ?? node, node, dtype, shape }],
    );
    const outputs = Object.entries(said).map(([name, at]) => [name, at.name] as const);
    return new GraphModel(
      model,
      inOrder(nodes, wheres),
      inputs,
      new Map(outputs.length > 0 ? outputs : unread(nodes).map((name) => [name, name])),
      new Set(nodes.map(({ name }) => name)),
      constants,
      parameters,
    );
  }

  /** Numbers of its weights. */
  get size(): number {
    const sizes = [...this.constants.values()]
      .filter(({ dtype }) => dtype === 'float32')
      .map(({ values }) => values.length);
    const large = Object.values(this.parameters).map(({ data }) => data.length);
    return [...sizes, ...large].reduce((sum, size) => sum + size, 0);
  }

  get outputs(): readonly string[] {
    return [...this.behind.keys()];
  }

  /**
   * Runs the graph, on whatever backend is set.
   * @param feeds by input
   * @param output one of `outputs`, or a node
   */
  run(parameters: Tensors, feeds: Tensors, output: string): Tensor {
    const given: Record<string, Tensor> = { ...parameters };
    for (const { name, node } of this.inputs) given[node] = feeds[name] as Tensor;
    for (const [name, { values, shape, dtype }] of this.constants) given[name] = tf.tensor(values, [...shape], dtype);
    for (const { name, condition } of this.wheres) {
      given[name] = places(this.model.execute(given, condition) as Tensor);
    }
    return this.model.execute(given, this.behind.get(output) ?? output) as Tensor;
  }
}

/** Where a condition holds, int32 [count, rank]; everywhere if that cannot be known now. */
function places(condition: Tensor): Tensor {
  const { shape } = condition;
  const values = isReadable(condition) ? (condition.dataSync() as Uint8Array) : new Uint8Array(condition.size).fill(1);
  const found = placesOf({ shape, values });
  return tf.tensor2d(found, [found.length / shape.length, shape.length], 'int32');
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1, bool: 1 };

function bytesOf({ name, shape, dtype, quantization }: tf.io.WeightsManifestEntry): number {
  const bytes = BYTES[quantization?.dtype ?? dtype];
  if (bytes === undefined) throw new Error(`its weight "${name}" is of type ${dtype}`);
  return shape.reduce((product, size) => product * size, bytes);
}

function decode(specs: tf.io.WeightsManifestEntry[], weights: Uint8Array): Record<string, Known> {
  const buffer = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength) as ArrayBuffer;
  const previous = tf.getBackend();
  tf.setBackend('cpu');
  try {
    const tensors = tf.io.decodeWeights(buffer, specs);
    const weight = (tensor: Tensor): Known => {
      const { dtype, shape } = tensor;
      if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') throw new Error(`a weight is of type ${dtype}`);
      const values = tensor.dataSync() as Known['values'];
      tensor.dispose();
      return { dtype, shape, values };
    };
    return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, weight(tensor)]));
  } finally {
    tf.setBackend(previous ?? 'cpu');
  }
}

const nodeOf = (input: string): string => input.replace(/^\^/, '').split(':')[0] as string;

/** Each `Where` after those that its condition depends on. */
function inOrder(nodes: readonly Node[], wheres: readonly Where[]): Where[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const own = new Map(wheres.map((where) => [where.name, where]));
  const order: Where[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const input of byName.get(name)?.input ?? []) visit(nodeOf(input));
    const where = own.get(name);
    if (where) order.push(where);
  };
  for (const { name } of wheres) visit(name);
  return order;
}

/** Names of the nodes that compute something which no other node reads. */
function unread(nodes: readonly Node[]): string[] {
  const read = new Set(nodes.flatMap(({ input }) => (input ?? []).map(nodeOf)));
  const computed = nodes.filter(({ op }) => op !== 'Const' && op !== 'Placeholder');
  return computed.map(({ name }) => name).filter((name) => !read.has(name));
}
