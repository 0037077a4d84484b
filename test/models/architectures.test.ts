import { afterAll, describe, expect, it } from 'vitest';
import {
  createRunner,
  type HostTensor,
  type HostTensors,
  type Runner,
  type TensorFunction,
} from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import type { LastTokens, ModelInput } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { dropoutSites, encode, forward, tokenLogits, tokenLosses } from '../../src/models/forward.js';
import { Generator, greedy } from '../../src/models/generate.js';
import { padTokens } from '../../src/models/padding.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose } from '../backend/rig.js';
import { goldenJson, type MaskedGolden, tiny } from './tiny.js';

const ENCODERS = ['bert', 'distilbert', 'roberta', 'albert'];
const DECODERS = ['gpt2', 'llama', 'llama3', 'qwen2', 'qwen3'];

const runners = Object.fromEntries(
  await Promise.all(TESTED.map(async (backend) => [backend, await createRunner(backend, 2)] as const)),
) as Record<'onnx' | 'cpu', Runner>;
afterAll(() => runners.onnx.release());

const inputOf = (b: Readonly<Record<string, Tensor>>, lastTokens: LastTokens): ModelInput => ({
  ids: b.ids as Tensor,
  mask: b.mask as Tensor,
  dropout: [],
  lastTokens,
});
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const shapesOf = (from: Readonly<Record<string, { shape: readonly number[] }>>) =>
  Object.fromEntries(Object.entries(from).map(([name, { shape }]) => [name, shape]));
/** |a − b| ≤ 1e-5 + 1e-4 · max|b|: some gradients are zero by mathematics. */
const expectGradients = (
  found: Parameters<typeof dense>[0][] | Readonly<Record<string, Parameters<typeof dense>[0]>>,
  expected: Readonly<Record<string, Float32Array>>,
  parameters: HostTensors,
): void => {
  const mine = found as Readonly<Record<string, Parameters<typeof dense>[0]>>;
  expect(Object.keys(mine).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, theirs] of Object.entries(expected)) {
    const largest = theirs.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const own = dense(mine[name], parameters[name] as HostTensor);
    expect(own).toHaveLength(theirs.length);
    theirs.forEach((x, i) => {
      const limit = 1e-5 + 1e-4 * largest;
      expect(Math.abs((own[i] as number) - x), `gradient of ${name}[${i}]`).toBeLessThanOrEqual(limit);
    });
  }
};

