import { describe, expect, it } from 'vitest';
import { finish } from '../../src/backend/finish.js';
import { type DType, Graph, type Value } from '../../src/backend/graph.js';
import { encode } from '../../src/backend/onnx/encode.js';
import { createSession } from '../../src/backend/onnx/session.js';
import { type Rule, rules } from '../../src/backend/rules.js';
import type { HostTensor } from '../../src/backend/runner.js';
import { broadcastShape, sizeOf } from '../../src/backend/shape.js';
import { Random } from '../../src/util/random.js';
import { expectClose, floats } from './rig.js';

/** The same graph without its rules: every operator becomes a node. */
class PlainGraph extends Graph {
  override emit(...[op, inputs, output, attributes]: Parameters<Graph['emit']>): Value {
    return this.emitMany(op, inputs, [output], attributes)[0] as Value;
  }
}

const ops = (g: Graph): string[] => g.nodes.map((node) => node.op);
const x = (g: Graph, shape: readonly number[] = [2, 3], dtype: DType = 'float32'): Value =>
  g.inputs.find((v) => v.input === `x${shape}` && v.dtype === dtype) ?? g.input(`x${shape}`, dtype, shape);

interface Example {
  readonly build: (g: Graph) => Value;
  /** Operators that remain. */
  readonly left: readonly string[];
}

