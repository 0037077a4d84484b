import fc from 'fast-check';
import { expect } from 'vitest';
import type { HostTensor, Runner, TensorFunction, Tensors } from '../../src/backend/runner.js';
import { sizeOf } from '../../src/backend/shape.js';
import { type Shape, type Tensor, tf } from '../../src/backend/tf.js';
import { TRACE } from '../../src/backend/trace.js';
import { Random } from '../../src/util/random.js';
import { dense, expectClose, floats } from './rig.js';

/** What a property of a kernel is made of: random calls of it, and the check that two runners agree on them. */

/** `bool` is fed as whole numbers and cast, `uint8` is int32 to tfjs. */
export type DType = 'float32' | 'int32' | 'bool' | 'uint8';

/** The numbers of an input. */
export interface Values {
  readonly dtype: DType;
  readonly draw: (random: Random, size: number) => number[];
  /** No two elements may be made equal. */
  readonly varied?: boolean;
  /** Not to be differentiated by. */
  readonly fixed?: boolean;
}

const each =
  (one: (random: Random, i: number) => number): Values['draw'] =>
  (random, size) =>
    Array.from({ length: size }, (_, i) => one(random, i));

export const between = (from: number, to: number): Values => ({
  dtype: 'float32',
  draw: each((random) => from + (to - from) * random.uniform()),
});
export const whole = (from: number, to: number, dtype: DType = 'int32'): Values => ({
  dtype,
  draw: each((random) => from + random.below(to - from + 1)),
});
/** −1 or 1. */
export const signs: Values = { dtype: 'int32', draw: each((random) => 2 * random.below(2) - 1) };
/** Numbers of [−2, 2] that equal `offset` but for whole steps: two inputs of other offsets are nowhere equal. */
export const stepped = (step: number, offset = 0): Values => ({
  dtype: 'float32',
  draw: each((random) => offset + step * (random.below(4 / step + 1) - 2 / step)),
});
/** 0.5 to 1.5 on either side of 0 by turns: far from 0, and of any two neighbours one is far from the other. */
export const alternating: Values = {
  dtype: 'float32',
  varied: true,
  draw: each((random, i) => (i % 2 ? 1 : -1) * (0.5 + random.uniform())),
};
/** 0 … size − 1 in any order. */
export const places: Values = {
  dtype: 'int32',
  varied: true,
  draw: (random, size) => random.shuffle(Array.from({ length: size }, (_, i) => i)),
};
/** Numbers of [−2, 2] of which no two are closer than 2/size. */
export const distinct: Values = {
  dtype: 'float32',
  varied: true,
  draw: (random, size) => places.draw(random, size).map((place) => -2 + (4 * (place + 0.5 * random.uniform())) / size),
};
/** Any numbers of a type. */
export const ANY: Readonly<Record<DType, Values>> = {
  float32: between(-2, 2),
  int32: whole(-3, 3),
  bool: whole(0, 1, 'bool'),
  uint8: whole(0, 20, 'uint8'),
};

export interface Input {
  readonly shape: Shape;
  readonly values: Values;
}
export const input = (shape: Shape, values: Values = ANY.float32): Input => ({ shape, values });

/** One call of tfjs ops. */
export interface Call {
  readonly inputs: readonly Input[];
  readonly call: (...tensors: Tensor[]) => Tensor | Tensor[];
  /** What it is to equal; `call` itself on the other backend if there is none. */
  readonly definition?: (...tensors: Tensor[]) => Tensor | Tensor[];
  /** tfjs has a gradient for this call, made of kernels that can be recorded. */
  readonly gradient: boolean;
}

/** Where an input comes from. `uniform`: a constant of equal elements; `repeated`: a row that is fed, over and over. */
const SOURCES = ['fed', 'constant', 'uniform', 'repeated'] as const;
type Source = (typeof SOURCES)[number];

/** A call with numbers. It prints as its parameters. */
export interface Case extends Call {
  readonly label: string;
  readonly sources: readonly Source[];
  readonly seed: number;
}

export const four = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { minLength: 4, maxLength: 4 });

/** @param params plain data: shapes and attributes, to be printed and made smaller when a case fails */
export const cases = <P>(params: fc.Arbitrary<P>, of: (params: P) => Call): fc.Arbitrary<Case> => {
  const source = fc.oneof({ weight: 5, arbitrary: fc.constant('fed' as const) }, fc.constantFrom(...SOURCES));
  return fc.record({ params, sources: four(source), seed: fc.noShrink(fc.nat()) }).map(({ params, sources, seed }) => {
    const call = of(params);
    const from = call.inputs.map((_, i) => sources[i % 4]);
    const label = `${JSON.stringify(params)}, inputs ${from.join()}, values ${seed}`;
    return { ...call, label, sources, seed, [fc.toStringMethod]: () => label };
  });
};

/** An input as it is fed, and how a function makes the input of it. */
interface Fed {
  readonly tensor: HostTensor;
  readonly constant: boolean;
  readonly use: (tensor: Tensor) => Tensor;
}

