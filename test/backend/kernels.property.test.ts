import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { families } from '../../src/backend/lower/index.js';
import * as ops from '../../src/backend/ops.js';
import { createRunner } from '../../src/backend/runner.js';
import { type Shape, type Tensor, tf } from '../../src/backend/tf.js';
import { record, TRACE } from '../../src/backend/trace.js';
import {
  ANY,
  alternating,
  between,
  type Call,
  type Case,
  cases,
  type DType,
  distinct,
  expectAgreement,
  four,
  input,
  places,
  signs,
  stepped,
  type Values,
  whole,
} from './property.js';

const SEED = 20250;
const RUNS = 3;
const CASES = 48;

// Nothing here is drawn from what was drawn before: fast-check shrinks such values best. Numbers are taken modulo what is
// possible, and lists of four are cut to the rank.

const dimension = fc.integer({ min: 1, max: 5 });
const number = fc.nat(99);
const shapes = (minRank = 0, maxRank = 4, d = dimension): fc.Arbitrary<number[]> =>
  fc.array(d, { minLength: minRank, maxLength: maxRank });
/** Shapes that broadcast to one another: one shape less some leading axes, and some axes made 1. */
const broadcasting = (count: number): fc.Arbitrary<number[][]> => {
  const side = fc.record({ dropped: fc.nat(4), ones: four(fc.boolean()) });
  return fc
    .record({ full: shapes(), sides: fc.array(side, { minLength: count, maxLength: count }) })
    .map(({ full, sides }) =>
      sides.map(({ dropped, ones }) => full.map((d, i) => (ones[i] ? 1 : d)).slice(dropped % (full.length + 1))),
    );
};
/** The n-th axis of a rank, counted from either end. */
const axisOf = (n: number, rank: number): number => (n % (2 * rank)) - rank;
const normal = (axis: number, rank: number): number => (axis + rank) % rank;
/** The order that sorts the keys. */
const orderOf = (keys: readonly number[], rank: number): number[] =>
  Array.from({ length: rank }, (_, i) => i).sort((i, j) => (keys[i] as number) - (keys[j] as number));
const replaced = (shape: Shape, axis: number, d: number): number[] =>
  shape.map((old, i) => (i === normal(axis, shape.length) ? d : old));

const positive = between(0.2, 3);
/** A third of them rule out what they are added to before a softmax. */
const blocks: Values = {
  dtype: 'float32',
  fixed: true,
  draw: (random, size) => Array.from({ length: size }, () => (random.below(3) ? 0 : -1e9)),
};
const dtypes = <T extends DType>(...of: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...of);
const anyType = dtypes('float32', 'int32', 'bool');
const numeric = dtypes('float32', 'int32');

type Op1 = (x: Tensor) => Tensor;
type Op2 = (a: Tensor, b: Tensor) => Tensor;

const unary = (op: Op1, values: Values = ANY.float32, ...others: readonly Values[]): fc.Arbitrary<Case> => {
  const byType = Object.fromEntries([values, ...others].map((v) => [v.dtype, v]));
  return cases(
    fc.record({ shape: shapes(), dtype: fc.constantFrom(...Object.keys(byType)) }),
    ({ shape, dtype }): Call => ({ inputs: [input(shape, byType[dtype])], call: op, gradient: true }),
  );
};
const defined = (of: fc.Arbitrary<Case>, definition: Op1): fc.Arbitrary<Case> =>
  of.map((one) => ({ ...one, definition: (x) => definition(x as Tensor) }));

interface Pair {
  readonly types?: readonly (readonly [DType, DType])[];
  readonly values?: readonly [Values, Values];
  /** `of equals`: tfjs's own gradient is wrong where one side is broadcast. */
  readonly gradient?: boolean | 'of equals';
}
const FLOATS = ['float32', 'float32'] as const;
/** Types that tfjs brings to one that it computes in. */
const ARITHMETIC = [
  FLOATS,
  FLOATS,
  ['int32', 'int32'],
  ['float32', 'int32'],
  ['bool', 'float32'],
  ['int32', 'bool'],
] as const;
const binary = (
  op: Op2,
  { types = ARITHMETIC, values = [ANY.float32, ANY.float32], gradient = true }: Pair = {},
): fc.Arbitrary<Case> =>
  cases(
    fc.record({ shapes: broadcasting(2), dtypes: fc.constantFrom(...types) }),
    ({ shapes: [a = [], b = []], dtypes }) => ({
      inputs: [a, b].map((shape, i) => {
        const dtype = dtypes[i] as DType;
        return input(shape, dtype === 'float32' ? values[i] : ANY[dtype]);
      }),
      call: op,
      gradient: gradient === 'of equals' ? String(a) === String(b) : gradient,
    }),
  );
