import { afterAll, describe, expect, it, vi } from 'vitest';
import { families } from '../../src/backend/lower/index.js';
import { gelu, layerNorm } from '../../src/backend/ops.js';
import { createRunner, type HostTensor, type TensorFunction, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { record, TRACE } from '../../src/backend/trace.js';
import { dense, expectClose, floats, ints } from './rig.js';

/** One call of tfjs ops that ends in the kernel. Floats are given as shapes, or with their range. */
interface Case {
  readonly floats?: readonly (readonly number[])[];
  readonly range?: readonly [number, number];
  readonly ints?: readonly HostTensor[];
  readonly call: (floats: Tensor[], ints: Tensor[]) => Tensor | Tensor[];
  /** tfjs has a gradient for this case, made of kernels that can be recorded. */
  readonly gradient: boolean;
}

type Op1 = (x: Tensor) => Tensor;
type Op2 = (a: Tensor, b: Tensor) => Tensor;
const SHAPES = [[], [3], [2, 3], [2, 1, 3], [2, 1, 3, 2]];
const PAIRS = [
  [[], []],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[], [2, 2]],
  [[1], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [2, 3, 1, 2],
    [3, 4, 1],
  ],
];

const unary = (op: Op1, range: readonly [number, number] = [-2, 2], gradient = true): Case[] =>
  SHAPES.map((shape) => ({ floats: [shape], range, call: ([x]) => op(x as Tensor), gradient }));

const norms: Case[] = SHAPES.slice(1).map((shape) => ({
  floats: [shape, shape.slice(-1), shape.slice(-1)],
  call: ([x, gamma, beta]) => layerNorm(x as Tensor, gamma as Tensor, beta as Tensor, 1e-3),
  gradient: true,
}));

/** @param gradient `of equals`: tfjs's own gradient is wrong where one side is broadcast */
const binary = (
  op: Op2,
  range: readonly [number, number] = [-2, 2],
  gradient: boolean | 'of equals' = true,
): Case[] => [
  ...PAIRS.map((pair) => ({
    floats: pair,
    range,
    call: ([a, b]: Tensor[]) => op(a as Tensor, b as Tensor),
    gradient: gradient === 'of equals' ? String(pair[0]) === String(pair[1]) : gradient,
  })),
  { floats: [[2, 3]], range, call: ([a]) => op(a as Tensor, tf.scalar(1.5)), gradient: gradient === true },
  { floats: [[2, 3]], range, call: ([a]) => op(tf.fill([2, 1], 0.75), a as Tensor), gradient: gradient === true },
];

/** Whole numbers too, where many are equal. */
const comparison = (op: Op2): Case[] => [
  ...binary(op, [-1, 1], false),
  {
    ints: [ints('a', [4, 5], 3), ints('b', [5], 3)],
    call: (_, [a, b]) => op(a as Tensor, b as Tensor),
    gradient: false,
  },
];

