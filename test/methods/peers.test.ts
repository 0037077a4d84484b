import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { objectiveOf } from '../../src/methods/index.js';
import type { Fit, LossInput } from '../../src/methods/objective.js';
import type { Objective } from '../../src/options/train.js';
import type { Json } from '../../src/util/json.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenJson } from '../models/tiny.js';
import { objectivesOf } from '../train/rig.js';

/** What other packages' own losses give for the same tensors (`golden/peers.py`). */
interface Peers {
  readonly mask: readonly number[];
  readonly tensors: Readonly<
    Record<
      string,
      { readonly shape: readonly number[]; readonly student: readonly number[]; readonly teacher: readonly number[] }
    >
  >;
  readonly cases: Readonly<
    Record<string, { readonly of: string; readonly loss: number; readonly gradient: readonly number[] }>
  >;
}

const peers = goldenJson<Peers>('peers.json');
const [rows, length, width, heads] = [3, 5, 8, 2];

const soft = (temperature: number, divergence: Json = 'forward'): Json => ({
  type: 'soft-label',
  temperature,
  divergence,
});
const states = (distance: string): Json => ({
  type: 'hidden-states',
  layer_map: 'last',
  projection: 'none',
  distance,
});
const scores = { type: 'attention', layer_map: 'last' };
const jensenShannon = (beta: number): Json => ({ type: 'jensen-shannon', beta });

/** The entropy of the teacher's probabilities, mean over distributions that count: a cross-entropy is that more than a KL. */
function entropy(of: string, temperature: number): number {
  const { shape, teacher } = peers.tensors[of] as Peers['tensors'][string];
  const n = shape.at(-1) as number;
  const each: number[] = [];
  for (let from = 0; from < teacher.length; from += n) {
    const row = Math.floor(from / (teacher.length / rows));
    const real =
      of === 'logits' ? Array.from({ length: n }, () => 1) : peers.mask.slice(row * length, (row + 1) * length);
    if (of === 'scores' && !real[(from / n) % length]) continue;
    const powers = teacher.slice(from, from + n).map((x, i) => (real[i] ? Math.exp(x / temperature) : 0));
    const all = powers.reduce((a, b) => a + b, 0);
    each.push(powers.reduce((sum, x) => sum - (x === 0 ? 0 : (x / all) * Math.log(x / all)), 0));
  }
  return each.reduce((a, b) => a + b, 0) / each.length;
}

/** Ours is `factor` · theirs − `less`; gradients differ by the factor alone. */
interface Same {
  readonly ours: Json;
  readonly factor?: number;
  readonly less?: number;
  /** Counts padding as theirs does. */
  readonly padding?: true;
  /** Only the first token of each text counts. */
  readonly first?: true;
}

const SAME: Readonly<Record<string, Same>> = {
  // A cross-entropy, so the teacher's entropy is in it too; and without T², so that its gradient shrinks as T grows.
  'textbrewer kd_ce_loss, temperature 2': { ours: soft(2), factor: 4, less: 4 * entropy('logits', 2) },
  'textbrewer kd_mse_loss': { ours: soft(1, 'mse') },
  // Theirs divides the logits by T, so T only says how large it is: 1/T² of ours, which has none.
  'textbrewer kd_mse_loss, temperature 2': { ours: soft(1, 'mse'), factor: 4 },
  'textbrewer hid_mse_loss': { ours: states('mse') },
  // Without `inputs_mask` in its batch theirs counts padding.
  'textbrewer hid_mse_loss, no mask': { ours: states('mse'), padding: true },
  'textbrewer cos_loss': { ours: states('cosine') },
  // |a/|a| − b/|b||² is twice 1 − cos; PKD looks at the first token alone.
  'textbrewer pkd_loss': { ours: states('cosine'), factor: 0.5, first: true },
  'textbrewer att_mse_loss': { ours: scores },
  // A cross-entropy again, and the softmax has to be told what is masked: scores with −10000 there.
  'textbrewer att_ce_loss': {
    ours: { ...scores, of: 'probabilities', distance: 'kl' },
    less: entropy('scores', 1),
  },
  // Without an alpha (and with a beta) or with alpha 0 it leaves T² out, against its own formula.
  'torchdistill KDLoss, temperature 2, no alpha': { ours: soft(2), factor: 4 },
  'torchdistill KDLoss, temperature 2, alpha 0': { ours: soft(2), factor: 4 },
  'torchdistill KDLoss, temperature 2, beta alone': { ours: soft(2) },
  ...Object.fromEntries(
    [0, 0.1, 0.5, 1].flatMap((beta) =>
      // TRL's has no T². Its beta is ours, at the ends too.
      [1, 2].map((t): [string, Same] => [
        `trl generalized_jsd_loss, beta ${beta}, temperature ${t}`,
        { ours: soft(t, jensenShannon(beta)), factor: t ** 2 },
      ]),
    ),
  ),
  // InfoNCE with the cosine; its scale is 1 / temperature.
  'sentence-transformers MultipleNegativesRankingLoss, scale 4': {
    ours: { type: 'contrastive', dimensions: width, temperature: 0.25 },
  },
};

