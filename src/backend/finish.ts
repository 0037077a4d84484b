import { fusions } from './fuse.js';
import type { Graph, Node, Value } from './graph.js';
import type { Recording } from './trace.js';

/** An output whose dense form [rows, n] is the sum of `rows[i]` into row `ids[i]`. */
export interface RowsOutput {
  readonly rows: Value;
  readonly ids: Value;
}

/** A recording made ready to encode: only nodes that an output needs, only operators that ORT has. */
export interface Finished {
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly outputs: Readonly<Record<string, Value>>;
  /** Outputs given as rows; `outputs` holds their rows under the same name. */
  readonly sparse: Readonly<Record<string, RowsOutput>>;
}

/**
 * An embedding's gradient is mostly zeros: where an output is such a sum, its rows are given out, to be added up in a
 * fixed order outside. (ORT's ScatterND with duplicate indices loses updates on two threads; ScatterElements is right
 * but costs a dense array.) Inside the graph it becomes ScatterElements.
 *
 * @param asRows which outputs may be given as rows, by name
 */
export function finish({ graph, outputs: recorded }: Recording, asRows: (output: string) => boolean): Finished {
  const outputs: Record<string, Value> = {};
  const sparse: Record<string, RowsOutput> = {};
  for (const [name, value] of Object.entries(recorded)) {
    const rows = asRows(name) && value.node?.op === 'SegmentSum' ? sparseRows(graph, value.node) : undefined;
    if (rows) sparse[name] = rows;
    outputs[name] = rows?.rows ?? value;
  }
  const roots = Object.values(outputs);
  const fuse = fusions(
    graph,
    roots,
    inOrder(roots, (node) => node),
  );
  const nodes = inOrder(roots, (node) => (node.op === 'SegmentSum' ? scatter(graph, node) : fuse(node)));
  const used = new Set([...Object.values(outputs), ...nodes.flatMap((n) => n.inputs)]);
  return { inputs: graph.inputs.filter((v) => used.has(v)), nodes, outputs, sparse };
}

/** The nodes that `roots` need, each after its inputs; `lower` may replace a node by an equal one. */
export function inOrder(roots: readonly Value[], lower: (node: Node) => Node): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: ({ enter: Node } | { leave: Node })[] = [];
  const push = (values: readonly Value[]): void => {
    for (const v of [...values].reverse()) if (v.node && !seen.has(v.node)) stack.push({ enter: v.node });
  };
  push(roots);
  for (let top = stack.pop(); top; top = stack.pop()) {
    if ('leave' in top) {
      order.push(top.leave);
    } else if (!seen.has(top.enter)) {
      seen.add(top.enter);
      const node = lower(top.enter);
      stack.push({ leave: node });
      push(node.inputs);
    }
  }
  return order;
}

/** Only a fed `ids` can be summed by outside: the caller knows its numbers. */
function sparseRows(graph: Graph, node: Node): RowsOutput | undefined {
  const [rows, ids] = node.inputs as [Value, Value];
  const fed = source(ids);
  if (fed.input === undefined) return undefined;
  return { rows: graph.reshape(rows, [fed.shape.reduce((a, b) => a * b, 1), ...rows.shape.slice(1)]), ids: fed };
}

/** Looks through reshapes. */
function source(v: Value): Value {
  return v.node?.op === 'Reshape' ? source(v.node.inputs[0] as Value) : v;
}

/** SegmentSum → ScatterElements(zeros, ids repeated over the row, rows, reduction=add) along axis 0. */
function scatter(graph: Graph, node: Node): Node {
  const [rows, ids] = node.inputs as [Value, Value];
  const output = node.outputs[0] as Value;
  const column = graph.reshape(ids, [ids.shape[0] as number, ...rows.shape.slice(1).map(() => 1)]);
  const zeros = graph.uniform(0, output.dtype, output.shape);
  const inputs = [zeros, graph.expand(column, rows.shape), rows];
  return { op: 'ScatterElements', inputs, attributes: { axis: 0, reduction: 'add' }, outputs: node.outputs };
}
