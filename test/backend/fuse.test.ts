import { describe, expect, it } from 'vitest';
import { finish } from '../../src/backend/finish.js';
import { createRunner, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { record } from '../../src/backend/trace.js';
import { expectClose, floats } from './rig.js';

const given = {
  x: floats('x', [4, 3]),
  w: floats('w', [5, 3]),
  bias: floats('bias', [5]),
  row: floats('row', [4, 5]),
};
type Call = (p: Tensors) => Tensors;
const product = (p: Tensors): Tensor => tf.matMul(p.x as Tensor, p.w as Tensor, false, true);
const linear = (p: Tensors): Tensor => tf.add(product(p), p.bias as Tensor);

/** What is recorded of an expression, and the operators that are left. */
const cases: readonly [what: string, call: Call, left: readonly string[]][] = [
  ['a bias joins its product', (p) => ({ y: linear(p) }), ['Gemm']],
  ['whichever side it is on', (p) => ({ y: tf.add(p.bias as Tensor, product(p)) }), ['Gemm']],
  ['so does the number that the sum is scaled by', (p) => ({ y: tf.mul(linear(p), 0.5) }), ['Gemm']],
  ['also across a reshape', (p) => ({ y: tf.mul(tf.reshape(linear(p), [2, 2, 5]), 0.5) }), ['Gemm', 'Reshape']],
  [
    'a scaled operand too',
    (p) => ({ y: tf.add(tf.matMul(tf.mul(p.x as Tensor, 3), p.w as Tensor, false, true), p.bias as Tensor) }),
    ['Gemm'],
  ],
  ['a product used twice stays', (p) => ({ y: tf.mul(product(p), linear(p)) }), ['FusedMatMul', 'Add', 'Mul']],
  ['a sum used twice is not computed twice', (p) => ({ y: tf.mul(linear(p), 0.5), z: linear(p) }), ['Gemm', 'Mul']],
  ['a matrix is no bias', (p) => ({ y: tf.add(product(p), p.row as Tensor) }), ['FusedMatMul', 'Add']],
];

describe('fusions', async () => {
  const runners = { onnx: await createRunner('onnx', 2), cpu: await createRunner('cpu', 1) };
  for (const [what, call, left] of cases) {
    it(what, async () => {
      const { nodes } = finish(record(given, call), () => false);
      expect(nodes.map((n) => n.op.replace('com.microsoft.', '')).sort()).toEqual([...left].sort());
      const fn = { key: what, call };
      const [a, b] = [await runners.onnx.forward(fn, given, {}), await runners.cpu.forward(fn, given, {})];
      for (const name of Object.keys(b)) expectClose(a[name], b[name], name, 1e-6);
    });
  }
});