describe('losses of other packages', async () => {
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());
  const fit: Fit = {
    layers: { student: 1, teacher: 1 },
    studentHidden: width,
    teacherHidden: width,
    studentHeads: heads,
    teacherHeads: heads,
    studentValues: { heads, width: width / heads },
    teacherValues: { heads, width: width / heads },
  };
  /** Leaves vectors as they are. */
  const identity = () => tf.eye(width);

  /** Our loss, of a student and a teacher who said these tensors. */
  async function lossOf({ ours, padding, first }: Same, of: string) {
    const { shape, student, teacher } = peers.tensors[of] as Peers['tensors'][string];
    const [entry] = objectivesOf(ours) as [Objective];
    const counted = peers.mask.map((real, i) => (padding || (first ? i % length === 0 : real) ? 1 : 0));
    const call = (p: Readonly<Record<string, Tensor>>, b: Readonly<Record<string, Tensor>>) => {
      const [own, said] = [p.own as Tensor, b.teacher as Tensor];
      // The first token of each text is the vector.
      const texts = (x: Tensor): Tensor => (of === 'vectors' ? tf.reshape(x, [rows, 1, width]) : x);
      const input: LossInput = {
        student: {
          logits: own,
          hiddenStates: [texts(own), texts(own)],
          attentionScores: [() => own],
          values: [],
          pooled: own,
        },
        continuation: undefined,
        policy: undefined,
        match: undefined,
        teacher: {
          logits: said,
          hiddenStates: new Map([[1, texts(said)]]),
          attentionScores: new Map([[1, said]]),
          values: new Map(),
          next: undefined,
        },
        mask: of === 'vectors' ? tf.ones([rows, 1]) : (b.mask as Tensor),
        rows: tf.ones([rows]),
        labels: tf.zeros([rows, 1]),
        known: undefined,
        causal: false,
        parameters: { 'projection.student': identity(), 'projection.teacher': identity() },
        scheduled: {},
      };
      return { loss: objectiveOf(entry, 'classifier').loss(entry, input, fit) };
    };
    const own: HostTensor = float32(shape, student);
    const feeds = { teacher: float32(shape, teacher), mask: float32([rows, length], counted) };
    const { values, gradients } = await runner.gradients(
      { key: JSON.stringify([ours, padding, first]), call },
      { own },
      feeds,
    );
    return { loss: values.loss?.[0] as number, gradient: dense(gradients.own, own) };
  }

  it.each(Object.entries(SAME))('%s is ours', async (name, same) => {
    const { factor = 1, less = 0 } = same;
    const theirs = peers.cases[name] as Peers['cases'][string];
    const { loss, gradient } = await lossOf(same, theirs.of);
    expectClose([loss], [factor * theirs.loss - less], 'loss', 1e-5);
    expectClose(
      gradient,
      theirs.gradient.map((x) => factor * x),
      'gradient',
      1e-5,
    );
  });

  it('textbrewer att_mse_loss without a mask is not: it takes every negative score for a masked one', async () => {
    const name = 'textbrewer att_mse_loss, no mask';
    const { student, teacher } = peers.tensors.scores as Peers['tensors'][string];
    const positive = (x: number, key: number): number => (x <= -1e-3 || !peers.mask[key] ? 0 : x);
    const squares = student.map((x, i) => {
      const key = Math.floor(i / (heads * length * length)) * length + (i % length);
      return (positive(x, key) - positive(teacher[i] as number, key)) ** 2;
    });
    expectClose([squares.reduce((a, b) => a + b, 0) / squares.length], [peers.cases[name]?.loss as number], name);
  });

  it('are all compared', () => {
    expect([...Object.keys(SAME), 'textbrewer att_mse_loss, no mask'].sort()).toEqual(Object.keys(peers.cases).sort());
  });
});
