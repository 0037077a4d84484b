import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Runner } from '../../src/backend/runner.js';
import type { Fit } from '../../src/methods/objective.js';
import type { Head } from '../../src/models/architecture.js';
import { valueShape } from '../../src/models/values.js';
import type { Objective } from '../../src/options/train.js';
import { teacherFeeds } from '../../src/train/examples.js';
import { buildStage } from '../../src/train/stage.js';
import { float16Bits } from '../../src/util/float16.js';
import type { JsonObject } from '../../src/util/json.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';
import { objectivesOf } from '../train/rig.js';

const TEACHER = teacherFeeds(0);

interface GoldenTeacher {
  readonly layers: number;
  readonly hidden: number;
  /** Width of its values, all heads side by side. */
  readonly values: number;
  readonly logits: readonly number[];
  readonly hiddenStates: Readonly<Record<string, readonly number[]>>;
  readonly attentionScores: Readonly<Record<string, readonly number[]>>;
  readonly valueStates: Readonly<Record<string, readonly number[]>>;
}

interface GoldenCase {
  readonly options: Objective;
  readonly loss: number;
  readonly teacher: 'narrow' | 'wide';
  /** What is learnt beside the student. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

interface GoldenObjectives {
  readonly cases: Readonly<Record<string, GoldenCase>>;
  readonly rows: readonly number[];
  readonly mask: readonly number[];
  readonly labels: readonly (number | null)[];
  readonly teachers: Readonly<Record<GoldenCase['teacher'], GoldenTeacher>>;
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
  const fitOf = (teacher: GoldenTeacher): Fit => ({
    layers: { student: config.layers, teacher: teacher.layers },
    studentHidden: config.hidden,
    teacherHidden: teacher.hidden,
    studentHeads: config.heads,
    teacherHeads: config.heads,
    studentValues: valueShape(config),
    teacherValues: { heads: config.heads, width: teacher.values / config.heads },
  });
  const half = (shape: readonly number[], numbers: readonly number[]): HostTensor => ({
    dtype: 'float16',
    shape,
    data: float16Bits(Float32Array.from(numbers)),
  });
  const oneHot = new Float32Array(rows * config.labels);
  given.labels.forEach((label, row) => {
    if (label !== null) oneHot[row * config.labels + label] = 1;
  });
  const feedsOf = (teacher: GoldenTeacher): HostTensors => ({
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
    ...Object.fromEntries(
      Object.entries(teacher.valueStates).map(([layer, numbers]) => [
        TEACHER.values(Number(layer)),
        half([rows, length, teacher.values], numbers),
      ]),
    ),
  });
  const { narrow: teacher } = given.teachers;
  const [fit, feeds] = [fitOf(teacher), feedsOf(teacher)];
  const stageOf = (objectives: Objective[], key: string, fits: Fit[] = [fit], head: Head = config.head) =>
    buildStage(
      { ...config, head },
      { objectives: objectives as [Objective], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] },
      fits,
      key,
    );
  /** A case of PyTorch's, ready to run. */
  const setUp = (name: string, { options, teacher, parameters: learnt }: GoldenCase) => {
    const said = given.teachers[teacher];
    const { fn, specs } = stageOf([options], name, [fitOf(said)]);
    const beside = Object.entries(specs).map(([key, { shape }]) => [
      key,
      float32(shape, learnt[key.replace('objective.0.', '')] as readonly number[]),
    ]);
    const all: HostTensors = { ...parameters, ...Object.fromEntries(beside) };
    return { fn, all, feeds: feedsOf(said) };
  };

