import { afterAll, describe, expect, it } from 'vitest';
import { finish } from '../../src/backend/finish.js';
import { attend, gelu, layerNorm } from '../../src/backend/ops.js';
import {
  createRunner,
  type HostTensor,
  type HostTensors,
  type TensorFunction,
  type Tensors,
} from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { record } from '../../src/backend/trace.js';
import { dense, expectClose, float32, floats } from './rig.js';

const weighted = (y: Tensor): Tensor => tf.sum(tf.mul(y, tf.tensor(floats('weight', y.shape).data, y.shape)));
const norm = (p: Tensors): Tensor => layerNorm(p.x as Tensor, p.gamma as Tensor, p.beta as Tensor, 1e-5);
const given = { x: floats('x', [4, 6]), gamma: floats('gamma', [6], 0.5, 1.5), beta: floats('beta', [6]) };

const [B, H, L, D] = [2, 2, 5, 3];
const heads = (name: string) => floats(name, [B, H, L, D], -1, 1);
const attended = { q: heads('q'), k: heads('k'), v: heads('v') };
/** The last key of the first row is padding; every third probability is dropped. */
const blocked = float32([B, 1, 1, L], [0, 0, 0, 0, -1e9, 0, 0, 0, 0, 0]);
const keep = {
  dtype: 'uint8' as const,
  shape: [B, H, L, L],
  data: Uint8Array.from({ length: B * H * L * L }, (_, i) => (i % 3 ? 1 : 0)),
};
const tensor = ({ data, shape }: HostTensor, dtype: 'float32' | 'int32' = 'float32'): Tensor =>
  tf.tensor(dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data), [...shape], dtype);
const attention = (p: Tensors, dropping: boolean): Tensor =>
  attend(
    p.q as Tensor,
    p.k as Tensor,
    p.v as Tensor,
    tensor(blocked),
    dropping ? tensor(keep, 'int32') : undefined,
    dropping ? 1.5 : 1,
  );

/** Attention by its definition, in double precision. */
function attentionByHand(dropping: boolean): number[] {
  const at = (t: HostTensor, head: number, row: number, i: number): number =>
    t.data[(head * L + row) * D + i] as number;
  const out: number[] = [];
  for (let head = 0; head < B * H; head++) {
    for (let row = 0; row < L; row++) {
      const exps = Array.from({ length: L }, (_, key) => {
        let dot = 0;
        for (let i = 0; i < D; i++) dot += at(attended.q, head, row, i) * at(attended.k, head, key, i);
        return Math.exp(dot / Math.sqrt(D) + (blocked.data[Math.floor(head / H) * L + key] as number));
      });
      const total = exps.reduce((a, b) => a + b);
      for (let i = 0; i < D; i++) {
        const kept = (key: number): number => (dropping ? 1.5 * (keep.data[(head * L + row) * L + key] as number) : 1);
        out.push(exps.reduce((s, e, key) => s + (e / total) * kept(key) * at(attended.v, head, key, i), 0));
      }
    }
  }
  return out;
}

describe('our own operators', async () => {
  const runners = { onnx: await createRunner('onnx', 1), cpu: await createRunner('cpu', 1) };
  afterAll(() => runners.onnx.release());

  it('are one node each when no gradient is wanted', () => {
    const { nodes } = finish(
      record(given, (p) => ({ y: gelu(norm(p)) })),
      () => false,
    );
    expect(nodes.map((n) => n.op)).toEqual(['LayerNormalization', 'Gelu']);
  });

  for (const [name, runner] of Object.entries(runners)) {
    it(`compute their formulas (${name})`, async () => {
      const fn: TensorFunction = { key: 'formulas', call: (p) => ({ norm: norm(p), gelu: gelu(p.x as Tensor) }) };
      const out = await runner.forward(fn, given, {});
      const expected = Array.from({ length: 4 }, (_, row) => {
        const x = Array.from(given.x.data.subarray(row * 6, row * 6 + 6));
        const mean = x.reduce((a, b) => a + b) / 6;
        const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / 6;
        return x.map(
          (v, i) =>
            ((given.gamma.data[i] as number) * (v - mean)) / Math.sqrt(variance + 1e-5) +
            (given.beta.data[i] as number),
        );
      }).flat();
      expectClose(out.norm, expected, 'layer norm', 1e-5);
      expectClose(
        out.gelu,
        Array.from(given.x.data, (x) => x * normalCdf(x)),
        'gelu',
        1e-5,
      );
    });

    it(`attend as their definition says (${name})`, async () => {
      for (const dropping of [false, true]) {
        const call: TensorFunction['call'] = (p) => ({ y: attention(p, dropping) });
        const { y } = await runner.forward({ key: `attend ${dropping}`, call }, attended, {});
        expectClose(y, attentionByHand(dropping), `dropping ${dropping}`, 1e-6);
      }
    });

    it(`have the gradients of finite differences (${name})`, async () => {
      await checkGradients(runner, (p) => weighted(norm(p)), given);
      await checkGradients(runner, (p) => weighted(gelu(p.x as Tensor)), { x: floats('wide', [12], -4, 4) });
      for (const dropping of [false, true]) {
        await checkGradients(runner, (p) => weighted(attention(p, dropping)), attended, `attention ${dropping}`);
      }
    });

    it(`normalise one number to beta (${name})`, async () => {
      const one = { x: float32([2, 1], [3, -7]), gamma: float32([1], [2]), beta: float32([1], [0.5]) };
      const { y } = await runner.forward({ key: 'one', call: (p) => ({ y: norm(p) }) }, one, {});
      expect(y).toEqual(Float32Array.of(0.5, 0.5));
    });
  }

  it('have no gradients of constants to give when nothing depends on them', async () => {
    const fn: TensorFunction = { key: 'none', call: (p) => ({ loss: tf.sum(p.x as Tensor), y: norm(p) }) };
    expect(Object.keys((await runners.onnx.gradients(fn, given, {})).gradients)).toEqual(['x']);
  });
});

/** Central differences in float32: an error of about 1e-3 of the largest. */
async function checkGradients(
  runner: Awaited<ReturnType<typeof createRunner>>,
  loss: (p: Tensors) => Tensor,
  parameters: HostTensors,
  key = `differences ${loss}`,
): Promise<void> {
  const fn: TensorFunction = { key, call: (p) => ({ loss: loss(p) }) };
  const { gradients } = await runner.gradients(fn, parameters, {});
  for (const [name, tensor] of Object.entries(parameters)) {
    const differences = new Float32Array(tensor.data.length);
    for (let i = 0; i < differences.length; i++) {
      const at = async (step: number): Promise<number> => {
        const data = Float32Array.from(tensor.data);
        data[i] = (data[i] as number) + step;
        const moved = { ...parameters, [name]: { dtype: 'float32' as const, shape: tensor.shape, data } };
        return (await runner.forward(fn, moved, {})).loss?.[0] as number;
      };
      differences[i] = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2;
    }
    expectClose(dense(gradients[name], tensor), differences, name, 3e-3);
  }
}

/** Φ by its integral (Simpson's rule): nothing in common with the code under test. */
function normalCdf(x: number): number {
  const n = 400;
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < n; i++) sum += density((i * x) / n) * (i % 2 ? 4 : 2);
  return 0.5 + (sum * x) / n / 3;
}