type Reduction = (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor;
const AXES: readonly (readonly [number[], number | number[] | undefined])[] = [
  [[], undefined],
  [[4], undefined],
  [[4], 0],
  [[2, 3], undefined],
  [[2, 3], 0],
  [[2, 3], -1],
  [
    [2, 3, 4],
    [0, 2],
  ],
  [[2, 1, 4], 1],
  [
    [2, 3, 1, 4],
    [-1, 1],
  ],
];
const reduction = (op: Reduction, gradient = true): Case[] =>
  AXES.flatMap(([shape, axis]) =>
    [false, true].map((keep) => ({
      floats: [shape],
      call: ([x]: Tensor[]) => op(x as Tensor, axis, keep),
      gradient,
    })),
  );
const arg = (op: (x: Tensor, axis: number) => Tensor): Case[] => [
  { floats: [[4, 5]], call: ([x]) => op(x as Tensor, 0), gradient: false },
  { floats: [[4, 5, 2]], call: ([x]) => op(x as Tensor, -2), gradient: false },
  // Equal ones: the first counts.
  { ints: [ints('ties', [6, 8], 3)], call: (_, [x]) => op(tf.cast(x as Tensor, 'float32'), 1), gradient: false },
];
const topk = (x: Tensor, k: number): Tensor[] => Object.values(tf.topk(x, k));
const positive = (x: Tensor): Tensor => tf.greater(x, 0);
const logical = (op: Op2): Case[] => binary((a, b) => op(positive(a), positive(b)), [-1, 1], false);
const POSITIVE = [0.2, 3] as const;
const ids = ints('ids', [2, 3], 5);
const segments = ints('segments', [6], 4);
const pairs = ints('pairs', [4, 2], 5);
/** Places of a matrix, none twice. */
const apart: HostTensor = { dtype: 'int32', shape: [3, 2], data: Int32Array.of(0, 4, 2, 1, 3, 0) };
/** The places of a matrix of two by two. */
const CORNERS = [0, 0, 0, 1, 1, 0, 1, 1];

const cases: Readonly<Record<string, readonly Case[]>> = {
  Add: [
    ...binary(tf.add),
    { ints: [ids], call: (_, [i]) => tf.add(i as Tensor, tf.scalar(3, 'int32')), gradient: false },
  ],
  Sub: binary(tf.sub),
  Multiply: [...binary(tf.mul), { floats: [[2, 3]], call: ([x]) => tf.mul(x as Tensor, x as Tensor), gradient: true }],
  RealDiv: binary(tf.div, POSITIVE),
  Maximum: binary(tf.maximum, [-2, 2], 'of equals'),
  Minimum: binary(tf.minimum, [-2, 2], 'of equals'),
  Pow: binary(tf.pow, POSITIVE),
  SquaredDifference: binary(tf.squaredDifference, [-2, 2], 'of equals'),
  AddN: [
    {
      floats: [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      call: (all) => tf.addN(all),
      gradient: true,
    },
  ],
  Neg: unary(tf.neg),
  Exp: unary(tf.exp),
  Log: unary(tf.log, POSITIVE),
  Log1p: unary(tf.log1p, POSITIVE),
  Sqrt: unary(tf.sqrt, POSITIVE),
  Rsqrt: [...unary(tf.rsqrt, POSITIVE), ...norms],
  Reciprocal: unary(tf.reciprocal, POSITIVE),
  Square: unary(tf.square),
  Abs: unary(tf.abs),
  Tanh: unary(tf.tanh),
  Sigmoid: unary(tf.sigmoid),
  Relu: unary(tf.relu),
  Erf: [...unary(tf.erf), ...unary(gelu, [-3, 3])],
  Sin: unary(tf.sin),
  Cos: unary(tf.cos),
  Softplus: unary(tf.softplus),
  Step: [...unary(tf.step, [-2, 2], false), ...unary((x) => tf.step(x, 0.25), [-2, 2], false)],
  Equal: comparison(tf.equal),
  NotEqual: comparison(tf.notEqual),
  Greater: comparison(tf.greater),
  GreaterEqual: comparison(tf.greaterEqual),
  Less: comparison(tf.less),
  LessEqual: comparison(tf.lessEqual),
  LogicalAnd: logical(tf.logicalAnd),
  LogicalOr: logical(tf.logicalOr),
  LogicalNot: unary((x) => tf.logicalNot(positive(x)), [-1, 1], false),
  Select: [
    {
      floats: [
        [2, 3],
        [2, 3],
      ],
      ints: [ids],
      call: ([a, b], [i]) => tf.where(tf.greater(i as Tensor, 2), a as Tensor, b as Tensor),
      gradient: true,
    },
    {
      floats: [[4, 6], [4, 1], [6]],
      ints: [segments],
      call: ([a, b, c], [i]) => tf.where(tf.less(i as Tensor, 2), a as Tensor, tf.add(b as Tensor, c as Tensor)),
      gradient: true,
    },
  ],
  Sum: [
    ...reduction(tf.sum),
    ...[[], [3, 4]].map((shape) => ({
      floats: [shape],
      call: ([x]: Tensor[]) => tf.sum(positive(x as Tensor)),
      gradient: false,
    })),
  ],
  Mean: [
    ...reduction(tf.mean),
    { ints: [ids], call: (_, [i]) => tf.mean(i as Tensor, 1), gradient: false },
    { floats: [[3, 4]], call: ([x]) => tf.mean(positive(x as Tensor), 0), gradient: false },
  ],
  Max: reduction(tf.max),
  Min: reduction(tf.min),
  Prod: reduction(tf.prod, false), // its gradient takes cumulative products
  ArgMax: arg(tf.argMax),
  ArgMin: arg(tf.argMin),
  TopK: [
    { floats: [[4, 5]], call: ([x]) => topk(x as Tensor, 3), gradient: false },
    { floats: [[2, 1, 7]], call: ([x]) => topk(x as Tensor, 7), gradient: false },
    // Equal ones: the first counts.
    { ints: [ints('ties', [6, 8], 3)], call: (_, [x]) => topk(tf.cast(x as Tensor, 'float32'), 4), gradient: false },
    { ints: [ints('whole', [6, 8], 3)], call: (_, [x]) => topk(x as Tensor, 4), gradient: false },
  ],
  Softmax: SHAPES.slice(1).map((shape) => ({
    floats: [shape],
    call: ([x]) => tf.softmax(x as Tensor),
    gradient: true,
  })),
  BatchMatMul: [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => {
      const last = (rows: number, columns: number, turned: boolean) => (turned ? [columns, rows] : [rows, columns]);
      const product: Op2 = (a, b) => tf.matMul(a, b, transposeA, transposeB);
      const [a, b] = [last(3, 4, transposeA), last(4, 5, transposeB)];
      return [
        [a, b],
        [
          [2, ...a],
          [2, ...b],
        ],
        [
          [2, 3, ...a],
          [2, 3, ...b],
        ],
        [[2, ...a], b],
        [a, [2, ...b]],
      ].flatMap((pair) => {
        // tfjs has no gradient where the leading axes differ.
        const gradient = String(pair[0]?.slice(0, -2)) === String(pair[1]?.slice(0, -2));
        return [
          { floats: pair, call: ([x, y]: Tensor[]) => product(x as Tensor, y as Tensor), gradient },
          {
            floats: pair,
            call: ([x, y]: Tensor[]) => product(tf.mul(x as Tensor, 0.3), tf.mul(y as Tensor, 7)),
            gradient,
          },
        ];
      });
    }),
  ),
  _FusedMatMul: (['linear', 'relu', 'sigmoid', 'elu'] as const).flatMap((activation) =>
    [false, true].map((transpose) => ({
      floats: transpose ? [[4, 3], [5, 4], [5]] : [[2, 3, 4], [2, 4, 5], [5]],
      call: ([a, b, bias]: Tensor[]) =>
        tf.fused.matMul({
          a: a as Tensor,
          b: b as Tensor,
          transposeA: transpose,
          transposeB: transpose,
          ...(activation !== 'elu' && { bias: bias as Tensor }),
          activation,
        }),
      gradient: false,
    })),
  ),
  Conv2D: [
    { filter: [1, 1, 3, 4], strides: 1, pad: 'valid' },
    { filter: [1, 1, 3, 4], strides: 2, pad: 'valid' },
    { filter: [3, 2, 3, 4], strides: 1, pad: 'same' },
    { filter: [3, 2, 3, 4], strides: [2, 1], pad: 'same' },
    { filter: [2, 2, 3, 4], strides: 1, pad: 1 },
    { filter: [2, 2, 3, 4], strides: 1, pad: 'valid', dilations: 2 },
  ].map(({ filter, strides, pad, dilations = 1 }) => ({
    floats: [[2, 5, 4, 3], filter],
    call: ([x, f]) =>
      tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, strides as [number, number], pad as 'same', 'NHWC', dilations),
    gradient: false,
  })),
  Identity: unary(tf.clone),
  Reshape: [[[6]], [[2, 3]], [[3, 2, 1]], [[-1, 2]]].map(([shape]) => ({
    floats: [[2, 3]],
    call: ([x]) => tf.reshape(x as Tensor, shape as number[]),
    gradient: true,
  })),
  ExpandDims: [0, 1, 2, -1, -2].map((axis) => ({
    floats: [[2, 3]],
    call: ([x]) => tf.expandDims(x as Tensor, axis),
    gradient: true,
  })),
  Transpose: [
    [1, 0],
    [2, 0, 1],
    [0, 2, 1, 3],
    [3, 2, 1, 0],
  ].map((perm) => ({
    floats: [[2, 3, 1, 4].slice(0, perm.length)],
    call: ([x]) => tf.transpose(x as Tensor, perm),
    gradient: true,
  })),
  Cast: [
    { floats: [[3, 4]], call: ([x]) => tf.cast(x as Tensor, 'int32'), gradient: false },
    { floats: [[3, 4]], call: ([x]) => tf.cast(tf.relu(x as Tensor), 'bool'), gradient: false },
    { ints: [ids], call: (_, [i]) => tf.cast(i as Tensor, 'float32'), gradient: false },
    { ints: [ids], call: (_, [i]) => tf.cast(i as Tensor, 'bool'), gradient: false },
    { floats: [[3, 4]], call: ([x]) => tf.cast(positive(x as Tensor), 'float32'), gradient: false },
    { call: () => tf.cast(tf.fill([2, 2], 1.75), 'int32'), gradient: false },
  ],
  Slice: [
    { floats: [[5]], call: ([x]) => tf.slice(x as Tensor, 1, 3), gradient: true },
    { floats: [[4, 5]], call: ([x]) => tf.slice(x as Tensor, [1, 0], [2, -1]), gradient: true },
    { floats: [[2, 3, 4]], call: ([x]) => tf.slice(x as Tensor, [0, 1], [2, 1]), gradient: true },
    { floats: [[2, 3, 4, 2]], call: ([x]) => tf.slice(x as Tensor, [1, 1, 1, 1], [1, 2, 3, 1]), gradient: true },
  ],
  Concat: [
    { floats: [[2], [3]], call: (all) => tf.concat(all), gradient: true },
    {
      floats: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      call: (all) => tf.concat(all, -1),
      gradient: true,
    },
    {
      floats: [
        [2, 0],
        [2, 3],
        [2, 2],
      ],
      call: (all) => tf.concat(all, 1),
      gradient: false,
    },
  ],
  SplitV: [
    { floats: [[4, 6]], call: ([x]) => tf.split(x as Tensor, 3, 1), gradient: true },
    { floats: [[4, 6]], call: ([x]) => tf.split(x as Tensor, [1, 3], 0), gradient: true },
    { floats: [[4, 6]], call: ([x]) => tf.split(x as Tensor, [2, -1, 1], -1), gradient: true },
  ],
  Pack: [0, 1, -1].map((axis) => ({
    floats: [
      [2, 3],
      [2, 3],
    ],
    call: (all) => tf.stack(all, axis),
    gradient: true,
  })),
  Unpack: [0, 1, -1].map((axis) => ({
    floats: [[2, 3, 4]],
    call: ([x]) => tf.unstack(x as Tensor, axis),
    gradient: true,
  })),
  Tile: [
    { floats: [[3]], call: ([x]) => tf.tile(x as Tensor, [2]), gradient: true },
    { floats: [[2, 1]], call: ([x]) => tf.tile(x as Tensor, [1, 3]), gradient: true },
    { floats: [[2, 3]], call: ([x]) => tf.tile(x as Tensor, [2, 2]), gradient: true },
    { floats: [[2, 1]], call: ([x]) => tf.broadcastTo(x as Tensor, [3, 2, 4]), gradient: true },
  ],
  PadV2: [
    { floats: [[3]], call: ([x]) => tf.pad(x as Tensor, [[1, 2]], 0.5), gradient: true },
    {
      floats: [[2, 3]],
      call: ([x]) =>
        tf.pad(x as Tensor, [
          [0, 1],
          [2, 0],
        ]),
      gradient: true,
    },
  ],
  Fill: [
    { call: () => tf.fill([2, 3], 1.5), gradient: false },
    { call: () => tf.fill([40, 50], -2), gradient: false },
    { call: () => tf.fill([3], 2, 'int32'), gradient: false },
  ],
  StridedSlice: [
    { floats: [[5, 4]], call: ([x]) => tf.stridedSlice(x as Tensor, [1, 3], [5, 0], [2, -1]), gradient: false },
    // From the end to before the first.
    { floats: [[5, 4]], call: ([x]) => tf.stridedSlice(x as Tensor, [0, 0], [0, 0], [-1, -2], 3, 3), gradient: false },
    // x[:, 1]
    {
      floats: [[5, 4]],
      call: ([x]) => tf.stridedSlice(x as Tensor, [0, 1], [0, 2], [1, 1], 1, 1, 0, 0, 2),
      gradient: false,
    },
    // x[..., newaxis, -1]
    {
      floats: [[2, 3, 4]],
      call: ([x]) => tf.stridedSlice(x as Tensor, [0, 0, -1], [0, 0, 0], [1, 1, 1], 0, 0, 1, 2, 4),
      gradient: false,
    },
    { floats: [[3, 2]], call: ([x]) => tf.stridedSlice(x as Tensor, [0, 0], [3, 2], [1, 1]), gradient: false },
    { ints: [ids], call: (_, [i]) => tf.stridedSlice(i as Tensor, [0, 2], [2, 0], [1, -1]), gradient: false },
  ],
  Range: [
    { call: () => tf.range(0, 5, 1, 'int32'), gradient: false },
    { call: () => tf.range(1, -2, -0.7), gradient: false },
    { call: () => tf.range(0, 1, 0.1), gradient: false },
  ],
  ZerosLike: unary(tf.zerosLike, [-1, 1], false),
  OnesLike: unary(tf.onesLike, [-1, 1], false),
  GatherV2: [
    ...[0, 1, -1].flatMap((axis) =>
      [ids, ints('vector', [4], 5)].map((indices) => ({
        floats: [[5, 5]],
        ints: [indices],
        call: ([x]: Tensor[], [i]: Tensor[]) => tf.gather(x as Tensor, i as tf.Tensor1D, axis),
        gradient: true,
      })),
    ),
    { floats: [[5]], ints: [ids], call: ([x], [i]) => tf.gather(x as Tensor, i as tf.Tensor1D), gradient: true },
    { floats: [[5, 2, 3]], ints: [ids], call: ([x], [i]) => tf.gather(x as Tensor, i as tf.Tensor1D), gradient: true },
  ],
  GatherNd: [
    { floats: [[5, 5, 2]], ints: [pairs], call: ([x], [i]) => tf.gatherND(x as Tensor, i as Tensor), gradient: false },
    { floats: [[5, 5]], ints: [pairs], call: ([x], [i]) => tf.gatherND(x as Tensor, i as Tensor), gradient: false },
    {
      floats: [[5, 2]],
      ints: [ints('rows', [3, 2, 1], 5)],
      call: ([x], [i]) => tf.gatherND(x as Tensor, i as Tensor),
      gradient: false,
    },
    // Every place in order, and in another.
    {
      floats: [[2, 2, 3]],
      call: ([x]) => tf.gatherND(x as Tensor, tf.tensor2d(CORNERS, [4, 2], 'int32')),
      gradient: false,
    },
    {
      floats: [[2, 2, 3]],
      call: ([x]) => tf.gatherND(x as Tensor, tf.tensor2d([...CORNERS].reverse(), [4, 2], 'int32')),
      gradient: false,
    },
  ],
  ScatterNd: [
    // Some of the places more than once.
    {
      floats: [[4, 2]],
      ints: [pairs],
      call: ([x], [i]) => tf.scatterND(i as Tensor, x as Tensor, [5, 5, 2]),
      gradient: false,
    },
    {
      floats: [[6]],
      ints: [ints('places', [6, 1], 3)],
      call: ([x], [i]) => tf.scatterND(i as Tensor, x as Tensor, [4]),
      gradient: false,
    },
    {
      ints: [ints('places', [6, 1], 3), segments],
      call: (_, [i, x]) => tf.scatterND(i as Tensor, x as Tensor, [4]),
      gradient: false,
    },
    {
      floats: [[4, 3]],
      call: ([x]) => tf.scatterND(tf.tensor2d(CORNERS, [4, 2], 'int32'), x as Tensor, [2, 2, 3]),
      gradient: false,
    },
    {
      floats: [[4]],
      call: ([x]) => tf.scatterND(tf.tensor2d([...CORNERS].reverse(), [4, 2], 'int32'), x as Tensor, [2, 2]),
      gradient: false,
    },
  ],
  SparseToDense: [
    {
      floats: [[3]],
      ints: [apart],
      call: ([x], [i]) => tf.sparseToDense(i as Tensor, x as Tensor, [4, 5], 0.5),
      gradient: false,
    },
    {
      floats: [[]],
      ints: [apart],
      call: ([x], [i]) => tf.sparseToDense(i as Tensor, x as Tensor, [4, 5]),
      gradient: false,
    },
    {
      ints: [apart, ints('three', [3], 9)],
      call: (_, [i, x]) => tf.sparseToDense(i as Tensor, x as Tensor, [4, 5], tf.scalar(-1, 'int32')),
      gradient: false,
    },
    { floats: [[2]], call: ([x]) => tf.sparseToDense(tf.tensor1d([3, 1], 'int32'), x as Tensor, [5]), gradient: false },
    {
      floats: [[4]],
      call: ([x]) => tf.sparseToDense(tf.tensor2d(CORNERS, [4, 2], 'int32'), x as Tensor, [2, 2], -1),
      gradient: false,
    },
  ],
  UnsortedSegmentSum: [[6], [6, 3], [6, 2, 2]].map((shape) => ({
    floats: [shape],
    ints: [segments],
    call: ([x], [i]) => tf.unsortedSegmentSum(x as Tensor, i as tf.Tensor1D, 4),
    gradient: true,
  })),
  OneHot: [
    { ints: [ids], call: (_, [i]) => tf.oneHot(i as Tensor, 4), gradient: false },
    { ints: [segments], call: (_, [i]) => tf.oneHot(i as Tensor, 4, 0.9, 0.1, 'float32'), gradient: false },
  ],
  // Where no gradient is wanted; with one they are made of Rsqrt and Erf.
  RecipeLayerNorm: norms.map((c) => ({ ...c, gradient: false })),
  RecipeGelu: unary(gelu, [-3, 3], false),
};

