import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createRunner, type Outputs, type Runner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { type NextTokens, nextTokensOf } from '../../src/data/logits/next-tokens.js';
import type { Numbers } from '../../src/data/logits/shard-file.js';
import type { TokenSignal } from '../../src/data/logits/signal.js';
import { drawTokens, nextTokenTensors, ROUNDED, tokenParts } from '../../src/teachers/next-token.js';
import { Random } from '../../src/util/random.js';
import { TESTED } from '../backend/backends.js';

const runners = Object.fromEntries(
  await Promise.all(TESTED.map(async (backend) => [backend, await createRunner(backend, 2)] as const)),
) as Record<string, Runner>;
afterAll(() => runners.onnx?.release());

/** softmax of z/T, in float64. */
function softmax(z: ArrayLike<number>, temperature: number): number[] {
  const scaled = Array.from(z, (x) => x / temperature);
  const top = Math.max(...scaled);
  const e = scaled.map((x) => Math.exp(x - top));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / total);
}

/** What a text of as many tokens as there are rows becomes, and how it is read again. */
async function kept(runner: Runner, rows: readonly Float32Array[], tokens: TokenSignal, dtype: 'float16' | 'float32') {
  const { vocabulary } = tokens;
  const data = new Float32Array(rows.length * vocabulary);
  for (const [t, row] of rows.entries()) data.set(row, t * vocabulary);
  const fn = {
    key: `${JSON.stringify(tokens)} ${dtype} ${rows.length}`,
    half: dtype === 'float16' ? ROUNDED.filter((name) => sectionsIn(tokens).includes(name)) : [],
    call: (_: unknown, b: Readonly<Record<string, Tensor>>) => nextTokenTensors(b.z as Tensor, tokens),
  };
  const z = { dtype: 'float32', shape: [rows.length, vocabulary], data } as const;
  const outputs: Outputs = await runner.forward(fn, {}, { z });
  const parts = tokenParts(tokens, dtype, outputs, 0, rows.length, new Random(5, 'draws'));
  const read = (temperature: number): NextTokens =>
    nextTokensOf(tokens, (name) => parts[name] as unknown as Numbers, temperature);
  return { parts, read };
}
const sectionsIn = (tokens: TokenSignal): string[] =>
  tokens.keep === 'full'
    ? ['full.logits']
    : tokens.keep === 'top-k'
      ? ['topk.logprobs', 'topk.tail', ...(tokens.temperature === 1 ? [] : ['topk.tail_at_1'])]
      : [];

/** Logits: `flat` ones are much alike, others peaky; steps of a half make many equal. */
function logits(name: string, vocabulary: number, spread: number, step = 0): Float32Array {
  const random = new Random(3, name);
  return Float32Array.from({ length: vocabulary }, () => {
    const x = spread * random.normal();
    return step === 0 ? x : step * Math.round(x / step);
  });
}

/** log p as float16 keeps it: one part in 2,048 of the logarithm, and more below 2⁻¹⁴. */
const half = (log: number): number => Math.abs(log) * 2 ** -11 + 2 ** -24;
/** What float32 arithmetic loses of a logarithm; tfjs's wasm adds one number after the other. */
const SINGLE = { onnx: 4e-5, cpu: 4e-5, wasm: 2e-4 } as Record<string, number>;

