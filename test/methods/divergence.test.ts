import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type Runner } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { divergence } from '../../src/methods/divergence.js';
import type { Divergence } from '../../src/options/train.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenJson } from '../models/tiny.js';

interface Golden {
  readonly shape: readonly number[];
  readonly teacher: readonly number[];
  readonly student: readonly number[];
  readonly weights: readonly number[];
  readonly cases: readonly {
    readonly name: string;
    readonly options: Divergence;
    readonly temperature: { readonly shape: readonly number[]; readonly data: readonly number[] };
    readonly value: readonly number[];
    readonly student: readonly number[];
    readonly temperatureGradient: readonly number[] | null;
  }[];
}

describe('divergence', async () => {
  const golden = goldenJson<Golden>('divergence.json');
  const { shape, teacher, weights } = golden;
  const runners = await Promise.all(TESTED.map(async (name) => [name, await createRunner(name, 2)] as const));
  afterAll(() => Promise.all(runners.map(([, runner]) => runner.release())));
  const feeds = { teacher: float32(shape, teacher), weights: float32(shape.slice(0, -1), weights) };

  /** The weighted sum and each value, at a temperature that is fed as a parameter. */
  const run = (runner: Runner, options: Divergence, temperature: HostTensor, student = golden.student) =>
    runner.gradients(
      {
        key: JSON.stringify([options, temperature.shape]),
        call: (p, b) => {
          const each = divergence(options, b.teacher as Tensor, p.student as Tensor, p.temperature as Tensor);
          return { loss: tf.sum(tf.mul(each, b.weights as Tensor)), each };
        },
      },
      { student: float32(shape, student), temperature },
      feeds,
    );

  for (const { name, options, temperature, ...expected } of golden.cases) {
    it.each(runners)(`${name} has PyTorch's value and gradients (%s)`, async (_, runner) => {
      const given = float32(temperature.shape, temperature.data);
      const { values, gradients } = await run(runner, options, given);
      expectClose(values.each, expected.value, 'value', 1e-5);
      expectClose(dense(gradients.student, feeds.teacher), expected.student, 'student', 1e-5);
      if (expected.temperatureGradient === null) expect(gradients.temperature).toBeUndefined();
      else expectClose(dense(gradients.temperature, given), expected.temperatureGradient, 'temperature', 1e-4);
    });
  }

  it('takes a number as a temperature too', async () => {
    const { options, temperature, value } =
      golden.cases.find(({ name }) => name === 'reverse, temperature number') ?? {};
    const [[, runner] = []] = runners;
    const { each } = await (runner as Runner).forward(
      {
        key: 'number',
        call: (p, b) => ({
          each: divergence(options as Divergence, b.teacher as Tensor, p.student as Tensor, temperature?.data[0]),
        }),
      },
      { student: float32(shape, golden.student) },
      feeds,
    );
    expectClose(each, value, 'value', 1e-5);
  });

  it('stays finite where a model is certain', async () => {
    const far = golden.student.map((_, i) => (i % 5 === 0 ? 900 : 0));
    for (const options of [{ type: 'jensen-shannon', beta: 0.5, rescale: false }, { type: 'reverse' }] as const) {
      for (const [, runner] of runners) {
        const { values, gradients } = await run(runner, options, float32([], [1]), far);
        expect(values.each?.every(Number.isFinite)).toBe(true);
        expect(dense(gradients.student, feeds.teacher).every(Number.isFinite)).toBe(true);
      }
    }
  });
});