describe.each([...ENCODERS, ...DECODERS])('%s', async (name) => {
  const { golden, config, parameters, gradients, batch } = await tiny(name);
  const { lengths } = golden;
  const length = Math.max(...lengths);
  const everything: TensorFunction = {
    key: `${name} everything`,
    call: (p, b) => {
      const out = forward(config, p, inputOf(b, 'all'));
      return {
        logits: out.logits,
        ...Object.fromEntries(out.hiddenStates.map((t, i) => [`hidden ${i}`, t])),
        ...Object.fromEntries(out.attentionScores.map((t, i) => [`scores ${i}`, t()])),
      };
    },
  };
  const crossEntropy = (lastTokens: LastTokens): TensorFunction => ({
    key: `${name} loss ${lastTokens}`,
    call: (p, b) => {
      const labels = tf.oneHot(tf.tensor1d([...golden.labels], 'int32'), 3);
      const { logits } = forward(config, p, inputOf(b, lastTokens));
      return { loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), labels), -1))), logits };
    },
  });

  it('has the parameters of Hugging Face’s model, by name and shape', () => {
    expect(shapesOf(architectureOf(config).parameters(config))).toEqual(shapesOf(parameters));
  });

  it('says of itself what it was told, in either form of config.json', () => {
    const { toHuggingFace, fromHuggingFace } = architectureOf(config);
    expect(fromHuggingFace(toHuggingFace(config), 'classifier', 3)).toEqual(config);
    if (golden.legacyConfig) expect(fromHuggingFace(golden.legacyConfig, 'classifier', 3)).toEqual(config);
  });

  it('decays weights and embeddings only', () => {
    for (const [key, { decay }] of Object.entries(architectureOf(config).parameters(config))) {
      expect(decay, key).toBe(key.endsWith('.weight') && !/norm|\.ln_/i.test(key));
    }
  });

  for (const [backend, runner] of Object.entries(runners)) {
    it(`computes what transformers does (${backend})`, async () => {
      const out = await runner.forward(everything, parameters, batch);
      expectClose(out.logits, golden.logits, 'logits', 1e-5);
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

    it(`has transformers’ gradients (${backend})`, async () => {
      const { values, gradients: found } = await runner.gradients(crossEntropy('all'), parameters, batch);
      expectClose(values.loss, [golden.loss], 'loss', 1e-5);
      expectGradients(found, gradients, parameters);
    });
  }

  it('has the same gradients where the last layer computes one token alone', async () => {
    const { values, gradients: found } = await runners.onnx.gradients(crossEntropy('pooled'), parameters, batch);
    expectClose(values.logits, golden.logits, 'logits', 1e-5);
    expectGradients(found, gradients, parameters);
  });

  it('gives the same attention scores and pooled state where the last layer computes one token alone', async () => {
    const of = (lastTokens: LastTokens): TensorFunction => ({
      key: `${name} scores ${lastTokens}`,
      call: (p, b) => {
        const { attentionScores, pooled } = encode(config, p, inputOf(b, lastTokens));
        return { scores: attentionScores.at(-1)?.() as Tensor, pooled };
      },
    });
    const all = await runners.onnx.forward(of('all'), parameters, batch);
    const one = await runners.onnx.forward(of('pooled'), parameters, batch);
    expectClose(one.scores, all.scores as Float32Array, 'scores', 1e-6);
    expectClose(one.pooled, all.pooled as Float32Array, 'pooled', 1e-6);
  });

  it('gives a text the same logits whatever it is padded with, and finite ones to a row of padding', async () => {
    const text = Int32Array.of(7, 8, 9);
    const other = Int32Array.of(11, 12, 13, 14, 15, 16);
    const fn = crossEntropyFree(name, config);
    const alone = await runners.onnx.forward(fn, parameters, padTokens([text], 1, 3, 0));
    const padded = await runners.onnx.forward(fn, parameters, padTokens([text, other], 4, 9, 0));
    const junk = await runners.onnx.forward(fn, parameters, padTokens([text], 1, 6, 33));
    expectClose((padded.logits as Float32Array).subarray(0, 3), alone.logits as Float32Array, 'padded', 1e-6);
    expectClose(junk.logits, alone.logits as Float32Array, 'other padding', 1e-6);
    for (const x of padded.logits as Float32Array) expect(x).toSatisfy(Number.isFinite);
  });

  it.each(['all', 'pooled'] as const)(
    'has a dropout site for each use, in the order of use (%s)',
    async (lastTokens) => {
      const dropping = { ...config, dropout: 0.5 };
      const [rows, width] = [2, 5];
      const sites = dropoutSites(dropping, rows, width, lastTokens);
      const none = Object.fromEntries(
        sites.map((shape, i) => [
          `d${i}`,
          { dtype: 'uint8' as const, shape, data: new Uint8Array(size(shape)).fill(1) },
        ]),
      );
      const input = padTokens([Int32Array.of(5, 6, 7), Int32Array.of(8, 9, 10, 11, 12)], rows, width, config.padId);
      const fn: TensorFunction = {
        key: `${name} sites ${lastTokens}`,
        call: (p, b) => {
          const fed = sites.map((_, i) => b[`d${i}`] as Tensor);
          return { y: forward(dropping, p, { ...inputOf(b, lastTokens), dropout: fed }).logits };
        },
      };
      const whole = (await runners.onnx.forward(fn, parameters, { ...input, ...none })).y;
      for (const [i, shape] of sites.entries()) {
        const all = { dtype: 'uint8' as const, shape, data: new Uint8Array(size(shape)) };
        const { y } = await runners.onnx.forward(fn, parameters, { ...input, ...none, [`d${i}`]: all });
        expect(y, `site ${i} changes the logits`).not.toEqual(whole);
      }
      expect(dropoutSites({ ...config, dropout: 0.001 }, rows, width, lastTokens)).toEqual([]);
    },
  );
});

/** Logits alone, of batches of any shape. */
const crossEntropyFree = (name: string, config: Parameters<typeof forward>[0]): TensorFunction => ({
  key: `${name} logits`,
  call: (p, b) => ({ logits: forward(config, p, inputOf(b, 'pooled')).logits }),
});

