import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Runner } from '../../src/backend/runner.js';
import type { Fit } from '../../src/methods/objective.js';
import type { Objective } from '../../src/options/train.js';
import { teacherFeeds } from '../../src/train/examples.js';
import { buildStage } from '../../src/train/stage.js';
import { float16Bits } from '../../src/util/float16.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';

const TEACHER = teacherFeeds(0);

interface GoldenObjectives {
  readonly cases: Readonly<Record<string, { readonly options: Objective; readonly loss: number }>>;
  readonly rows: readonly number[];
  readonly mask: readonly number[];
  readonly labels: readonly (number | null)[];
  readonly teacher: {
    readonly layers: number;
    readonly hidden: number;
    readonly logits: readonly number[];
    readonly hiddenStates: Readonly<Record<string, readonly number[]>>;
    readonly attentionScores: Readonly<Record<string, readonly number[]>>;
  };
  readonly projections: Readonly<Record<string, readonly number[]>>;
}

describe('objectives', async () => {
  const { config: dropping, parameters, batch } = await tiny('bert');
  const config = { ...dropping, dropout: 0 };

  const given = goldenJson<GoldenObjectives>('objectives.json');
  const { tensors: expected } = await readSafetensors(goldenFile('objectives.safetensors'));
  const runners = Object.fromEntries(
    await Promise.all(TESTED.map(async (backend) => [backend, await createRunner(backend, 2)] as const)),
  ) as Record<'onnx' | 'cpu', Runner>;
  afterAll(() => runners.onnx.release());

  const { ids } = batch as { ids: HostTensor };
  const [rows, length] = ids.shape as [number, number];
  const { teacher } = given;
  const fit: Fit = {
    layers: { student: config.layers, teacher: teacher.layers },
    studentHidden: config.hidden,
    teacherHidden: teacher.hidden,
    studentHeads: config.heads,
    teacherHeads: config.heads,
  };
  const half = (shape: readonly number[], numbers: readonly number[]): HostTensor => ({
    dtype: 'float16',
    shape,
    data: float16Bits(Float32Array.from(numbers)),
  });
  const oneHot = new Float32Array(rows * config.labels);
  given.labels.forEach((label, row) => {
    if (label !== null) oneHot[row * config.labels + label] = 1;
  });
  const feeds: HostTensors = {
    ...batch,
    ...Object.fromEntries([0, 1, 2].map((i) => [`weight.${i}`, float32([], [1])])),
    mask: float32([rows, length], given.mask),
    rows: float32([rows], given.rows),
    labels: { dtype: 'float32', shape: [rows, config.labels], data: oneHot },
    [TEACHER.logits]: half([rows, config.labels], teacher.logits),
    ...Object.fromEntries(
      Object.entries(teacher.hiddenStates).map(([layer, numbers]) => [
        TEACHER.hidden(Number(layer)),
        half([rows, length, teacher.hidden], numbers),
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(teacher.attentionScores).map(([layer, numbers]) => [
        TEACHER.attention(Number(layer)),
        half([rows, config.heads, length, length], numbers),
      ]),
    ),
  };
  const stageOf = (objectives: Objective[], key: string) =>
    buildStage(
      config,
      { objectives: objectives as [Objective], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] },
      [fit],
      key,
    );
  const withProjections = (specs: HostTensorsLike): HostTensors => ({
    ...parameters,
    ...Object.fromEntries(
      Object.entries(specs).map(([name, { shape }]) => [
        name,
        float32(shape, given.projections[name.replace(/^objective\.\d+\./, '')] as readonly number[]),
      ]),
    ),
  });

  for (const [name, { options, loss }] of Object.entries(given.cases)) {
    for (const [backend, runner] of Object.entries(runners)) {
      it(`${name} has PyTorch's value and gradients (${backend})`, async () => {
        const { fn, specs } = stageOf([options], name);
        const all = withProjections(specs);
        const { values, gradients } = await runner.gradients(fn, all, feeds);
        expectClose(values.loss, [loss], 'loss', 1e-5);
        const mine = Object.keys(gradients).sort();
        const theirs = Object.keys(expected).filter((key) => key.startsWith(`${name}/`));
        expect(mine).toEqual(theirs.map((key) => key.slice(name.length + 1)).sort());
        for (const key of mine) {
          expectClose(dense(gradients[key], all[key] as HostTensor), expected[`${name}/${key}`]?.data, key);
        }
      });
    }

    it(`${name} has the gradient of finite differences`, async () => {
      const { fn, specs } = stageOf([options], name);
      const all = withProjections(specs);
      const { gradients } = await runners.onnx.gradients(fn, all, feeds);
      // Along the gradient: the loss must change by its squared norm.
      const steps = Object.entries(gradients).map(([key, g]) => [key, dense(g, all[key] as HostTensor)] as const);
      const square = steps.reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0);
      const size = 8e-3 / Math.sqrt(square);
      const at = async (step: number): Promise<number> => {
        const moved = Object.fromEntries(
          steps.map(([key, g]) => {
            const { shape, data } = all[key] as HostTensor;
            return [
              key,
              float32(
                shape,
                Array.from(data as Float32Array, (x, i) => x + step * (g[i] as number)),
              ),
            ];
          }),
        );
        return (await runners.onnx.forward(fn, { ...all, ...moved }, feeds)).loss?.[0] as number;
      };
      const slope = ((await at(size)) - (await at(-size))) / (2 * size);
      expect(slope / square).toBeCloseTo(1, 2);
    });
  }

  it('add up by their weights', async () => {
    const entries = ['hard-label', 'soft-label-2', 'attention'].map((name, i) => ({
      ...(given.cases[name]?.options as Objective),
      weight: i + 0.5,
    }));
    const { fn, numbers } = stageOf(entries, 'sum');
    const { loss, ...each } = await runners.onnx.forward(fn, parameters, { ...feeds, ...numbers(0) });
    const parts = ['loss.0', 'loss.1', 'loss.2'].map((key) => each[key]?.[0] as number);
    expectClose(
      parts,
      ['hard-label', 'soft-label-2', 'attention'].map((n) => given.cases[n]?.loss as number),
    );
    expectClose(loss, [parts.reduce((s, x, i) => s + (i + 0.5) * x, 0)], 'sum', 1e-6);
  });

  it('are 0 where they apply to nothing', async () => {
    for (const [name, { options }] of Object.entries(given.cases)) {
      const { fn, specs } = stageOf([options], name);
      const blank = (key: string): HostTensor => {
        const like = feeds[key] as HostTensor;
        return { ...like, data: new Float32Array(like.data.length) };
      };
      const nothing = { ...feeds, mask: blank('mask'), rows: blank('rows'), labels: blank('labels') };
      const { values, gradients } = await runners.onnx.gradients(fn, withProjections(specs), nothing);
      expect(values.loss?.[0], name).toBe(0);
      for (const [key, g] of Object.entries(gradients)) {
        const numbers = 'dense' in g ? g.dense : g.rows;
        expect(
          numbers.every((x) => x === 0),
          `${name}: ${key}`,
        ).toBe(true);
      }
    }
  });

  it('stay finite and right where logits are far apart', async () => {
    const { fn } = stageOf(
      [{ type: 'soft-label', weight: 1, teacher: 1, temperature: 1, divergence: { type: 'forward' } }],
      'far',
    );
    const far = { ...feeds, [TEACHER.logits]: half([rows, 3], [900, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) };
    const [a, b] = [await runners.onnx.forward(fn, parameters, far), await runners.cpu.forward(fn, parameters, far)];
    expect(a.loss?.[0]).toSatisfy(Number.isFinite);
    expectClose(a.loss, b.loss, 'loss', 1e-5);
  });

  it('read of the cache what they need, and labels only where no other objective speaks', () => {
    const [hard, soft, hidden, attention] = ['hard-label', 'soft-label-1', 'hidden-shared', 'attention'].map(
      (name) => given.cases[name]?.options as Objective,
    ) as [Objective, Objective, Objective, Objective];
    const unlabelled = (objectives: Objective[], known: boolean): boolean =>
      stageOf(objectives, '').applies(false, () => known);
    expect(stageOf([hard], '').wanted).toMatchObject([{ logits: false, hiddenStates: [], attention: [] }]);
    expect(unlabelled([hard], true)).toBe(false);
    expect(stageOf([attention, hidden], '').wanted).toMatchObject([
      { logits: false, hiddenStates: [0, 2, 4], attention: [2, 4] },
    ]);
    expect(unlabelled([attention, hidden], true)).toBe(true);
    expect(stageOf([hard, soft], '').wanted).toMatchObject([{ logits: true }]);
    expect(unlabelled([hard, soft], true)).toBe(true);
    expect(unlabelled([hard, soft], false)).toBe(false);
    expect(stageOf([hard, soft], '').applies(true, () => false)).toBe(true);
  });

  it('attention of a decoder does not look at what its mask hides', async () => {
    const { config: decoder, parameters: own } = await tiny('gpt2');
    const options: Objective = { type: 'attention', weight: 1, teacher: 1, layer_map: 'uniform' };
    const { fn, over } = buildStage(
      { ...decoder, dropout: 0 },
      { objectives: [options], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] },
      [fit],
      'causal',
    );
    expect(over).toEqual([{ counted: 'causal-pairs', teacher: 0 }]);
    const lossWith = async (change: (line: number, column: number) => number): Promise<number> => {
      const changed = Object.entries(teacher.attentionScores).map(([layer, numbers]) => [
        TEACHER.attention(Number(layer)),
        half(
          [rows, config.heads, length, length],
          numbers.map((x, i) => x + change(Math.floor(i / length) % length, i % length)),
        ),
      ]);
      const { values } = await runners.onnx.gradients(fn, own, { ...feeds, ...Object.fromEntries(changed) });
      return values.loss?.[0] as number;
    };
    const plain = await lossWith(() => 0);
    expect(await lossWith((line, column) => (column > line ? 5 : 0))).toBe(plain);
    expect(await lossWith((line, column) => (column === line ? 5 : 0))).not.toBe(plain);
  });

  it('attention needs as many heads on both sides', () => {
    const options: Objective = { type: 'attention', weight: 1, teacher: 1, layer_map: 'uniform' };
    const stage = () =>
      buildStage(
        config,
        { objectives: [options], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] },
        [{ ...fit, teacherHeads: 12 }],
        'heads',
      );
    expect(stage).toThrow('the student has 4 and the teacher 12');
  });
});

type HostTensorsLike = Readonly<Record<string, { readonly shape: readonly number[] }>>;