  for (const [name, golden] of Object.entries(given.cases)) {
    for (const [backend, runner] of Object.entries(runners)) {
      it(`${name} has PyTorch's value and gradients (${backend})`, async () => {
        const { fn, all, feeds } = setUp(name, golden);
        const { values, gradients } = await runner.gradients(fn, all, feeds);
        expectClose(values.loss, [golden.loss], 'loss', 1e-5);
        const mine = Object.keys(gradients).sort();
        const theirs = Object.keys(expected).filter((key) => key.startsWith(`${name}/`));
        expect(mine).toEqual(theirs.map((key) => key.slice(name.length + 1)).sort());
        for (const key of mine) {
          expectClose(dense(gradients[key], all[key] as HostTensor), expected[`${name}/${key}`]?.data, key);
        }
      });
    }

    it(`${name} has the gradient of finite differences`, async () => {
      const { fn, all, feeds } = setUp(name, golden);
      const { gradients } = await runners.onnx.gradients(fn, all, feeds);
      // Along the gradient: the loss must change by its squared norm.
      const steps = Object.entries(gradients).map(([key, g]) => [key, dense(g, all[key] as HostTensor)] as const);
      const square = steps.reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0);
      const size = 4e-3 / Math.sqrt(square);
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

  it.each([
    ['token-classifier', rows * length],
    ['multi-label', rows * config.labels],
  ] as const)('learn the same of layers whatever the head: %s', async (head, questions) => {
    // Of layers they learn text by text and token by token, and not question by question.
    const none = { rows: float32([questions], Array(questions).fill(0)) };
    for (const name of ['hidden-shared', 'attention', 'embeddings', 'value-relation', 'contrastive-token']) {
      const golden = given.cases[name] as GoldenCase;
      const { all, feeds } = setUp(name, golden);
      const { fn } = stageOf([golden.options], `${name} ${head}`, [fit], head);
      const { loss } = await runners.onnx.forward(fn, all, { ...feeds, ...none });
      expectClose(loss, [golden.loss], name, 1e-5);
    }
  });

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
    for (const [name, golden] of Object.entries(given.cases)) {
      const { fn, all, feeds } = setUp(name, golden);
      const blank = (key: string): HostTensor => {
        const like = feeds[key] as HostTensor;
        return { ...like, data: new Float32Array(like.data.length) };
      };
      const nothing = { ...feeds, mask: blank('mask'), rows: blank('rows'), labels: blank('labels') };
      const { values, gradients } = await runners.onnx.gradients(fn, all, nothing);
      expect(Math.abs(values.loss?.[0] as number), name).toBe(0);
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

  it.each([
    [{}, 'causal-pairs'],
    [{ of: 'probabilities' }, 'causal-pairs'],
    [{ of: 'probabilities', distance: 'kl' }, 'tokens'],
  ] as const)('attention of a decoder does not look at what its mask hides: %j', async (form, counted) => {
    const { config: decoder, parameters: own } = await tiny('gpt2');
    const { fn, over } = buildStage(
      { ...decoder, dropout: 0 },
      {
        objectives: objectivesOf({ type: 'attention', ...form }),
        learning_rate: 1,
        warmup: 0,
        schedule: 'linear',
        freeze: [],
      },
      [fit],
      `causal ${JSON.stringify(form)}`,
    );
    expect(over).toEqual([{ counted, teacher: 0 }]);
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

  it('attention needs as many heads on both sides, and states as wide where nothing projects them', () => {
    const [attention, states] = objectivesOf('attention', { type: 'hidden-states', projection: 'none' }) as Objective[];
    expect(() => stageOf([attention as Objective], 'heads', [{ ...fit, teacherHeads: 12 }])).toThrow(
      'the student has 4 and the teacher 12',
    );
    expect(() => stageOf([states as Objective], 'width')).toThrow(
      "has projection: none, but the student's hidden states have 16 numbers and the teacher's 6",
    );
  });

  it('relations of values need the same heads on both sides, or some that both can be split into', () => {
    const teacherValues = { heads: 2, width: 5 };
    const stage = (options: JsonObject) => () =>
      stageOf(objectivesOf({ type: 'value-relation', ...options }), 'heads', [{ ...fit, teacherValues }]);
    expect(stage({})).toThrow("the student's values have 4 and the teacher's 2");
    expect(stage({ relation_heads: 4 })).toThrow(
      "cannot split the teacher's 10 values of a token into 4 relation_heads",
    );
    expect(stage({ relation_heads: 5 })).toThrow(
      "cannot split the student's 16 values of a token into 5 relation_heads",
    );
    expect(stage({ relation_heads: 2 })).not.toThrow();
  });
});