/** By the rule's algebra: what it makes of expressions, and expressions it must leave alone. */
const examples: Readonly<Record<string, readonly Example[]>> = {
  'reshape(x, shape of x) → x; expand likewise': [
    { build: (g) => g.reshape(x(g), [2, 3]), left: [] },
    { build: (g) => g.expand(x(g), [2, 3]), left: [] },
    { build: (g) => g.reshape(x(g), [3, 2]), left: ['Reshape'] },
  ],
  'a uniform constant stays one under any change of shape': [
    {
      build: (g) => g.expand(g.transpose(g.reshape(g.uniform(2, 'float32', [6]), [2, 3]), [1, 0]), [4, 3, 2]),
      left: [],
    },
  ],
  'reshape(reshape(x)) → reshape(x)': [
    { build: (g) => g.reshape(g.reshape(x(g), [6]), [3, 2]), left: ['Reshape', 'Reshape'] }, // the first is dead code
    { build: (g) => g.reshape(g.reshape(x(g), [6]), [2, 3]), left: ['Reshape'] },
  ],
  'expand(expand(x)) → expand(x)': [
    { build: (g) => g.expand(g.expand(x(g, [1, 3]), [2, 3]), [4, 2, 3]), left: ['Expand', 'Expand'] },
  ],
  'transpose(x, identity) → x': [{ build: (g) => g.transpose(x(g), [0, 1]), left: [] }],
  'transpose that moves only axes of size 1 → reshape': [
    { build: (g) => g.transpose(x(g, [2, 1, 3]), [1, 0, 2]), left: ['Reshape'] },
    { build: (g) => g.transpose(x(g, [2, 1, 3]), [2, 1, 0]), left: ['Transpose'] },
  ],
  'transpose(transpose(x, p), q) → transpose(x, p∘q)': [
    { build: (g) => g.transpose(g.transpose(x(g, [2, 3, 4]), [1, 2, 0]), [2, 0, 1]), left: ['Transpose'] },
    { build: (g) => g.transpose(g.transpose(x(g, [2, 3, 4]), [1, 2, 0]), [1, 0, 2]), left: ['Transpose', 'Transpose'] },
  ],
  'cast(x, type of x) → x': [
    { build: (g) => g.cast(x(g), 'float32'), left: [] },
    { build: (g) => g.cast(x(g), 'int32'), left: ['Cast'] },
  ],
  'cast(uniform c) → uniform c': [
    { build: (g) => g.cast(g.uniform(-1.5, 'float32', [2]), 'int32'), left: [] },
    { build: (g) => g.cast(g.uniform(0.1, 'float32', [2]), 'float16'), left: ['Cast'] },
  ],
  'c₁ ∘ c₂ → c (rounded to float32, as the kernel would)': [
    { build: (g) => g.binary('Div', g.uniform(1, 'float32'), g.uniform(3, 'float32', [2])), left: [] },
  ],
  'op(c) → c': [{ build: (g) => g.unary('Neg', g.unary('Sqrt', g.uniform(2, 'float32'))), left: [] }],
  'x * 1 → x, 1 * x → x, x / 1 → x (repeated to the result’s shape)': [
    { build: (g) => g.binary('Mul', x(g), g.uniform(1, 'float32')), left: [] },
    { build: (g) => g.binary('Mul', g.uniform(1, 'float32'), x(g)), left: [] },
    { build: (g) => g.binary('Div', x(g), g.uniform(1, 'float32')), left: [] },
    { build: (g) => g.binary('Mul', x(g), g.uniform(1, 'float32', [4, 2, 3])), left: ['Expand'] },
    { build: (g) => g.binary('Div', g.uniform(1, 'float32'), x(g)), left: ['Div'] },
  ],
  'x + 0 → x, 0 + x → x, x - 0 → x': [
    { build: (g) => g.binary('Add', x(g), g.uniform(0, 'float32')), left: [] },
    { build: (g) => g.binary('Add', g.uniform(0, 'float32'), x(g)), left: [] },
    { build: (g) => g.binary('Sub', x(g), g.uniform(0, 'float32')), left: [] },
    { build: (g) => g.binary('Sub', g.uniform(0, 'float32'), x(g)), left: ['Sub'] },
    { build: (g) => g.binary('Add', x(g), g.uniform(0, 'float32', [4, 2, 3])), left: ['Expand'] },
    { build: (g) => g.binary('Add', g.uniform(0, 'float32', [4, 2, 3]), x(g)), left: ['Expand'] },
  ],
  'x * 0 → 0': [{ build: (g) => g.binary('Mul', x(g), g.uniform(0, 'float32')), left: [] }],
  'x ∘ uniform[shape] → x ∘ scalar; repeated where the uniform’s shape was the larger': [
    { build: (g) => g.binary('Max', x(g), g.uniform(0.5, 'float32', [2, 3])), left: ['Max'] },
    { build: (g) => g.binary('Max', x(g), g.uniform(0.5, 'float32', [4, 2, 3])), left: ['Max', 'Expand'] },
  ],
  'expand(x) ∘ y → x ∘ y, repeated to the result’s shape if y alone does not give it': [
    { build: (g) => g.binary('Add', g.expand(x(g, [3]), [2, 3]), x(g)), left: ['Expand', 'Add'] },
    { build: (g) => g.binary('Add', g.expand(x(g, [3]), [2, 3]), x(g, [1, 3])), left: ['Expand', 'Add', 'Expand'] },
  ],
  'f(expand(x)) → expand(f(x))': [
    { build: (g) => g.unary('Exp', g.expand(x(g, [3]), [2, 3])), left: ['Expand', 'Exp', 'Expand'] },
  ],
  'sum over axes of size 1 → reshape': [
    {
      build: (g) =>
        g.emit('ReduceSum', [x(g, [2, 1, 3]), g.ints([1])], { dtype: 'float32', shape: [2, 3] }, { keepdims: 0 }),
      left: ['Reshape'],
    },
    {
      build: (g) => g.emit('ReduceSum', [x(g), g.ints([1])], { dtype: 'float32', shape: [2] }, { keepdims: 0 }),
      left: ['ReduceSum'],
    },
  ],
  'sum over the leading axes → ones · x: one product, three times as fast': [
    { build: (g) => sum(g, x(g, [4, 5, 9]), 2), left: ['Reshape', 'MatMul', 'Reshape'] },
    { build: (g) => sum(g, x(g, [20, 9]), 1), left: ['MatMul', 'Reshape'] },
    { build: (g) => sum(g, x(g, [20, 2]), 1), left: ['ReduceSum'] },
    { build: (g) => sum(g, x(g, [2, 20]), 1), left: ['ReduceSum'] },
    { build: (g) => sum(g, x(g, [10, 20], 'int32'), 1), left: ['ReduceSum'] },
    {
      build: (g) =>
        g.emit('ReduceSum', [x(g, [20, 9]), g.ints([1])], { dtype: 'float32', shape: [20] }, { keepdims: 0 }),
      left: ['ReduceSum'],
    },
  ],
  '(erf(x) + 1) · ½ → HardSigmoid(erf(x)), whose bounds 0 and 1 it never passes': [
    { build: (g) => halved(g, g.unary('Erf', x(g)), 1), left: ['Erf', 'Add', 'HardSigmoid'] }, // Add is dead code
    { build: (g) => halved(g, g.unary('Tanh', x(g)), 1), left: ['Tanh', 'Add', 'Mul'] },
    { build: (g) => halved(g, g.unary('Erf', x(g)), 2), left: ['Erf', 'Add', 'Mul'] },
  ],
};

const sum = (g: Graph, v: Value, count: number): Value =>
  g.emit(
    'ReduceSum',
    [v, g.ints(Array.from({ length: count }, (_, i) => i))],
    { dtype: v.dtype, shape: v.shape.slice(count) },
    { keepdims: 0 },
  );
const halved = (g: Graph, v: Value, one: number): Value =>
  g.binary('Mul', g.binary('Add', v, g.uniform(one, 'float32')), g.uniform(0.5, 'float32'));

