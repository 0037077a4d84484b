import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { objectiveOf } from '../../src/methods/index.js';
import type { Fit, LossInput } from '../../src/methods/objective.js';
import type { Objective } from '../../src/options/train.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenJson } from '../models/tiny.js';

interface Case {
  readonly loss: number;
  readonly texts: readonly number[];
  readonly candidates: readonly number[];
}

/** Losses by sentence-transformers and by their formulas (`golden/matching.py`). */
const golden = goldenJson<{
  readonly sizes: { readonly batch: number; readonly candidates: number; readonly width: number };
  readonly texts: readonly number[];
  readonly candidates: readonly number[];
  readonly scores: readonly number[];
  readonly teacher: {
    readonly width: number;
    readonly texts: readonly number[];
    readonly candidates: readonly number[];
  };
  readonly whole: Readonly<Record<string, Case>>;
  readonly ragged: Readonly<Record<string, Case>>;
  readonly masks: Readonly<Record<'real' | 'negatives' | 'rows' | 'compared' | 'asked', readonly number[]>>;
}>('matching.json');

const { batch, candidates, width } = golden.sizes;
const all = batch * candidates;
const OPTIONS: readonly Objective[] = [
  { type: 'in-batch-negatives', weight: 1, temperature: 0.07 },
  { type: 'margin-mse', weight: 1, teacher: 1 },
  { type: 'soft-label', weight: 1, teacher: 1, temperature: 2, divergence: { type: 'forward' } },
  { type: 'cosine-mse', weight: 1, teacher: 1 },
  { type: 'in-batch-similarity', weight: 1, teacher: 1, temperature: 0.07 },
];
const fit: Fit = {
  layers: { student: 2, teacher: 0 },
  studentHidden: width,
  teacherHidden: 0,
  studentHeads: 1,
  teacherHeads: 0,
  studentValues: { heads: 1, width },
  teacherValues: undefined,
  teacherSimilarity: { scale: 4, bias: 0.5 },
};
const parameters = {
  texts: float32([batch, width], golden.texts),
  candidates: float32([all, width], golden.candidates),
};
const masksOf = (masks: typeof golden.masks) => ({
  real: float32([batch, candidates], masks.real),
  negatives: float32([batch, candidates], masks.negatives),
  rows: float32([batch], masks.rows),
  compared: float32([batch, all], masks.compared),
  targets: float32(
    [batch, all],
    Array.from({ length: batch * all }, (_, i) => {
      const [b, j] = [Math.floor(i / all), i % all];
      return masks.asked.includes(b) && j === b * candidates ? 1 : 0;
    }),
  ),
  scores: float32([batch, candidates], golden.scores),
  'their texts': float32([batch, golden.teacher.width], golden.teacher.texts),
  'their candidates': float32([all, golden.teacher.width], golden.teacher.candidates),
});
const full = (n: number, one: (i: number) => number = () => 1) => Array.from({ length: n }, (_, i) => one(i));
const FEEDS = {
  whole: masksOf({
    real: full(all),
    negatives: full(all, (i) => (i % candidates === 0 ? 0 : 1)),
    rows: full(batch),
    compared: full(batch * all),
    asked: full(batch, (i) => i),
  }),
  ragged: masksOf(golden.masks),
  nothing: masksOf({
    real: full(all, () => 0),
    negatives: full(all, () => 0),
    rows: full(batch, () => 0),
    compared: full(batch * all, () => 0),
    asked: [],
  }),
};

const unit = (x: Tensor): Tensor => tf.div(x, tf.sqrt(tf.sum(tf.square(x), -1, true)));
const lossOf = (options: Objective): TensorFunction => ({
  key: `match ${options.type}`,
  call: (p, b) => {
    const feed = (name: string): Tensor => b[name] as Tensor;
    const match = {
      texts: unit(p.texts as Tensor),
      candidates: unit(p.candidates as Tensor),
      real: feed('real'),
      negatives: feed('negatives'),
      targets: feed('targets'),
      compared: feed('compared'),
    };
    const vectors = { texts: unit(feed('their texts')), candidates: unit(feed('their candidates')) };
    const teacher = { logits: feed('scores'), hiddenStates: new Map(), attentionScores: new Map(), vectors };
    const input = { match, teacher, rows: feed('rows'), parameters: {}, scheduled: {} } as unknown as LossInput;
    return { loss: objectiveOf(options, 'embedding').loss(options, input, fit) };
  },
});

describe.each(['onnx', 'cpu'] as const)('losses of vectors on %s', async (backend) => {
  const runner = await createRunner(backend, 2);
  afterAll(() => runner.release());

  it.each(
    OPTIONS.flatMap((options) => (['whole', 'ragged'] as const).map((kind) => [options.type, kind, options] as const)),
  )('%s of a %s batch is that of its formula, and so is its gradient', async (type, kind, options) => {
    const expected = golden[kind][type] as Case;
    const { values, gradients } = await runner.gradients(lossOf(options), parameters, FEEDS[kind]);
    expectClose(values.loss as Float32Array, [expected.loss], 'loss');
    for (const name of ['texts', 'candidates'] as const) {
      expectClose(dense(gradients[name], parameters[name] as HostTensor), expected[name], `gradient of ${name}`);
    }
  });

  it.each(OPTIONS.map((options) => [options.type, options] as const))(
    '%s has the gradient of finite differences, and is 0 where no row is left',
    async (_, options) => {
      const fn = lossOf(options);
      const { gradients } = await runner.gradients(fn, parameters, FEEDS.ragged);
      // Along the gradient: the loss must change by its squared norm.
      const steps = Object.entries(parameters).map(([name, own]) => [name, dense(gradients[name], own)] as const);
      const square = steps.reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0);
      const size = 1e-2 / Math.sqrt(square);
      const at = async (step: number): Promise<number> => {
        const moved = steps.map(([name, g]) => {
          const { shape, data } = parameters[name as keyof typeof parameters];
          return [
            name,
            float32(
              shape,
              Array.from(data as Float32Array, (x, i) => x + step * (g[i] as number)),
            ),
          ];
        });
        return (await runner.forward(fn, Object.fromEntries(moved), FEEDS.ragged)).loss?.[0] as number;
      };
      const slope = ((await at(size)) - (await at(-size))) / (2 * size);
      expect(slope / square).toBeCloseTo(1, 2);

      const nothing = await runner.gradients(fn, parameters, FEEDS.nothing);
      expect(nothing.values.loss?.[0]).toBe(0);
      for (const [name, own] of Object.entries(parameters)) {
        for (const x of dense(nothing.gradients[name], own)) expect(Math.abs(x)).toBe(0);
      }
    },
  );
});

it('takes cosines from a teacher that has some', () => {
  const { teacherSimilarity: _, ...without } = fit;
  const options = OPTIONS[3] as Objective;
  expect(() => objectiveOf(options, 'embedding').needs(options, without)).toThrow('this one compares no vectors');
});