function feed({ shape, values }: Input, source: Source, seed: string): Fed {
  const { dtype, varied = false } = values;
  const repeated = source === 'repeated' && !varied && shape.length > 0;
  const fedShape = repeated ? [1, ...shape.slice(1)] : shape;
  const size = sizeOf(fedShape);
  const drawn = values.draw(new Random(11, seed), size);
  const data = source === 'uniform' && !varied ? drawn.fill(drawn[0] as number) : drawn;
  const tensor: HostTensor =
    dtype === 'float32'
      ? { dtype, shape: fedShape, data: Float32Array.from(data) }
      : dtype === 'uint8'
        ? { dtype, shape: fedShape, data: Uint8Array.from(data) }
        : { dtype: 'int32', shape: fedShape, data: Int32Array.from(data) };
  const use = (t: Tensor): Tensor => {
    const typed = dtype === 'bool' ? tf.cast(t, 'bool') : t;
    return repeated ? tf.broadcastTo(typed, [...shape]) : typed;
  };
  return { tensor, constant: source === 'constant' || source === 'uniform', use };
}

const constantOf = ({ dtype, data, shape }: HostTensor): Tensor =>
  dtype === 'float32' ? tf.tensor(data, [...shape], dtype) : tf.tensor(Int32Array.from(data), [...shape], 'int32');

let functions = 0;

/**
 * Both runners agree on every value of the cases, and on the gradients of a random weighting of their outputs. All cases
 * make one graph: a session for each would take most of the time.
 *
 * @param actual records
 * @param called told before and after each call
 */
export async function expectAgreement(
  what: string,
  list: readonly Case[],
  actual: Runner,
  expected: Runner,
  called: (one: Case, moment: 'before' | 'after') => void = () => {},
): Promise<void> {
  const fed = list.map(({ inputs, sources, seed }) =>
    inputs.map((one, i) => feed(one, sources[i % 4] as Source, `${seed} ${i}`)),
  );
  const parameters: Record<string, HostTensor> = {};
  const batch: Record<string, HostTensor> = {};
  fed.forEach((inputs, c) => {
    inputs.forEach(({ tensor, constant }, i) => {
      const learnt = tensor.dtype === 'float32' && !list[c]?.inputs[i]?.values.fixed;
      if (!constant) (learnt ? parameters : batch)[`${c} x${i}`] = tensor;
    });
  });

  const types: string[][][] = [];
  const values = (p: Tensors, b: Tensors): Tensor[][] => {
    const results = list.map((one, c) => {
      const inputs = (fed[c] as Fed[]).map(({ tensor, use }, i) => {
        const name = `${c} x${i}`;
        return use(p[name] ?? b[name] ?? constantOf(tensor));
      });
      called(one, 'before');
      const call = tf.getBackend() === TRACE ? one.call : (one.definition ?? one.call);
      const results = [call(...inputs)].flat();
      called(one, 'after');
      return results;
    });
    types.push(results.map((of) => of.map(({ dtype, shape }) => `${dtype}[${shape}]`)));
    return results;
  };
  const named = (results: Tensor[][]): Record<string, Tensor> =>
    Object.fromEntries(results.flatMap((list, c) => list.map((y, i) => [`${c} y${i}`, y])));
  const label = (name: string): string => `${what} ${name.split(' ')[1]} of ${list[Number.parseInt(name, 10)]?.label}`;

  const forward: TensorFunction = { key: `forward ${functions++}`, call: (p, b) => named(values(p, b)) };
  const [a, b] = [await actual.forward(forward, parameters, batch), await expected.forward(forward, parameters, batch)];
  list.forEach((one, c) => {
    expect(types[0]?.[c], `${what}: types of ${one.label}`).toEqual(types[1]?.[c]);
  });
  for (const name of Object.keys(b)) expectClose(a[name], b[name], label(name), 1e-5);

  const differentiable = (name: string): boolean => list[Number.parseInt(name, 10)]?.gradient ?? false;
  if (!Object.keys(parameters).some(differentiable)) return;
  const backward: TensorFunction = {
    key: `backward ${functions++}`,
    call: (p, b) => {
      const outputs = named(values(p, b));
      const weighted = Object.entries(outputs).flatMap(([name, y]) =>
        differentiable(name) && y.dtype === 'float32'
          ? [tf.sum(tf.mul(y, tf.tensor(floats(`weight ${name.split(' ')[1]}`, y.shape).data, y.shape)))]
          : [],
      );
      return { ...outputs, loss: weighted.reduce((sum, one) => tf.add(sum, one), tf.scalar(0)) };
    },
  };
  const [da, db] = [
    await actual.gradients(backward, parameters, batch),
    await expected.gradients(backward, parameters, batch),
  ];
  // The loss is a sum of all cases, so that its rounding says nothing of a single one; it has no label either.
  for (const name of Object.keys(b)) expectClose(da.values[name], db.values[name], label(name), 1e-5);
  const gradients = (of: object): string[] =>
    Object.keys(of)
      .map((name) => `gradient by ${label(name)}`)
      .sort();
  expect(gradients(da.gradients)).toEqual(gradients(db.gradients));
  for (const [name, gradient] of Object.entries(db.gradients)) {
    const like = parameters[name] as HostTensor;
    expectClose(dense(da.gradients[name], like), dense(gradient, like), `gradient by ${label(name)}`, 1e-5);
  }
}
