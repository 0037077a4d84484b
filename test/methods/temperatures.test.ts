import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensors, type Runner, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { divergence } from '../../src/methods/divergence.js';
import { weightedMean } from '../../src/methods/means.js';
import { temperatureAt, temperatureParameters, temperatureSchedules } from '../../src/methods/temperatures/index.js';
import type { Temperature } from '../../src/options/train.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenJson } from '../models/tiny.js';

interface Golden {
  readonly shape: readonly [number, number];
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  readonly rows: readonly number[];
  readonly theta: readonly number[];
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly options: Temperature;
        readonly temperature: readonly number[];
        readonly loss: number;
        readonly student: readonly number[];
        readonly theta: readonly number[] | null;
      }
    >
  >;
}

describe('temperatures', async () => {
  const golden = goldenJson<Golden>('temperatures.json');
  const runners = await Promise.all(TESTED.map(async (name) => [name, await createRunner(name, 2)] as const));
  afterAll(() => Promise.all(runners.map(([, runner]) => runner.release())));
  const parameters: HostTensors = {
    student: float32(golden.shape, golden.student),
    theta: float32([1], golden.theta),
  };
  const feeds: HostTensors = {
    teacher: float32(golden.shape, golden.teacher),
    rows: float32([golden.shape[0]], golden.rows),
  };

  /** The mean of the forward KL, and the temperature of each row. */
  const run = (runner: Runner, option: Temperature, scheduled: HostTensors = {}) =>
    runner.gradients(
      {
        key: JSON.stringify(option),
        call: (p: Tensors, b: Tensors) => {
          const [student, teacher, rows] = [p.student, b.teacher, b.rows] as [Tensor, Tensor, Tensor];
          const input = { student, teacher, rows, parameters: { temperature: p.theta as Tensor }, scheduled: b };
          const temperature = temperatureAt(option, input);
          const each = divergence({ type: 'forward' }, teacher, student, temperature);
          return { loss: weightedMean(each, rows), each: tf.add(tf.zeros([golden.shape[0], 1]), temperature) };
        },
      },
      parameters,
      { ...feeds, ...scheduled },
    );

  for (const [name, { options, ...expected }] of Object.entries(golden.cases)) {
    it.each(runners)(`${name} has PyTorch's values and gradients (%s)`, async (_, runner) => {
      const { values, gradients } = await run(runner, options);
      const real = values.each?.slice(0, expected.temperature.length);
      expectClose(real, expected.temperature, 'temperature', 1e-5);
      expectClose(values.loss, [expected.loss], 'loss', 1e-4);
      expectClose(dense(gradients.student, parameters.student as never), expected.student, 'student', 1e-4);
      if (expected.theta === null) expect(gradients.theta).toBeUndefined();
      else expectClose(dense(gradients.theta, parameters.theta as never), expected.theta, 'theta', 1e-4);
    });
  }

  it('that follow a schedule are what is fed', async () => {
    const [[, runner]] = runners as [(typeof runners)[0]];
    const option = { schedule: 'linear', from: 4, to: 1, over: 1 } as const;
    expect(temperatureSchedules(option)).toEqual({ temperature: option });
    const fed = await run(runner, option, { temperature: float32([], [2.5]) });
    const constant = await run(runner, 2.5);
    expectClose(fed.values.loss, constant.values.loss as Float32Array, 'loss', 1e-6);
    expectClose(
      dense(fed.gradients.student, parameters.student as never),
      dense(constant.gradients.student, parameters.student as never),
    );
  });

  it('that are learnt have a parameter, and a strength that may follow a schedule', () => {
    const strength = { schedule: 'cosine', from: 0, to: 1, over: 1 } as const;
    const option = { schedule: 'learnt', lowest: 1, highest: 21, strength } as const;
    expect(Object.keys(temperatureParameters(option))).toEqual(['temperature']);
    expect(temperatureSchedules(option)).toEqual({ 'temperature.strength': strength });
    expect(temperatureParameters(2)).toEqual({});
    expect(temperatureSchedules({ schedule: 'cwsm', base: 8, beta: 1 })).toEqual({});
  });

  it('stay above 0 however far a row is from the mean', async () => {
    for (const [, runner] of runners) {
      const { values } = await run(runner, { schedule: 'cwsm', base: 1, beta: 50 });
      expect(Math.min(...(values.each as Float32Array))).toBeCloseTo(0.1, 6);
      expect(values.loss?.[0]).toSatisfy(Number.isFinite);
    }
  });
});