/** Steps of a half: many are equal. */
const comparison = (op: Op2, ...types: readonly (readonly [DType, DType])[]): fc.Arbitrary<Case> =>
  binary(op, {
    types: [FLOATS, ['int32', 'int32'], ['int32', 'float32'], ['uint8', 'uint8'], ['uint8', 'int32'], ...types],
    values: [stepped(0.5), stepped(0.5)],
    gradient: false,
  });
const BOOLS = ['bool', 'bool'] as const;
const logical = (op: Op2): fc.Arbitrary<Case> => binary(op, { types: [BOOLS], gradient: false });
/** Nowhere equal. */
const extremum = (op: Op2): fc.Arbitrary<Case> =>
  binary(op, { values: [stepped(0.25), stepped(0.25, 0.125)], gradient: 'of equals' });
const sameTwice = (op: Op2): fc.Arbitrary<Case> => unary((x) => op(x, x));

const select = (...types: readonly (readonly [DType, DType])[]): fc.Arbitrary<Case> =>
  cases(
    fc.record({ shapes: broadcasting(3), dtypes: fc.constantFrom(...types) }),
    ({ shapes: [condition = [], t = [], e = []], dtypes: [typeT, typeE] }) => ({
      inputs: [input(condition, ANY.bool), input(t, ANY[typeT]), input(e, ANY[typeE])],
      call: (c, a, b) => tf.where(c as Tensor, a as Tensor, b as Tensor),
      gradient: true,
    }),
  );
/** @param outside how far ids may lie outside */
const segmentSum = (dtype: DType, outside = 0): fc.Arbitrary<Case> =>
  cases(fc.record({ shape: shapes(1), segments: dimension }), ({ shape, segments }) => ({
    inputs: [input(shape, ANY[dtype]), input(shape.slice(0, 1), whole(-outside, segments - 1 + outside))],
    call: (x, ids) => tf.unsortedSegmentSum(x as Tensor, ids as tf.Tensor1D, segments),
    gradient: true,
  }));
const step = (values: Values): fc.Arbitrary<Case> =>
  cases(fc.record({ shape: shapes(), alpha: fc.constantFrom(0, 0.25, -1, 2) }), ({ shape, alpha }) => ({
    inputs: [input(shape, values)],
    call: (x) => tf.step(x as Tensor, alpha),
    gradient: true,
  }));

