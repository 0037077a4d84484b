import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Runner } from '../../src/backend/runner.js';
import { NEXT } from '../../src/models/continuations.js';
import { countsOf, shareFeeds } from '../../src/train/feeds.js';
import { buildStage } from '../../src/train/stage.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';

const golden = goldenJson<{ given: number[]; losses: Record<string, number> }>('responses.json');

/** Room for more tokens than there are: what only fills up must not count. */
const ROOM = 16;

describe.each(['gpt2', 'llama'])('hard labels of responses, %s', async (name) => {
  const { config: dropping, parameters, batch, golden: texts } = await tiny(name, 'language-model');
  const config = { ...dropping, dropout: 0 };
  const { tensors: expected } = await readSafetensors(goldenFile('responses.safetensors'));
  const runners = Object.fromEntries(
    await Promise.all(TESTED.map(async (backend) => [backend, await createRunner(backend, 2)] as const)),
  ) as Record<'onnx', Runner> & Record<string, Runner>;
  afterAll(() => runners.onnx.release());

  const length = Math.max(...texts.lengths);
  /** Of some rows, the tokens that come after those given. */
  const next = (rows: readonly number[]): HostTensors => {
    const positions = new Int32Array(ROOM);
    const targets = new Int32Array(ROOM).fill(7);
    const weights = new Float32Array(ROOM);
    let n = 0;
    for (const row of rows) {
      for (let at = golden.given[row] as number; at < (texts.lengths[row] as number); at++) {
        positions[n] = row * length + at - 1;
        targets[n] = texts.ids[row * length + at] as number;
        weights[n++] = 1;
      }
    }
    return {
      ...batch,
      ...stage.numbers(0),
      [NEXT.positions]: { dtype: 'int32', shape: [ROOM], data: positions },
      [NEXT.targets]: { dtype: 'int32', shape: [ROOM], data: targets },
      [NEXT.weights]: { dtype: 'float32', shape: [ROOM], data: weights },
    };
  };
  const stage = buildStage(
    config,
    { objectives: [{ type: 'hard-label', weight: 1 }], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] },
    [],
    name,
  );
  const all = next([0, 1, 2, 3]);

  it.each(TESTED)("has transformers' value and gradients (%s)", async (backend) => {
    const { values, gradients } = await (runners[backend] as Runner).gradients(stage.fn, parameters, all);
    expectClose(values.loss, [golden.losses[name] as number], 'loss', 1e-5);
    const mine = Object.keys(gradients).sort();
    const theirs = Object.keys(expected).filter((key) => key.startsWith(`${name}/`));
    expect(mine).toEqual(theirs.map((key) => key.slice(name.length + 1)).sort());
    for (const key of mine) {
      expectClose(dense(gradients[key], parameters[key] as HostTensor), expected[`${name}/${key}`]?.data, key);
    }
  });

  it('has the gradient of finite differences', async () => {
    const { gradients } = await runners.onnx.gradients(stage.fn, parameters, all);
    // Along the gradient: the loss must change by its squared norm.
    const steps = Object.entries(gradients).map(([key, g]) => [key, dense(g, parameters[key] as HostTensor)] as const);
    const square = steps.reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0);
    const size = 8e-3 / Math.sqrt(square);
    const at = async (step: number): Promise<number> => {
      const moved = steps.map(([key, g]) => {
        const { shape, data } = parameters[key] as HostTensor;
        return [
          key,
          float32(
            shape,
            Array.from(data as Float32Array, (x, i) => x + step * (g[i] as number)),
          ),
        ];
      });
      return (await runners.onnx.forward(stage.fn, Object.fromEntries(moved), all)).loss?.[0] as number;
    };
    const slope = ((await at(size)) - (await at(-size))) / (2 * size);
    expect(slope / square).toBeCloseTo(1, 2);
  });

  it('of two batches add up to those of one, by their tokens', async () => {
    const written = texts.lengths.map((n, row) => n - (golden.given[row] as number));
    const counts = [[0], [1, 2]].map((rows) => ({
      texts: rows.length,
      rows: rows.length,
      labels: 0,
      tokens: 0,
      'written-tokens': rows.reduce((sum, row) => sum + (written[row] as number), 0),
      'token-pairs': 0,
      'causal-pairs': 0,
    }));
    let loss = 0;
    for (const [i, rows] of [[0], [1, 2]].entries()) {
      const feeds = {
        ...next(rows),
        ...shareFeeds(
          counts.map((each) => countsOf(stage.over, () => each)),
          i,
        ),
      };
      loss += (await runners.onnx.forward(stage.fn, parameters, feeds)).loss?.[0] as number;
    }
    expect(stage.over).toEqual([{ counted: 'written-tokens', teacher: undefined }]);
    expectClose([loss], [golden.losses[name] as number], 'loss', 1e-5);
  });

  it('is 0 where nothing is to be written, and finite where tokens are hopeless', async () => {
    const { values, gradients } = await runners.onnx.gradients(stage.fn, parameters, next([3]));
    expect(values.loss?.[0]).toBe(0);
    for (const [key, g] of Object.entries(gradients)) {
      expect(
        ('dense' in g ? g.dense : g.rows).every((x) => x === 0),
        key,
      ).toBe(true);
    }
    const large = Object.fromEntries(
      Object.entries(parameters).map(([key, { shape, data }]) => [
        key,
        float32(
          shape,
          Array.from(data, (x) => (/ln_f|^model\.norm/.test(key) ? 300 * x : x)),
        ),
      ]),
    );
    const far = await runners.onnx.gradients(stage.fn, large, all);
    expect(far.values.loss?.[0]).toBeGreaterThan(100);
    const bad = Object.values(far.gradients).some((g) => !('dense' in g ? g.dense : g.rows).every(Number.isFinite));
    expect(bad).toBe(false);
  });
});
