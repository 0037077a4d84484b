import type { Graph, Value } from '../graph.js';

/** What one tfjs kernel call looks like to the function that records it. */
export interface Call {
  readonly g: Graph;
  /** The recorded value of an input, by tfjs's name for it. Throws if the kernel has no such input. */
  readonly input: (name: string) => Value;
  /** The same of an input that may be left out. */
  readonly optional: (name: string) => Value | undefined;
  /** Inputs that tfjs passes as an array (Concat, Pack, AddN). */
  readonly inputs: () => readonly Value[];
  /** tfjs's attributes of the kernel. */
  readonly attrs: Readonly<Record<string, unknown>>;
}

/** Records a tfjs kernel as ONNX nodes; one value an output. */
export type Lowering = (call: Call) => Value | readonly Value[];

/** tfjs kernel name → how it is recorded. */
export type Family = Readonly<Record<string, Lowering>>;