type Reduction = (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor;
const reduction = (op: Reduction, values: readonly Values[], gradient = true): fc.Arbitrary<Case> => {
  const byType = Object.fromEntries(values.map((v) => [v.dtype, v]));
  const drawn = fc.record({
    shape: shapes(),
    keys: four(number),
    ends: four(fc.boolean()),
    count: fc.option(fc.nat(4), { nil: undefined }),
    bare: fc.boolean(),
    keepDims: fc.boolean(),
    dtype: fc.constantFrom(...Object.keys(byType)),
  });
  const params = drawn.map(({ shape, keys, ends, count, bare, keepDims, dtype }) => {
    const rank = shape.length;
    const axes = orderOf(keys, rank)
      .slice(0, count ?? 0)
      .map((axis, i) => (ends[i] ? axis - rank : axis));
    return {
      shape,
      axis: count === undefined ? undefined : bare && axes.length === 1 ? axes[0] : axes,
      keepDims,
      dtype,
    };
  });
  return cases(params, ({ shape, axis, keepDims, dtype }) => ({
    inputs: [input(shape, byType[dtype])],
    call: (x) => op(x as Tensor, axis, keepDims),
    gradient,
  }));
};
const shapeAndAxis = fc
  .record({ shape: shapes(1), n: number })
  .map(({ shape, n }) => ({ shape, axis: axisOf(n, shape.length) }));
const arg = (op: (x: Tensor, axis: number) => Tensor): fc.Arbitrary<Case> =>
  cases(fc.record({ at: shapeAndAxis, dtype: numeric }), ({ at: { shape, axis }, dtype }) => ({
    inputs: [input(shape, dtype === 'float32' ? distinct : places)],
    call: (x) => op(x as Tensor, axis),
    gradient: false,
  }));

/** Operators that move elements take all types. */
const moving = <P extends { shape: number[] }>(
  params: fc.Arbitrary<P>,
  op: (x: Tensor, params: P) => Tensor | Tensor[],
  gradient: (params: P) => boolean = () => true,
): fc.Arbitrary<Case> =>
  cases(fc.record({ params, dtype: anyType }), ({ params, dtype }) => ({
    inputs: [input(params.shape, ANY[dtype])],
    call: (x) => op(x as Tensor, params),
    gradient: gradient(params),
  }));

const reshapes = fc
  .record({
    shape: shapes(),
    keys: four(number),
    joined: four(fc.boolean()),
    ones: fc.tuple(fc.boolean(), fc.boolean()),
    inferred: fc.option(number, { nil: undefined }),
  })
  .map(({ shape, keys, joined, ones: [before, after], inferred }) => {
    const to: number[] = before ? [1] : [];
    orderOf(keys, shape.length).forEach((axis, i) => {
      const d = shape[axis] as number;
      if (joined[i] && to.length > 0) to.push((to.pop() as number) * d);
      else to.push(d);
    });
    if (after) to.push(1);
    return { shape, to: to.map((d, i) => (inferred !== undefined && i === inferred % to.length ? -1 : d)) };
  });

const slices = fc
  .record({
    shape: shapes(1),
    from: four(number),
    sizes: four(number),
    toEnd: four(fc.boolean()),
    given: fc.tuple(dimension, fc.nat(5)),
    bare: fc.boolean(),
  })
  .map(({ shape, from, sizes, toEnd, given: [begins, ends], bare }) => {
    const begin = shape.map((d, i) => (i < begins ? (from[i] as number) % d : 0));
    const size = shape.map((d, i) => (toEnd[i] ? -1 : 1 + ((sizes[i] as number) % (d - (begin[i] as number)))));
    return {
      shape,
      begin: bare && begins === 1 ? (begin[0] as number) : begin.slice(0, begins),
      size: ends === 0 ? undefined : size.slice(0, ends),
    };
  });

/** Axes of size `parts` joined, or cut. */
const parts = (minLength: number) =>
  fc.record({
    shape: shapes(1),
    n: number,
    sizes: fc.array(fc.integer({ min: 1, max: 3 }), { minLength, maxLength: 4 }),
  });

const splits = fc
  .record({ parts: parts(1), even: fc.boolean(), inferred: fc.option(number, { nil: undefined }) })
  .map(({ parts: { shape, n, sizes }, even, inferred }) => {
    const axis = axisOf(n, shape.length);
    const total = even ? sizes.length * (sizes[0] as number) : sizes.reduce((a, b) => a + b);
    const asked = sizes.map((s, i) => (inferred !== undefined && i > 0 && i === inferred % sizes.length ? -1 : s));
    return { shape: replaced(shape, axis, total), axis, split: even ? sizes.length : asked };
  });

const small = fc.integer({ min: 1, max: 3 });
const indexed = fc
  .record({ shape: shapes(1), indices: shapes(0, 2), n: number })
  .map(({ shape, indices, n }) => ({ shape, indices, axis: axisOf(n, shape.length) }));

const products = fc
  .record({
    batch: fc.oneof(
      shapes(0, 2).map((b) => [b, b]),
      shapes(1, 2).map((b) => [b, []]),
      shapes(1, 2).map((b) => [[], b]),
      shapes(1, 2).map((b) => [b.map(() => 1), b]),
    ),
    sizes: fc.tuple(dimension, dimension, dimension),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    scales: fc.tuple(fc.constantFrom(1, 0.3), fc.constantFrom(1, 7)),
    after: fc.constantFrom('nothing', 'bias', 'bias and scale'),
  })
  .map(({ batch: [left = [], right = []], sizes: [m, k, n], transposeA, transposeB, scales, after }) => ({
    a: [...left, ...(transposeA ? [k, m] : [m, k])],
    b: [...right, ...(transposeB ? [n, k] : [k, n])],
    bias: [n],
    transposeA,
    transposeB,
    scales,
    after,
  }));

/** Begin, end and step of each axis, with any of the masks. */
const strided = fc
  .record({
    shape: shapes(1, 3),
    from: four(number),
    to: four(number),
    steps: four(fc.constantFrom(1, 2, -1, -2)),
    masks: fc.record({ begin: fc.nat(7), end: fc.nat(7), shrink: fc.nat(7) }),
  })
  .map(({ shape, from, to, steps, masks }) => {
    const axes = shape.map((d, i) => {
      // Where an axis is shrunk away, tfjs's cpu backend reads the wrong elements by other steps than 1.
      const step = masks.shrink === 0 ? (steps[i] as number) : 1;
      const [a, b] = [(from[i] as number) % d, (to[i] as number) % d];
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      // Never an empty part; one that is shrunk away is one element, read forwards.
      if (masks.shrink & (1 << i)) return { begin: a, end: a + 1, step: 1 };
      return step > 0 ? { begin: low, end: high + 1, step } : { begin: high, end: low === 0 ? -d - 1 : low - 1, step };
    });
    return { shape, axes, masks };
  });

/** Places in a shape's leading axes. */
const scattered = fc
  .record({ places: shapes(1, 2), rest: shapes(0, 2), count: small, inOrder: fc.boolean() })
  .map(({ places, rest, count, inOrder }) => {
    const size = places.reduce((a, b) => a * b, 1);
    const order = Array.from({ length: size }, (_, i) => i);
    const chosen = inOrder ? order : order.reverse().slice(0, Math.min(count, size));
    const strides = places.map((_, axis) => places.slice(axis + 1).reduce((a, b) => a * b, 1));
    const indices = chosen.map((i) => strides.map((stride, axis) => Math.floor(i / stride) % (places[axis] as number)));
    return { places, rest, indices };
  });
const indexTensor = (indices: readonly (readonly number[])[]): Tensor =>
  tf.tensor2d(indices.flat(), [indices.length, indices[0]?.length ?? 1], 'int32');

const HOT = [
  { on: 1, off: 0, dtype: 'float32' },
  { on: 0.9, off: 0.1, dtype: 'float32' },
  { on: 1, off: 0, dtype: 'int32' },
  { on: 2, off: -3, dtype: 'int32' },
  { on: 1, off: 0, dtype: 'bool' },
] as const;

const last = (shape: Shape): Shape => shape.slice(-1);
const wide = between(-3, 3);
const norms = fc.record({ shape: shapes(1), epsilon: fc.constantFrom(1e-3, 1e-5, 1e-6, 0.1) });

/**
 * The ops of our own, each against its definition in tfjs's ops with tfjs's own gradients: `ops.ts` itself would be as
 * wrong on the cpu backend.
 */
const own: Readonly<Record<keyof typeof ops, fc.Arbitrary<Case>>> = {
  layerNorm: cases(norms, ({ shape, epsilon }) => ({
    inputs: [input(shape, alternating), input(last(shape), between(0.5, 1.5)), input(last(shape))],
    call: (x, gamma, beta) => ops.layerNorm(x as Tensor, gamma as Tensor, beta as Tensor, epsilon),
    definition: (x, gamma, beta) => {
      const centred = tf.sub(x as Tensor, tf.mean(x as Tensor, -1, true));
      const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
      return tf.add(tf.mul(tf.div(centred, deviation), gamma as Tensor), beta as Tensor);
    },
    gradient: true,
  })),
  rmsNorm: cases(norms, ({ shape, epsilon }) => ({
    inputs: [input(shape, alternating), input(last(shape), between(0.5, 1.5))],
    call: (x, gamma) => ops.rmsNorm(x as Tensor, gamma as Tensor, epsilon),
    definition: (x, gamma) => {
      const root = tf.sqrt(tf.add(tf.mean(tf.square(x as Tensor), -1, true), epsilon));
      return tf.mul(tf.div(x as Tensor, root), gamma as Tensor);
    },
    gradient: true,
  })),
  gelu: defined(unary(ops.gelu, wide), (x) => tf.mul(x, tf.mul(0.5, tf.add(1, tf.erf(tf.div(x, Math.SQRT2)))))),
  geluTanh: defined(unary(ops.geluTanh, wide), (x) => {
    const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x)))));
    return tf.mul(x, tf.mul(0.5, tf.add(1, tf.tanh(inner))));
  }),
  silu: defined(unary(ops.silu, wide), (x) => tf.mul(x, tf.sigmoid(x))),
  attend: cases(
    fc.record({
      sizes: fc.tuple(small, small, dimension, dimension, dimension),
      bias: fc.record({ ones: four(fc.boolean()), dropped: fc.nat(4), blocking: fc.boolean() }),
      keep: fc.constantFrom(undefined, ...(['uint8', 'int32', 'bool', 'float32'] as const)),
      scale: fc.constantFrom(1, 1.5),
    }),
    ({ sizes: [batch, heads, rows, length, d], bias: { ones, dropped, blocking }, keep, scale }) => {
      const scores = [batch, heads, rows, length];
      const other = [batch, heads, length, d];
      const biasShape = scores.map((n, i) => (ones[i] ? 1 : n)).slice(dropped);
      return {
        inputs: [
          input([batch, heads, rows, d]),
          input(other),
          input(other),
          input(biasShape, blocking ? blocks : { ...ANY.float32, fixed: true }),
          ...(keep ? [input(scores, { ...whole(0, 1, keep), fixed: true })] : []),
        ],
        call: (q, k, v, bias, mask) => ops.attend(q as Tensor, k as Tensor, v as Tensor, bias as Tensor, mask, scale),
        definition: (q, k, v, bias, mask) => {
          const products = tf.matMul(q as Tensor, k as Tensor, false, true);
          const scores = tf.add(tf.div(products, Math.sqrt(d)), bias as Tensor);
          const probabilities = tf.softmax(scores);
          const kept = mask ? tf.mul(probabilities, tf.cast(mask, 'float32')) : probabilities;
          return tf.matMul(tf.mul(kept, scale), v as Tensor);
        },
        gradient: true,
      };
    },
  ),
  crossEntropy: cases(
    fc.tuple(dimension, dimension, fc.integer({ min: 2, max: 6 }), fc.boolean()),
    ([n, width, classes, biased]) => ({
      inputs: [
        input([n, width]),
        input([classes, width]),
        input([n], whole(0, classes - 1)),
        ...(biased ? [input([classes])] : []),
      ],
      call: (x, w, targets, b) => ops.crossEntropy(x as Tensor, w as Tensor, targets as Tensor, b),
      definition: (x, w, targets, b) => {
        const products = tf.matMul(x as Tensor, w as Tensor, false, true);
        const logs = tf.logSoftmax(b ? tf.add(products, b) : products);
        return tf.neg(tf.sum(tf.mul(logs, tf.oneHot(targets as tf.Tensor1D, classes)), -1));
      },
      gradient: true,
    }),
  ),
};

