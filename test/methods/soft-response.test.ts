import { afterAll, describe, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import type { LossInput, NextTokens } from '../../src/methods/objective.js';
import { softResponse } from '../../src/methods/objectives/soft-response.js';
import type { SoftLabel } from '../../src/options/train.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenJson } from '../models/tiny.js';

interface Golden {
  readonly shape: readonly [number, number];
  readonly k: number;
  readonly draws: number;
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  readonly weights: readonly number[];
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly divergence: 'forward' | 'reverse';
        readonly temperature: number;
        readonly keep: NextTokens['keep'];
        readonly feeds: Readonly<Record<string, readonly number[]>> | null;
        readonly loss: number;
        readonly gradient: readonly number[];
      }
    >
  >;
}

/** What a teacher says, of what is fed. */
function nextOf(keep: NextTokens['keep'], b: Tensors): NextTokens {
  const fed = (name: string): Tensor => b[name] as Tensor;
  if (keep === 'full') return { keep, logits: fed('teacher') };
  if (keep === 'sampled') return { keep, ids: fed('ids'), weights: fed('drawn') };
  return { keep, ids: fed('ids'), logProbabilities: fed('log_probabilities'), tail: fed('tail') };
}

describe('soft labels of the next token', async () => {
  const golden = goldenJson<Golden>('soft-responses.json');
  const runners = await Promise.all(TESTED.map(async (name) => [name, await createRunner(name, 2)] as const));
  afterAll(() => Promise.all(runners.map(([, runner]) => runner.release())));
  const [n] = golden.shape;
  const int32 = (data: readonly number[]): HostTensor => ({
    dtype: 'int32',
    shape: [n, data.length / n],
    data: Int32Array.from(data),
  });

  for (const [name, { divergence, temperature, keep, feeds, loss, gradient }] of Object.entries(golden.cases)) {
    it.each(runners)(`${name}: PyTorch's value and gradient (%s)`, async (_, runner) => {
      const student = float32(golden.shape, golden.student);
      const options: SoftLabel = {
        type: 'soft-label',
        weight: 1,
        teacher: 1,
        temperature,
        divergence: { type: divergence },
      };
      const batch: HostTensors = {
        weights: float32([n], golden.weights),
        teacher: float32(golden.shape, golden.teacher),
        ...(feeds && {
          ids: int32(feeds.ids ?? []),
          drawn: float32([n, golden.draws], feeds.weights ?? new Array(n * golden.draws).fill(0)),
          log_probabilities: float32([n, golden.k], feeds.log_probabilities ?? new Array(n * golden.k).fill(0)),
          tail: float32([n, 1], feeds.tail ?? new Array(n).fill(0)),
        }),
      };
      const call = (p: Tensors, b: Tensors): Tensors => {
        const logits = p.student as Tensor;
        const input = {
          continuation: { losses: tf.zeros([n]), weights: b.weights as Tensor, logits: () => logits },
          teacher: { next: nextOf(keep, b) },
          parameters: {},
          scheduled: {},
        } as unknown as LossInput;
        return { loss: softResponse.loss(options, input, undefined) };
      };
      const got = await runner.gradients({ key: name, call }, { student }, batch);
      expectClose(got.values.loss, [loss], 'loss', 1e-5);
      expectClose(dense(got.gradients.student, student), gradient, 'gradient', 1e-4);
    });
  }
});
