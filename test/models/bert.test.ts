import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import type { LastTokens } from '../../src/models/architecture.js';
import { bert } from '../../src/models/bert.js';
import { dropout, zeroed } from '../../src/models/layers.js';
import { padTokens } from '../../src/models/padding.js';
import { DropoutMasks } from '../../src/train/dropout.js';
import { streamKey } from '../../src/util/random.js';
import { dense, expectClose } from '../backend/rig.js';
import { tinyBert } from './tiny.js';

describe('bert', async () => {
  const { golden, parameters, batch } = await tinyBert();
  const { config, lengths } = golden;
  const runners = { onnx: await createRunner('onnx', 2), cpu: await createRunner('cpu', 1) };
  afterAll(() => runners.onnx.release());
  const forward: TensorFunction = {
    key: 'forward',
    call: (p, b) => {
      const out = bert.forward(config, p, {
        ids: b.ids as Tensor,
        mask: b.mask as Tensor,
        dropout: [],
        lastTokens: 'all',
      });
      return {
        logits: out.logits,
        ...Object.fromEntries(out.hiddenStates.map((t, i) => [`hidden ${i}`, t])),
        ...Object.fromEntries(out.attentionScores.map((t, i) => [`scores ${i}`, t()])),
      };
    },
  };

  it('has the parameters of Hugging Face’s model, by name and shape', () => {
    const shapes = (from: Readonly<Record<string, { shape: readonly number[] }>>) =>
      Object.fromEntries(Object.entries(from).map(([name, { shape }]) => [name, shape]));
    expect(shapes(bert.parameters(config))).toEqual(shapes(parameters));
  });

  it('decays weights and embeddings only', () => {
    const decayed = Object.entries(bert.parameters(config)).filter(([, { decay }]) => decay);
    for (const [name] of decayed) expect(name).toMatch(/^(?!.*LayerNorm).*\.weight$/);
    expect(decayed).toHaveLength(3 + 6 * config.layers + 2);
  });

  for (const [name, runner] of Object.entries(runners)) {
    it(`computes what transformers does (${name})`, async () => {
      const out = await runner.forward(forward, parameters, batch);
      expectClose(out.logits, golden.logits, 'logits', 1e-5);
      const length = Math.max(...lengths);
      golden.hiddenStates.forEach((expected, i) => {
        // What stands at padding is nobody's business.
        lengths.forEach((n, row) => {
          const at = row * length * config.hidden;
          const mine = (out[`hidden ${i}`] as Float32Array).subarray(at, at + n * config.hidden);
          expectClose(mine, expected.slice(at, at + n * config.hidden), `hidden state ${i} of row ${row}`, 1e-5);
        });
      });
      golden.attentionScores.forEach((expected, i) => {
        lengths.forEach((n, row) => {
          for (let line = 0; line < config.heads * n; line++) {
            const at = ((row * config.heads + Math.floor(line / n)) * length + (line % n)) * length;
            const mine = (out[`scores ${i}`] as Float32Array).subarray(at, at + n);
            expectClose(mine, expected.slice(at, at + n), `scores ${i} of row ${row}, line ${line}`, 1e-5);
          }
        });
      });
    });
  }

  it('gives a text the same logits whatever it is padded with', async () => {
    const text = Int32Array.of(7, 8, 9);
    const other = Int32Array.of(11, 12, 13, 14, 15, 16);
    const alone = await runners.onnx.forward(forward, parameters, padTokens([text], 1, 3, 0));
    const padded = await runners.onnx.forward(forward, parameters, padTokens([text, other], 4, 9, 0));
    const junk = await runners.onnx.forward(forward, parameters, padTokens([text], 1, 6, 33));
    expectClose((padded.logits as Float32Array).subarray(0, 3), alone.logits as Float32Array, 'padded', 1e-6);
    expectClose(junk.logits, alone.logits as Float32Array, 'other padding', 1e-6);
    for (const x of padded.logits as Float32Array) expect(x).toSatisfy(Number.isFinite); // rows of padding only
  });

  it('gives the same logits and gradients where the last layer computes the first token alone', async () => {
    const of = (lastTokens: LastTokens): TensorFunction => ({
      key: `last ${lastTokens}`,
      call: (p, b) => {
        const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens };
        const { logits, attentionScores, hiddenStates } = bert.forward(config, p, input);
        const scores = attentionScores.at(-1)?.() as Tensor;
        const last = tf.slice(hiddenStates.at(-1) as Tensor, [0, 0, 0], [-1, 1, -1]);
        return { loss: tf.add(tf.sum(tf.square(logits)), tf.mean(tf.square(scores))), logits, last };
      },
    });
    const all = await runners.onnx.gradients(of('all'), parameters, batch);
    const first = await runners.onnx.gradients(of('first'), parameters, batch);
    for (const name of ['loss', 'logits', 'last']) expectClose(first.values[name], all.values[name], name, 1e-6);
    expect(Object.keys(first.gradients).sort()).toEqual(Object.keys(all.gradients).sort());
    for (const [name, like] of Object.entries(parameters)) {
      if (!all.gradients[name]) continue;
      expectClose(dense(first.gradients[name], like), dense(all.gradients[name], like), name, 1e-5);
    }
  });

  describe('dropout', () => {
    const n = 40_000;
    const drop = (rate: number): TensorFunction => ({
      key: `drop ${rate}`,
      call: (p, b) => ({ y: dropout(p.x as Tensor, b.keep as Tensor, rate) }),
    });
    const x = { dtype: 'float32' as const, shape: [n], data: new Float32Array(n).fill(1) };

    it('zeroes at its rate and keeps the mean', async () => {
      for (const rate of [0.1, 0.5]) {
        const [keep] = new DropoutMasks().fill([[n]], zeroed(rate), streamKey(3, 'dropout'), 0) as [HostTensor];
        const { y } = await runners.onnx.forward(drop(rate), { x }, { keep });
        expect(y).toEqual((await runners.cpu.forward(drop(rate), { x }, { keep })).y);
        const gone = (y as Float32Array).filter((v) => v === 0).length / n;
        const mean = (y as Float32Array).reduce((a, b) => a + b) / n;
        expect(gone).toBeCloseTo(Math.round(rate * 256) / 256, 2);
        expect(mean).toBeCloseTo(1, 1.7);
      }
    });

    it.each(['all', 'first'] as const)('has a site for each use, in the order of use (%s)', async (lastTokens) => {
      const dropping = { ...config, dropout: 0.5 };
      const [rows, length] = [2, 5];
      const sites = bert.dropoutSites(dropping, rows, length, lastTokens);
      const none = Object.fromEntries(
        sites.map((shape, i) => [
          `d${i}`,
          { dtype: 'uint8' as const, shape, data: new Uint8Array(size(shape)).fill(1) },
        ]),
      );
      const input = padTokens([Int32Array.of(5, 6, 7), Int32Array.of(8, 9, 10, 11, 12)], rows, length, 0);
      const fn: TensorFunction = {
        key: `sites ${lastTokens}`,
        call: (p, b) => {
          const fed = sites.map((_, i) => b[`d${i}`] as Tensor);
          return {
            y: bert.forward(dropping, p, { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: fed, lastTokens })
              .logits,
          };
        },
      };
      const whole = (await runners.onnx.forward(fn, parameters, { ...input, ...none })).y;
      for (const [i, shape] of sites.entries()) {
        const all = { dtype: 'uint8' as const, shape, data: new Uint8Array(size(shape)) };
        const { y } = await runners.onnx.forward(fn, parameters, { ...input, ...none, [`d${i}`]: all });
        expect(y, `site ${i} changes the logits`).not.toEqual(whole);
      }
      const last = sites.length - 1;
      const nothing = { ...none, [`d${last}`]: { ...none[`d${last}`], data: new Uint8Array(rows * config.hidden) } };
      const { y } = await runners.onnx.forward(fn, parameters, { ...input, ...nothing } as typeof input);
      const bias = parameters['classifier.bias']?.data as Float32Array;
      expectClose(y, [...bias, ...bias], 'no pooled output leaves the bias', 1e-6);
    });

    it('does nothing without a mask, and has no site at a rate of 0', () => {
      const t = tf.tensor1d([1, 2]);
      expect(dropout(t, undefined, 0.5)).toBe(t);
      expect(bert.dropoutSites({ ...config, dropout: 0.001 }, 2, 5, 'all')).toEqual([]);
    });
  });
});

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