const kernels: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  Add: fc.oneof(binary(tf.add), sameTwice(tf.add)),
  Sub: fc.oneof(binary(tf.sub), sameTwice(tf.sub)),
  Multiply: fc.oneof(binary(tf.mul), sameTwice(tf.mul)),
  RealDiv: binary(tf.div, {
    types: [FLOATS, ['int32', 'float32'], ['bool', 'float32']],
    values: [ANY.float32, alternating],
  }),
  Maximum: extremum(tf.maximum),
  Minimum: extremum(tf.minimum),
  Pow: binary(tf.pow, { types: [FLOATS, ['float32', 'int32']], values: [positive, ANY.float32] }),
  SquaredDifference: binary(tf.squaredDifference, { gradient: 'of equals' }),
  AddN: cases(
    fc.record({ shape: shapes(), count: fc.integer({ min: 1, max: 4 }), dtype: numeric }),
    ({ shape, count, dtype }) => ({
      inputs: Array.from({ length: count }, () => input(shape, ANY[dtype])),
      call: (...all) => tf.addN(all),
      gradient: true,
    }),
  ),
  Neg: unary(tf.neg, ANY.float32, ANY.int32),
  Exp: unary(tf.exp),
  Log: unary(tf.log, positive),
  Log1p: unary(tf.log1p, between(-0.7, 3)),
  Sqrt: unary(tf.sqrt, positive),
  Rsqrt: unary(tf.rsqrt, positive),
  Reciprocal: unary(tf.reciprocal, alternating),
  Square: unary(tf.square, ANY.float32, ANY.int32),
  Abs: unary(tf.abs, alternating, ANY.int32),
  Tanh: unary(tf.tanh),
  Sigmoid: unary(tf.sigmoid),
  Relu: unary(tf.relu, alternating, ANY.int32),
  Erf: unary(tf.erf, ANY.float32, ANY.int32),
  Sin: unary(tf.sin),
  Cos: unary(tf.cos),
  Softplus: unary(tf.softplus),
  Step: step(alternating),
  Equal: comparison(tf.equal, BOOLS),
  NotEqual: comparison(tf.notEqual, BOOLS),
  Greater: comparison(tf.greater),
  GreaterEqual: comparison(tf.greaterEqual),
  Less: comparison(tf.less),
  LessEqual: comparison(tf.lessEqual),
  LogicalAnd: logical(tf.logicalAnd),
  LogicalOr: logical(tf.logicalOr),
  LogicalNot: cases(fc.record({ shape: shapes() }), ({ shape }) => ({
    inputs: [input(shape, ANY.bool)],
    call: (x) => tf.logicalNot(x as Tensor),
    gradient: false,
  })),
  Select: select(['float32', 'float32'], ['int32', 'int32']),
  Sum: reduction(tf.sum, [between(-0.5, 2), ANY.int32, ANY.bool]),
  Mean: reduction(tf.mean, [between(-0.5, 2), ANY.int32, ANY.bool]),
  Max: reduction(tf.max, [distinct, ANY.int32]),
  Min: reduction(tf.min, [distinct, ANY.int32]),
  Prod: reduction(tf.prod, [between(0.8, 1.25), signs, ANY.bool], false), // its gradient takes cumulative products
  ArgMax: arg(tf.argMax),
  ArgMin: arg(tf.argMin),
  TopK: cases(
    fc.record({ shape: shapes(1), n: number, dtype: numeric }).map(({ shape, n, dtype }) => {
      const k = 1 + (n % (shape.at(-1) as number));
      return { shape, k, dtype };
    }),
    ({ shape, k, dtype }) => ({
      inputs: [input(shape, dtype === 'float32' ? stepped(0.5) : ANY.int32)],
      call: (x) => Object.values(tf.topk(x as Tensor, k)),
      gradient: false,
    }),
  ),
  Softmax: cases(fc.record({ shape: shapes(1) }), ({ shape }) => ({
    inputs: [input(shape)],
    call: (x) => tf.softmax(x as Tensor),
    gradient: true,
  })),
  BatchMatMul: cases(products, ({ a, b, bias, transposeA, transposeB, scales, after }) => ({
    inputs: [input(a), input(b), input(bias)],
    call: (x, y, z) => {
      const [left, right] = [x, y].map((t, i) => (scales[i] === 1 ? t : tf.mul(t as Tensor, scales[i] as number)));
      const product = tf.matMul(left as Tensor, right as Tensor, transposeA, transposeB);
      if (after === 'nothing') return product;
      const sum = tf.add(product, z as Tensor);
      return after === 'bias' ? sum : tf.mul(sum, 1.5);
    },
    // tfjs has no gradient where the leading axes differ.
    gradient: String(a.slice(0, -2)) === String(b.slice(0, -2)),
  })),
  _FusedMatMul: cases(
    fc.record({
      sizes: fc.tuple(dimension, dimension, dimension),
      batch: shapes(0, 1),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      biased: fc.boolean(),
      activation: fc.constantFrom('linear', 'relu', 'sigmoid', 'elu'),
    }),
    ({ sizes: [m, k, n], batch, transposeA, transposeB, biased, activation }) => ({
      inputs: [
        input([...batch, ...(transposeA ? [k, m] : [m, k])]),
        input([...batch, ...(transposeB ? [n, k] : [k, n])]),
        input([n]),
      ],
      call: (a, b, bias) =>
        tf.fused.matMul({
          a: a as Tensor,
          b: b as Tensor,
          transposeA,
          transposeB,
          ...(biased && { bias: bias as Tensor }),
          activation: activation as 'relu',
        }),
      gradient: false,
    }),
  ),
  Conv2D: cases(
    fc.record({
      sizes: fc.tuple(small, dimension, dimension, small, small),
      filter: fc.tuple(small, small),
      stride: fc.integer({ min: 1, max: 2 }),
      pad: fc.constantFrom('same', 'valid', 1),
    }),
    ({ sizes: [batch, height, width, channels, out], filter: [h, w], stride, pad }) => ({
      // By a number tfjs pads for square filters alone.
      inputs: [input([batch, height + 2, width + 2, channels]), input([h, pad === 1 ? h : w, channels, out])],
      call: (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad as 'same'),
      gradient: false,
    }),
  ),
  Identity: moving(fc.record({ shape: shapes() }), (x) => tf.clone(x)),
  Reshape: moving(reshapes, (x, { to }) => tf.reshape(x, to)),
  ExpandDims: moving(
    fc.record({ shape: shapes(0, 3), n: number }).map(({ shape, n }) => ({ shape, axis: axisOf(n, shape.length + 1) })),
    (x, { axis }) => tf.expandDims(x, axis),
  ),
  Transpose: moving(
    fc
      .record({ shape: shapes(2), keys: four(number) })
      .map(({ shape, keys }) => ({ shape, perm: orderOf(keys, shape.length) })),
    (x, { perm }) => tf.transpose(x, perm),
  ),
  Cast: cases(
    fc.record({ shape: shapes(), from: dtypes('float32', 'int32', 'bool', 'uint8'), to: anyType }),
    ({ shape, from, to }) => ({
      inputs: [input(shape, from === 'float32' ? stepped(0.25) : ANY[from])],
      call: (x) => tf.cast(x as Tensor, to),
      gradient: true,
    }),
  ),
  Slice: moving(slices, (x, { begin, size }) => tf.slice(x, begin, size)),
  Concat: cases(
    fc.record({ parts: parts(2), dtype: anyType }).map(({ parts: { shape, n, sizes }, dtype }) => {
      const axis = axisOf(n, shape.length);
      return { shapes: sizes.map((d) => replaced(shape, axis, d)), axis, dtype };
    }),
    ({ shapes, axis, dtype }) => ({
      inputs: shapes.map((shape) => input(shape, ANY[dtype])),
      call: (...all) => tf.concat(all, axis),
      gradient: true,
    }),
  ),
  SplitV: moving(
    splits,
    (x, { split, axis }) => tf.split(x, typeof split === 'number' ? split : [...split], axis), // tfjs writes into it
    ({ split }) => (typeof split === 'number' ? split : split.length) > 1,
  ),
  Pack: cases(
    fc
      .record({ shape: shapes(0, 3), n: number, count: small, dtype: anyType })
      .map(({ n, ...rest }) => ({ ...rest, axis: axisOf(n, rest.shape.length + 1) })),
    ({ shape, axis, count, dtype }) => ({
      inputs: Array.from({ length: count }, () => input(shape, ANY[dtype])),
      call: (...all) => tf.stack(all, axis),
      gradient: true,
    }),
  ),
  Unpack: moving(
    shapeAndAxis,
    (x, { axis }) => tf.unstack(x, axis),
    ({ shape, axis }) => shape.at(axis) !== 1,
  ),
  Tile: moving(
    fc.record({ shape: shapes(1, 4, small), times: four(fc.nat(2)) }).map(({ shape, times }) => ({
      shape,
      reps: shape.map((_, i) => 1 + ((times[i] as number) % (shape.length > 2 ? 2 : 3))),
    })),
    (x, { reps }) => tf.tile(x, reps),
  ),
  PadV2: moving(
    fc
      .record({
        shape: shapes(1),
        pads: four(fc.tuple(fc.nat(2), fc.nat(2))),
        constant: fc.constantFrom(undefined, 0, 1),
      })
      .map(({ shape, pads, constant }) => ({ shape, paddings: pads.slice(0, shape.length), constant })),
    (x, { paddings, constant }) => tf.pad(x, paddings, constant),
  ),
  // Dimensions enough for constants that are not written out.
  Fill: cases(
    fc.record({
      shape: shapes(0, 4, fc.integer({ min: 1, max: 8 })),
      value: fc.constantFrom(0, 1, 1.5, -2),
      dtype: numeric,
    }),
    ({ shape, value, dtype }) => ({
      inputs: [],
      call: () => tf.fill(shape, dtype === 'int32' ? Math.trunc(value) : value, dtype),
      gradient: false,
    }),
  ),
  StridedSlice: moving(
    strided,
    (x, { axes, masks }) =>
      tf.stridedSlice(
        x,
        axes.map(({ begin }) => begin),
        axes.map(({ end }) => end),
        axes.map(({ step }) => step),
        masks.begin & ~masks.shrink,
        masks.end & ~masks.shrink,
        0,
        0,
        masks.shrink,
      ),
    () => false,
  ),
  Range: cases(
    fc.record({
      start: fc.integer({ min: -5, max: 5 }),
      count: dimension,
      step: fc.constantFrom(1, -2, 0.3),
      dtype: numeric,
    }),
    ({ start, count, step: asked, dtype }) => {
      const step = dtype === 'int32' ? Math.trunc(asked) || 3 : asked;
      return { inputs: [], call: () => tf.range(start, start + count * step, step, dtype), gradient: false };
    },
  ),
  ZerosLike: moving(fc.record({ shape: shapes() }), (x) => tf.zerosLike(x)),
  OnesLike: moving(fc.record({ shape: shapes() }), (x) => tf.onesLike(x)),
  GatherV2: cases(fc.record({ indexed, dtype: anyType }), ({ indexed: { shape, indices, axis }, dtype }) => ({
    inputs: [input(shape, ANY[dtype]), input(indices, whole(0, (shape.at(axis) as number) - 1))],
    call: (x, i) => tf.gather(x as Tensor, i as tf.Tensor1D, axis),
    gradient: true,
  })),
  GatherNd: cases(fc.record({ at: scattered, dtype: anyType }), ({ at: { places, rest, indices }, dtype }) => ({
    inputs: [input([...places, ...rest], ANY[dtype])],
    call: (x) => tf.gatherND(x as Tensor, indexTensor(indices)),
    gradient: false,
  })),
  ScatterNd: cases(fc.record({ at: scattered, dtype: numeric }), ({ at: { places, rest, indices }, dtype }) => ({
    inputs: [input([indices.length, ...rest], ANY[dtype])],
    call: (x) => tf.scatterND(indexTensor(indices), x as Tensor, [...places, ...rest]),
    gradient: false,
  })),
  SparseToDense: cases(fc.record({ at: scattered, dtype: numeric }), ({ at: { places, indices }, dtype }) => ({
    inputs: [input([indices.length], ANY[dtype]), input([], ANY[dtype])],
    call: (x, rest) => tf.sparseToDense(indexTensor(indices), x as Tensor, places, rest as tf.Scalar),
    gradient: false,
  })),
  UnsortedSegmentSum: segmentSum('float32'),
  OneHot: cases(
    fc.record({ shape: shapes(0, 3), depth: fc.integer({ min: 2, max: 5 }), of: fc.constantFrom(...HOT) }),
    ({ shape, depth, of: { on, off, dtype } }) => ({
      inputs: [input(shape, whole(-1, depth))], // those outside are nowhere
      call: (i) => tf.oneHot(i as Tensor, depth, on, off, dtype),
      gradient: false,
    }),
  ),
  // Where no gradient is wanted; with one they are made of Rsqrt and Erf.
  RecipeLayerNorm: own.layerNorm.map((one) => ({ ...one, gradient: false })),
  RecipeGelu: own.gelu.map((one) => ({ ...one, gradient: false })),
};