/** Numbers for an input, of its type. */
function numbers({ input, shape, dtype }: Value): HostTensor {
  const { data } = floats(input as string, shape);
  if (dtype === 'int32') return { dtype, shape, data: Int32Array.from(data, (v) => 50 * v) };
  return { dtype: 'float32', shape, data };
}

/** Evaluates values of a graph with ONNX Runtime; equal but for the sign of a zero, which the rules may change. */
async function evaluate(g: Graph, values: readonly Value[]): Promise<number[][]> {
  const program = finish({ graph: g, outputs: Object.fromEntries(values.map((v, i) => [`y${i}`, v])) }, () => false);
  const session = await createSession(encode(program), 'cpu', 1);
  const feeds = Object.fromEntries(
    program.inputs.map((v) => {
      return [v.input as string, numbers(v)];
    }),
  );
  const results = await session.run(feeds, Object.keys(program.outputs));
  await session.release();
  return Object.values(results).map((y) => Array.from(y, (n) => n + 0));
}

const all = [...new Set<Rule>([...rules.values()].flat())];

describe('rules', () => {
  it('all have an example here', () => {
    expect(Object.keys(examples).sort()).toEqual(all.map((rule) => rule.algebra).sort());
  });

  for (const [algebra, list] of Object.entries(examples)) {
    it(algebra, async () => {
      for (const { build, left } of list) {
        const [simple, full] = [new Graph(), new PlainGraph()];
        const [a, b] = [build(simple), build(full)];
        expect(ops(simple), String(build)).toEqual(left);
        expect([a.shape, a.dtype]).toEqual([b.shape, b.dtype]);
        if (a.dtype === 'float16') continue;
        const [[own], [plain]] = [await evaluate(simple, [a]), await evaluate(full, [b])];
        if (all.some((rule) => rule.algebra === algebra && rule.rounds)) expectClose(own, plain, algebra, 1e-6);
        else expect(own, String(build)).toEqual(plain);
      }
    });
  }

  it('change no result of random expressions', async () => {
    let saved = 0;
    for (let seed = 0; seed < 40; seed++) {
      const [simple, full] = [new Graph(), new PlainGraph()];
      const [a, b] = [randomExpressions(simple, seed), randomExpressions(full, seed)];
      expect(a.map((v) => v.shape)).toEqual(b.map((v) => v.shape));
      expect(await evaluate(simple, a), `seed ${seed}`).toEqual(await evaluate(full, b));
      saved += full.nodes.length - simple.nodes.length;
    }
    expect(saved).toBeGreaterThan(60);
  });
});

/** Numbers in it stay finite: a rule may change what NaN and infinities become. */
function randomExpressions(g: Graph, seed: number): Value[] {
  const random = new Random(seed, 'expression');
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const values = [x(g), x(g, [3]), x(g, [2, 1]), g.uniform(pick([0, 1, -1, 0.5]), 'float32', [2, 3])];
  for (let step = 0; step < 14; step++) {
    const a = pick(values);
    const steps: readonly (() => Value)[] = [
      () => g.unary(pick(['Neg', 'Tanh', 'Abs', 'Sigmoid', 'Relu', 'Erf']), a),
      () => g.reshape(a, pick([[sizeOf(a.shape)], [1, ...a.shape], [...a.shape, 1]])),
      () => g.transpose(a, [...a.shape.keys()].reverse()),
      () => g.transpose(a, random.shuffle([...a.shape.keys()])),
      () => g.expand(a, [pick([1, 2]), ...a.shape]),
      () => g.cast(a, 'float32'),
      () =>
        g.unary(
          'Tanh',
          g.emit('ReduceSum', [a, g.ints([0])], { dtype: 'float32', shape: [1, ...a.shape.slice(1)] }, { keepdims: 1 }),
        ),
      ...Array.from({ length: 4 }, () => () => {
        const c = g.uniform(pick([0, 1, -1, 2]), 'float32', pick([[], a.shape]));
        const op = pick(['Add', 'Sub', 'Mul', 'Max', 'Min']);
        return g.unary('Tanh', random.below(2) ? g.binary(op, a, c) : g.binary(op, c, a));
      }),
      () => {
        const fits = values.filter((v) => {
          try {
            return sizeOf(broadcastShape(a.shape, v.shape)) <= 5000;
          } catch {
            return false;
          }
        });
        return g.unary('Tanh', g.binary(pick(['Add', 'Sub', 'Mul', 'Max', 'Min']), a, pick(fits)));
      },
    ];
    const made = pick(steps)();
    if (made.shape.length < 6 && sizeOf(made.shape) <= 5000) values.push(made);
  }
  return values;
}