describe.each(Object.entries(runners))('next tokens on %s', (backend, runner) => {
  const single = SINGLE[backend] ?? 4e-5;
  const shapes = [
    { vocabulary: 300, k: 64, spread: 3, step: 0 },
    { vocabulary: 300, k: 5, spread: 0.5, step: 0.5 },
    { vocabulary: 70_000, k: 64, spread: 4, step: 0 },
    { vocabulary: 70, k: 64, spread: 12, step: 0 },
    { vocabulary: 20, k: 20, spread: 2, step: 1 },
    { vocabulary: 20, k: 1, spread: 2, step: 0 },
  ];

  test.each(shapes)('top-k and its tail are the distribution, $vocabulary tokens, k $k', async (shape) => {
    const { vocabulary, k, spread, step } = shape;
    const rows = (vocabulary > 1000 ? [0] : [0, 1, 2]).map((t) => logits(`${t}`, vocabulary, spread, step));
    for (const temperature of [1, 2.5]) {
      for (const dtype of ['float16', 'float32'] as const) {
        const tokens = { keep: 'top-k', vocabulary, k, temperature } as const;
        const { read, parts } = await kept(runner, rows, tokens, dtype);
        for (const at of new Set([temperature, 1])) {
          const found = read(at);
          if (found.keep !== 'top-k') throw new Error('another kind');
          for (const [t, z] of rows.entries()) {
            const [p, captured] = [softmax(z, at), softmax(z, temperature)];
            const ids = [...found.ids.subarray(t * k, (t + 1) * k)];
            // The most likely first, of equal ones the lower id.
            const order = Array.from(z.keys()).sort((a, b) => (z[b] as number) - (z[a] as number) || a - b);
            expect(ids).toEqual(order.slice(0, k));
            ids.forEach((id, i) => {
              const log = Math.log(p[id] as number);
              const said = found.logProbabilities[t * k + i] as number;
              // Captured at T, a logarithm at 1 is T times as large, and so is what it lost.
              const limit =
                dtype === 'float32'
                  ? single
                  : (at === temperature ? 1 : temperature) * half(Math.log(captured[id] as number)) + single;
              expect(Math.abs(said - log), `log p of ${id} at ${at}`).toBeLessThanOrEqual(limit);
            });
            const rest = order.slice(k).reduce((sum, id) => sum + (p[id] as number), 0);
            const tail = found.tail[t] as number;
            if (rest === 0) {
              expect(tail).toBe(Number.NEGATIVE_INFINITY);
              continue;
            }
            // A small tail is as exact as a large one.
            const limit = (dtype === 'float16' ? half(Math.log(rest)) : 0) + single;
            expect(Math.abs(tail - Math.log(rest)), `tail at ${at}`).toBeLessThanOrEqual(limit);
            const mass = ids.reduce((sum, _, i) => sum + Math.exp(found.logProbabilities[t * k + i] as number), 0);
            expect(mass + Math.exp(tail)).toBeCloseTo(1, dtype === 'float16' ? 2 : 4);
          }
        }
        const covered = rows.map((z) => [...softmax(z, temperature)].sort((a, b) => b - a).slice(0, k));
        const mean = covered.flat().reduce((a, b) => a + b, 0) / rows.length;
        expect((parts.covered as Float32Array)[0]).toBeCloseTo(mean, 4);
        expect(() => read(7)).toThrow(
          `the teacher's next tokens are kept at temperature ${temperature === 1 ? '1' : '1 and 2.5'}, not at 7`,
        );
      }
    }
  });

  test('all logits are of any temperature', async () => {
    const rows = [0, 1].map((t) => logits(`${t}`, 50, 3));
    const { read, parts } = await kept(runner, rows, { keep: 'full', vocabulary: 50 }, 'float16');
    for (const at of [1, 3]) {
      const found = read(at);
      if (found.keep !== 'full') throw new Error('another kind');
      rows.forEach((z, t) => {
        z.forEach((x, id) => {
          expect(Math.abs((found.logits[t * 50 + id] as number) - x / at)).toBeLessThanOrEqual(half(x) + 1e-6);
        });
      });
    }
    expect([...(parts.covered as Float32Array)]).toEqual([1]);
  });

  test.each([1, 2])('drawn tokens stand for the distribution, captured at temperature %d', async (temperature) => {
    // Token after token of the same distribution: as many independent draws of it.
    const vocabulary = 70_000;
    const z = new Float32Array(vocabulary).fill(-30);
    const ids = [3, 65_535, 65_536, 65_537, 69_999];
    for (const [i, id] of ids.entries()) z[id] = -i * 0.7;
    const [count, samples] = [40, 50];
    const tokens = { keep: 'sampled', vocabulary, samples, temperature } as const;
    const { read, parts } = await kept(runner, Array(count).fill(z), tokens, 'float32');
    expect((parts['sampled.draws'] as Int32Array)[0]).toBe((parts['sampled.low'] as Uint16Array).length);
    for (const at of new Set([temperature, 1])) {
      const found = read(at);
      if (found.keep !== 'sampled') throw new Error('another kind');
      const sums = new Map<number, number>();
      for (let t = 0; t < count; t++) {
        const [from, to] = [found.starts[t] as number, found.starts[t + 1] as number];
        const own = found.ids.subarray(from, to);
        expect([...own].sort((a, b) => a - b)).toEqual([...own]);
        expect(new Set(own).size).toBe(own.length);
        const weights = found.weights.subarray(from, to);
        const total = weights.reduce((sum, w) => sum + w, 0);
        if (at === temperature) expect(total).toBeCloseTo(1, 5);
        for (const [i, id] of own.entries()) sums.set(id, (sums.get(id) ?? 0) + (weights[i] as number) / count);
      }
      const [p, drawnBy] = [softmax(z, at), softmax(z, temperature)];
      for (const id of ids) {
        const [probability, q] = [p[id] as number, drawnBy[id] as number];
        // Five standard deviations of a mean of so many draws, each weighing p/q.
        const deviation = (probability / q) * Math.sqrt((q * (1 - q)) / (samples * count));
        expect(Math.abs((sums.get(id) ?? 0) - probability), `token ${id} at ${at}`).toBeLessThan(5 * deviation);
      }
    }
  });
});

test('draws are unbiased over seeds, whatever the distribution', () => {
  const masses = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(masses, fc.integer({ min: 1, max: 40 }), (masses, samples) => {
      const probabilities = Float32Array.from(masses);
      const total = probabilities.reduce((a, b) => a + b, 0);
      const seeds = 500;
      const mean = masses.map(() => 0);
      for (let seed = 0; seed < seeds; seed++) {
        const { ids, counts } = drawTokens(probabilities, samples, new Random(seed, 'draws'));
        expect(counts.reduce((a, b) => a + b, 0)).toBe(samples);
        ids.forEach((id, i) => {
          mean[id] = (mean[id] as number) + (counts[i] as number) / samples / seeds;
        });
      }
      probabilities.forEach((x, id) => {
        const p = x / total;
        const deviation = Math.sqrt((p * (1 - p)) / (samples * seeds));
        expect(Math.abs((mean[id] as number) - p)).toBeLessThan(5 * deviation + 1e-9);
      });
    }),
    { seed: 20254, numRuns: 40 },
  );
});

test('what has no mass is never drawn, and the same seed draws the same', () => {
  const probabilities = Float32Array.of(0, 0.5, 0, 0.5, 0);
  const drawn = drawTokens(probabilities, 255, new Random(1, 'draws'));
  expect(drawn.ids).toEqual([1, 3]);
  expect(drawTokens(probabilities, 255, new Random(1, 'draws'))).toEqual(drawn);
  expect(drawTokens(probabilities, 255, new Random(2, 'draws'))).not.toEqual(drawn);
});