const BYTES = [
  ['uint8', 'uint8'],
  ['uint8', 'int32'],
] as const;
/**
 * Types that tfjs knows and ONNX Runtime does not compute with, or computes otherwise: what the lowerings do about it.
 * (Ids of a segment sum must be inside, as those of the gather are whose gradient it is: outside, cpu drops them.)
 */
const converted: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  'difference of bytes': binary(tf.sub, { types: [BYTES[0]] }),
  'product of bytes': binary(tf.mul, { types: [BYTES[0]] }),
  'bytes with whole numbers': fc.oneof(
    ...[tf.add, tf.mul, tf.maximum, tf.squaredDifference].map((op) => binary(op, { types: [BYTES[1]] })),
    select(BYTES[1]),
  ),
  'reductions of bytes': fc.oneof(reduction(tf.sum, [ANY.uint8]), reduction(tf.mean, [ANY.uint8])),
  'one-hot of bytes': cases(fc.record({ shape: shapes(0, 3) }), ({ shape }) => ({
    inputs: [input(shape, ANY.uint8)],
    call: (i) => tf.oneHot(i as Tensor, 4),
    gradient: false,
  })),
  'step of whole numbers': step(ANY.int32),
  'exp of whole numbers': unary(tf.exp, ANY.int32),
  'transposed product of whole numbers': cases(
    fc.record({ sizes: fc.tuple(dimension, dimension, dimension) }),
    ({ sizes: [m, k, n] }) => ({
      inputs: [input([k, m], ANY.int32), input([k, n], ANY.int32)],
      call: (a, b) => tf.matMul(a as Tensor, b as Tensor, true),
      gradient: false,
    }),
  ),
  'order of booleans': fc.oneof(
    ...[tf.greater, tf.greaterEqual, tf.less, tf.lessEqual].map((op) =>
      binary(op, { types: [BOOLS], gradient: false }),
    ),
  ),
  'choice of booleans': select(BOOLS),
  'one cold': cases(fc.record({ shape: shapes(0, 3) }), ({ shape }) => ({
    inputs: [input(shape, whole(0, 3))],
    call: (i) => tf.oneHot(i as Tensor, 4, 0, 1, 'bool'),
    gradient: false,
  })),
  'largest of booleans': fc.oneof(reduction(tf.max, [ANY.bool]), reduction(tf.min, [ANY.bool])),
  'segment sum of whole numbers': segmentSum('int32'),
};

