import type { Value } from '../graph.js';
import { inferShape, normalAxes, sizeOf } from '../shape.js';
import { tf } from '../tf.js';
import type { Call, Family } from './lowering.js';

const DTYPES = { float32: 'float32', int32: 'int32', bool: 'bool' } as const;
type TfDType = keyof typeof DTYPES;

const slice = ({ g }: Call, x: Value, begin: readonly number[], size: readonly number[]): Value => {
  // All of what is fed stays a slice: of a table of positions it is one at the longest length, and others are of less.
  if (x.input === undefined && begin.every((b, i) => b === 0 && size[i] === x.shape[i])) return x;
  const axes = x.shape.map((_, i) => i);
  const ends = begin.map((b, i) => b + (size[i] as number));
  return g.emit('Slice', [x, g.ints(begin), g.ints(ends), g.ints(axes)], { dtype: x.dtype, shape: size });
};

const concat = ({ g }: Call, values: readonly Value[], axis: number): Value => {
  const [first] = values as [Value];
  const total = values.reduce((n, v) => n + (v.shape[axis] as number), 0);
  const shape = first.shape.map((d, i) => (i === axis ? total : d));
  return values.length === 1 ? first : g.emit('Concat', values, { dtype: first.dtype, shape }, { axis });
};

/** Operators that move or repeat elements and compute none. */
export const shaping: Family = {
  Identity: ({ input }) => input('x'),
  Reshape: ({ g, input, attrs }) =>
    g.reshape(input('x'), inferShape(attrs.shape as number[], sizeOf(input('x').shape))),
  ExpandDims: ({ g, input, attrs }) => {
    const x = input('input');
    const dim = attrs.dim as number;
    const at = dim < 0 ? x.shape.length + 1 + dim : dim;
    return g.reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
  },
  Transpose: ({ g, input, attrs }) => g.transpose(input('x'), attrs.perm as number[]),
  Cast: ({ g, input, attrs }) => g.cast(input('x'), DTYPES[attrs.dtype as TfDType]),
  Slice: (call) => {
    const x = call.input('x');
    const begin = [call.attrs.begin as number | number[]].flat();
    const starts = x.shape.map((_, i) => begin[i] ?? 0);
    const asked = [call.attrs.size as number | number[]].flat();
    const size = x.shape.map((d, i) => {
      const s = asked[i] ?? -1;
      return s === -1 ? d - (starts[i] as number) : s;
    });
    return slice(call, x, starts, size);
  },
  StridedSlice: ({ g, input, attrs }) => {
    const x = input('x');
    const given = (name: string): number[] => attrs[name] as number[];
    const mask = (name: string): number => attrs[`${name}Mask`] as number;
    const info = tf.slice_util.sliceInfo(
      [...x.shape],
      given('begin'),
      given('end'),
      given('strides'),
      mask('begin'),
      mask('end'),
      mask('ellipsis'),
      mask('newAxis'),
      mask('shrinkAxis'),
    );
    if (info.isIdentity) return g.reshape(x, info.finalShape);
    const { begin, end, strides } = info;
    // Before the first element is -1 to tfjs; to ONNX that is the last one.
    const ends = end.map((e, i) => ((strides[i] as number) < 0 && e < 0 ? -1 - (x.shape[i] as number) : e));
    const axes = x.shape.map((_, i) => i);
    const inputs = [x, g.ints(begin), g.ints(ends), g.ints(axes), g.ints(strides)];
    const shape = tf.slice_util.computeOutShape(begin, end, strides);
    return g.reshape(g.emit('Slice', inputs, { dtype: x.dtype, shape }), info.finalShape);
  },
  Concat: (call) => {
    const values = call.inputs();
    const axis = normalAxes(call.attrs.axis as number, (values[0] as Value).shape.length)[0] as number;
    return concat(
      call,
      values.filter((v) => sizeOf(v.shape) > 0),
      axis,
    );
  },
  SplitV: (call) => {
    const x = call.input('x');
    const axis = normalAxes(call.attrs.axis as number, x.shape.length)[0] as number;
    const asked = call.attrs.numOrSizeSplits as number | number[];
    const length = x.shape[axis] as number;
    const sizes = typeof asked === 'number' ? Array.from({ length: asked }, () => length / asked) : asked;
    const known = sizes.reduce((n, s) => n + Math.max(s, 0), 0);
    let at = 0;
    return sizes.map((asOne) => {
      const size = asOne === -1 ? length - known : asOne;
      const begin = x.shape.map((_, i) => (i === axis ? at : 0));
      at += size;
      return slice(
        call,
        x,
        begin,
        x.shape.map((d, i) => (i === axis ? size : d)),
      );
    });
  },
  Pack: (call) => {
    const values = call.inputs();
    const rank = (values[0] as Value).shape.length + 1;
    const axis = normalAxes((call.attrs.axis as number) ?? 0, rank)[0] as number;
    return concat(
      call,
      values.map((v) => call.g.reshape(v, [...v.shape.slice(0, axis), 1, ...v.shape.slice(axis)])),
      axis,
    );
  },
  Unpack: (call) => {
    const x = call.input('value');
    const axis = normalAxes((call.attrs.axis as number) ?? 0, x.shape.length)[0] as number;
    return Array.from({ length: x.shape[axis] as number }, (_, at) => {
      const begin = x.shape.map((_d, i) => (i === axis ? at : 0));
      const one = slice(
        call,
        x,
        begin,
        x.shape.map((d, i) => (i === axis ? 1 : d)),
      );
      return call.g.reshape(
        one,
        x.shape.filter((_d, i) => i !== axis),
      );
    });
  },
  Tile: ({ g, input, attrs }) => {
    const x = input('x');
    const reps = attrs.reps as number[];
    const shape = x.shape.map((d, i) => d * (reps[i] as number));
    if (x.shape.every((d, i) => d === 1 || reps[i] === 1)) return g.expand(x, shape);
    return g.emit('Tile', [x, g.ints(reps)], { dtype: x.dtype, shape });
  },
  PadV2: ({ g, input, attrs }) => {
    const x = input('x');
    const paddings = attrs.paddings as [number, number][];
    const shape = x.shape.map((d, i) => d + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0));
    const pads = g.ints([...paddings.map((p) => p[0]), ...paddings.map((p) => p[1])]);
    return g.emit('Pad', [x, pads, g.uniform(attrs.constantValue as number, x.dtype)], { dtype: x.dtype, shape });
  },
  Fill: ({ g, attrs }) =>
    g.uniform(attrs.value as number, DTYPES[(attrs.dtype as TfDType) ?? 'float32'], attrs.shape as number[]),
  Range: ({ g, attrs }) => {
    const { start, stop, step } = attrs as { start: number; stop: number; step: number };
    const dtype = (attrs.dtype as 'float32' | 'int32' | undefined) ?? 'float32';
    const size = Math.max(0, Math.ceil((stop - start) / step));
    const values = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size);
    // By repeated addition, as tfjs has it.
    for (let i = 0; i < size; i++) values[i] = i === 0 ? start : (values[i - 1] as number) + step;
    return g.constant(values, dtype, [size]);
  },
  ZerosLike: ({ g, input }) => g.uniform(0, input('x').dtype, input('x').shape),
  OnesLike: ({ g, input }) => g.uniform(1, input('x').dtype, input('x').shape),
};