describe('every kernel gives the same recorded as on the cpu backend', async () => {
  const recorded = await createRunner('onnx', 2);
  const cpu = await createRunner('cpu', 1);
  afterAll(() => recorded.release());
  record({}, () => ({})); // registers the kernels

  for (const kernel of families.flatMap((family) => Object.keys(family))) {
    it(kernel, async () => {
      const list = cases[kernel];
      if (!list) return expect.fail(`kernel ${kernel} has no case in this test`);
      using spy = vi.spyOn(tf.getKernel(kernel, TRACE), 'kernelFunc');
      const parameters: Record<string, HostTensor> = {};
      const batch: Record<string, HostTensor> = {};
      list.forEach(({ floats: shapes = [], range: [from, to] = [-2, 2], ints: whole = [] }, c) => {
        shapes.forEach((shape, i) => {
          parameters[`${c} x${i} [${shape}]`] = floats(`${kernel} ${c} ${i}`, shape, from, to);
        });
        whole.forEach((tensor, i) => {
          batch[`${c} i${i}`] = tensor;
        });
      });
      const of = (tensors: Tensors, c: number): Tensor[] =>
        Object.keys(tensors).flatMap((name) => (name.startsWith(`${c} `) ? [tensors[name] as Tensor] : []));

      // All cases in one graph: a session for each would take most of the time.
      const unused: number[] = [];
      const fn: TensorFunction = {
        key: kernel,
        call: (p, b) => {
          const named: Record<string, Tensor> = {};
          let loss: Tensor = tf.scalar(0);
          list.forEach(({ call, gradient }, c) => {
            const before = spy.mock.calls.length;
            const results = [call(of(p, c), of(b, c))].flat();
            if (tf.getBackend() === TRACE && spy.mock.calls.length === before) unused.push(c);
            results.forEach((y, i) => {
              named[`${c} y${i}`] = y;
              // Every element counts with another weight.
              const weight = (): Tensor => tf.tensor(floats(`weight ${i}`, y.shape).data, y.shape);
              if (gradient) loss = tf.add(loss, tf.sum(tf.mul(y, weight())));
            });
          });
          return list.some(({ gradient }) => gradient) ? { ...named, loss } : named;
        },
      };

      const label = (name: string): string => `${kernel} ${name}: ${list[Number.parseInt(name, 10)]?.call}`;
      if (list.some(({ gradient }) => gradient)) {
        const [a, b] = [await recorded.gradients(fn, parameters, batch), await cpu.gradients(fn, parameters, batch)];
        for (const name of Object.keys(b.values)) expectClose(a.values[name], b.values[name], label(name));
        expect(Object.keys(a.gradients).sort()).toEqual(Object.keys(b.gradients).sort());
        for (const [name, like] of Object.entries(parameters)) {
          if (!list[Number.parseInt(name, 10)]?.gradient) continue;
          expectClose(dense(a.gradients[name], like), dense(b.gradients[name], like), `gradient of ${label(name)}`);
        }
      } else {
        const [a, b] = [await recorded.forward(fn, parameters, batch), await cpu.forward(fn, parameters, batch)];
        for (const name of Object.keys(b)) expectClose(a[name], b[name], label(name));
      }
      expect(
        unused.map((c) => String(list[c]?.call)),
        'cases that do not use the kernel',
      ).toEqual([]);
    });
  }

  it('has no case for a kernel that is gone', () => {
    expect(Object.keys(cases).sort()).toEqual(families.flatMap((family) => Object.keys(family)).sort());
  });
});