const names = (of: object): string[] => Object.keys(of).sort();

describe('random calls give the same recorded as on the cpu backend', async () => {
  const recorded = await createRunner('onnx', 1);
  const cpu = await createRunner('cpu', 1);
  afterAll(() => recorded.release());
  record({}, () => ({})); // registers the kernels

  it('has a property for every kernel and every op of our own', () => {
    expect(names(kernels)).toEqual(families.flatMap(names).sort());
    expect(names(own)).toEqual(names(ops));
  });

  const holds = (of: fc.Arbitrary<Case>, check: (list: readonly Case[]) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(fc.array(of, { minLength: 1, maxLength: CASES, size: 'max' }), check), {
      seed: SEED,
      numRuns: RUNS,
      unbiased: true, // else most lists are short
    });

  for (const [kernel, of] of Object.entries(kernels)) {
    it(kernel, async () => {
      using spy = vi.spyOn(tf.getKernel(kernel, TRACE), 'kernelFunc');
      let before = 0;
      await holds(of, (list) =>
        expectAgreement(kernel, list, recorded, cpu, (one, moment) => {
          if (tf.getBackend() !== TRACE) return;
          if (moment === 'before') before = spy.mock.calls.length;
          else if (spy.mock.calls.length === before) throw new Error(`${kernel} is not called by ${one.label}`);
        }),
      );
    });
  }

  for (const [op, of] of Object.entries({ ...own, ...converted })) {
    it(op, () => holds(of, (list) => expectAgreement(op, list, recorded, cpu)));
  }
});