describe.each(DECODERS)('%s as a language model', async (name) => {
  const { golden, config, parameters, gradients, batch } = await tiny(name, 'language-model');
  const lm = golden.lm as NonNullable<typeof golden.lm>;
  const fn: TensorFunction = {
    key: `${name} next`,
    call: (p, b) => {
      const { logits } = forward(config, p, inputOf(b, 'all'));
      const [rows, length, vocabulary] = logits.shape as [number, number, number];
      const ids = tf.slice(b.ids as Tensor, [0, 1], [rows, length - 1]);
      const real = tf.slice(b.mask as Tensor, [0, 1], [rows, length - 1]);
      const said = tf.logSoftmax(tf.slice(logits, [0, 0, 0], [rows, length - 1, vocabulary]));
      const own = tf.sum(tf.mul(said, tf.oneHot(ids as tf.Tensor1D, vocabulary)), -1);
      return { loss: tf.neg(tf.div(tf.sum(tf.mul(own, real)), tf.sum(real))), logits };
    },
  };

  for (const [backend, runner] of Object.entries(runners)) {
    it(`computes what transformers does, gradients too (${backend})`, async () => {
      const { values, gradients: found } = await runner.gradients(fn, parameters, batch);
      expectClose(values.loss, [lm.loss], 'loss', 1e-5);
      const [length, width] = [Math.max(...golden.lengths), config.vocabulary];
      golden.lengths.forEach((n, row) => {
        const at = row * length * width;
        const mine = (values.logits as Float32Array).subarray(at, at + n * width);
        expectClose(mine, lm.logits.slice(at, at + n * width), `logits of row ${row}`, 1e-5);
      });
      expectGradients(found, gradients, parameters);
    });

    it(`goes on with transformers’ tokens, keeping keys and values (${backend})`, async () => {
      const generator = new Generator(config, parameters, runner);
      const made: number[] = [];
      for await (const token of generator.generate(Int32Array.from(lm.greedy.prompt), 6, greedy)) made.push(token);
      expect(made).toEqual(lm.greedy.tokens);
    });
  }

  it('stops where its positions end', async () => {
    const generator = new Generator(config, parameters, runners.onnx);
    let made = 0;
    for await (const _ of generator.generate(Int32Array.of(5, 6, 7), 100, greedy)) made++;
    expect(made).toBe(config.positions - 3 + 1);
  });
});

describe.each(ENCODERS)('%s as a masked language model', async (name) => {
  const { golden, config, parameters, gradients, batch } = await tiny(name, 'masked-language-model');
  const masked = goldenJson<MaskedGolden>(`masked-${name}.json`);
  const int32 = (data: readonly number[], shape: readonly number[]): HostTensor => ({
    dtype: 'int32',
    shape,
    data: Int32Array.from(data),
  });
  const n = masked.targets.length;
  const fed = {
    ...batch,
    ids: int32(masked.ids, [golden.lengths.length, Math.max(...golden.lengths)]),
    positions: int32(masked.positions, [n]),
    targets: int32(masked.targets, [n]),
  };
  const fn: TensorFunction = {
    key: `${name} masked`,
    call: (p, b) => {
      const last = encode(config, p, inputOf(b, 'all')).hiddenStates.at(-1) as Tensor;
      const positions = b.positions as Tensor;
      return {
        loss: tf.mean(tokenLosses(config, p, last, positions, b.targets as Tensor)),
        logits: tokenLogits(config, p, last, positions),
      };
    },
  };

  it('has the parameters of Hugging Face’s model, by name and shape, and its class', () => {
    const { parameters: specs, className } = architectureOf(config);
    expect(shapesOf(specs(config))).toEqual(shapesOf(parameters));
    expect([className(config)]).toEqual(masked.architectures);
  });

  for (const [backend, runner] of Object.entries(runners)) {
    it(`computes what transformers does, gradients too (${backend})`, async () => {
      const { values, gradients: found } = await runner.gradients(fn, parameters, fed);
      expectClose(values.loss, [masked.loss], 'loss', 1e-5);
      expectClose(values.logits, masked.logits, 'logits', 1e-5);
      expectGradients(found, gradients, parameters);
    });
  }

  it('gives the same logits of all tokens at once', async () => {
    const all: TensorFunction = {
      key: `${name} all masked`,
      call: (p, b) => ({ logits: forward(config, p, inputOf(b, 'all')).logits }),
    };
    const { logits } = await runners.onnx.forward(all, parameters, fed);
    masked.positions.forEach((position, i) => {
      const own = (logits as Float32Array).subarray(position * config.vocabulary, (position + 1) * config.vocabulary);
      const expected = masked.logits.slice(i * config.vocabulary, (i + 1) * config.vocabulary);
      expectClose(own, expected, `logits at ${position}`, 1e-5);
    });
  });
});
