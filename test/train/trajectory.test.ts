import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensors, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import type { Head, TransformerConfig } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { forward } from '../../src/models/forward.js';
import type { Parameters } from '../../src/models/initialize.js';
import { padTokens } from '../../src/models/padding.js';
import type { Stage as StageOptions } from '../../src/options/train.js';
import type { Counts } from '../../src/train/examples.js';
import { countsOf, shareFeeds } from '../../src/train/feeds.js';
import { Optimizer } from '../../src/train/optimizer.js';
import { ruleOf } from '../../src/train/optimizers/index.js';
import { rateFactor } from '../../src/train/schedule.js';
import { buildStage } from '../../src/train/stage.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';

interface Batch {
  readonly ids: readonly number[];
  readonly lengths: readonly number[];
  readonly labels: readonly number[];
}
interface Case {
  readonly optimizer: 'adamw' | 'sgd';
  readonly schedule: 'linear' | 'cosine';
  readonly sizes: readonly number[];
  /** Of each update. */
  readonly batches: readonly (readonly Batch[])[];
  readonly rate: number;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
}
interface Golden {
  readonly updates: number;
  readonly warmup: number;
  readonly length: number;
  readonly cases: Readonly<Record<string, Case>>;
  readonly lm: Omit<Case, 'optimizer' | 'schedule' | 'sizes'>;
}

const golden = goldenJson<Golden>('trajectory.json');
const { tensors } = await readSafetensors(goldenFile('trajectory.safetensors'));
const runner = await createRunner('onnx', 2);
afterAll(() => runner.release());

/** The model that PyTorch started from, without dropout. */
async function start(name: string, head: Head): Promise<{ config: TransformerConfig; parameters: Parameters }> {
  const config = { ...(await tiny(name, head)).config, dropout: 0 };
  const parameters: Parameters = {};
  for (const key of Object.keys(architectureOf(config).parameters(config))) {
    const { shape, data } = tensors[`${name}/${key}`] as { shape: readonly number[]; data: Float32Array };
    parameters[key] = { dtype: 'float32', shape, data };
  }
  return { config, parameters };
}

/** Rows up to `rows` count for nothing, as in training. */
function feedsOf({ ids, lengths, labels }: Batch, rows: number): HostTensors {
  const { length } = golden;
  const texts = lengths.map((n, row) => Int32Array.from(ids.slice(row * length, row * length + n)));
  const real = new Float32Array(rows).fill(1, 0, lengths.length);
  const oneHot = new Float32Array(rows * 3);
  labels.forEach((label, row) => {
    oneHot[row * 3 + label] = 1;
  });
  return {
    ...padTokens(texts, rows, length, 0),
    rows: { dtype: 'float32', shape: [rows], data: real },
    labels: { dtype: 'float32', shape: [rows, 3], data: oneHot },
  };
}

const expectTrajectory = (mine: readonly number[], theirs: readonly number[], what: string, limit: number): void => {
  expect(mine).toHaveLength(theirs.length);
  theirs.forEach((x, update) => {
    expect(Math.abs((mine[update] as number) - x), `${what} in update ${update + 1}`).toBeLessThan(limit);
  });
};

describe('fifty updates', () => {
  it.each(Object.entries(golden.cases))('are PyTorch’s: %s', async (name, given) => {
    const { config, parameters } = await start('bert', 'classifier');
    const options: StageOptions = {
      objectives: [{ type: 'hard-label', weight: 1 }],
      updates: golden.updates,
      learning_rate: given.rate,
      warmup: golden.warmup / golden.updates,
      schedule: given.schedule,
      freeze: [],
    };
    const stage = buildStage(config, options, [], name);
    const rule = ruleOf(given.optimizer === 'sgd' ? { type: 'sgd', momentum: 0.9 } : { type: 'adamw' }, 0.01);
    const optimizer = new Optimizer(parameters, architectureOf(config).parameters(config), rule, 1);
    const rows = Math.max(...given.sizes);
    const losses: number[] = [];
    const norms: number[] = [];
    for (const [update, window] of given.batches.entries()) {
      const counts: Counts[] = window.map(({ labels }) => ({
        texts: 0,
        rows: 0,
        labels: labels.length,
        tokens: 0,
        'written-tokens': 0,
        'token-pairs': 0,
        'causal-pairs': 0,
      }));
      let loss = 0;
      for (const [i, batch] of window.entries()) {
        const shares =
          window.length > 1
            ? shareFeeds(
                counts.map((each) => countsOf(stage.over, () => each)),
                i,
              )
            : {};
        const { values, gradients } = await runner.gradients(stage.fn, optimizer.parameters, {
          ...feedsOf(batch, rows),
          ...shares,
          ...stage.numbers(0),
        });
        loss += values.loss?.[0] as number;
        optimizer.add(gradients);
      }
      const factor = rateFactor(given.schedule, update, golden.updates, golden.warmup / golden.updates);
      norms.push(optimizer.apply(given.rate * factor));
      losses.push(loss);
    }
    expectTrajectory(losses, given.losses, 'loss', 1e-4);
    expectTrajectory(norms, given.norms, 'norm', 1e-3);
  });

  it('are PyTorch’s: a language model', async () => {
    const { config, parameters } = await start('gpt2', 'language-model');
    const { lm } = golden;
    const fn: TensorFunction = {
      key: 'next token',
      call: (p, b) => {
        const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
        const { logits } = forward(config, p, { ids, mask, dropout: [], lastTokens: 'all' });
        const [rows, length, width] = logits.shape as [number, number, number];
        const real = tf.slice(mask, [0, 1], [rows, length - 1]);
        const next = tf.oneHot(tf.slice(ids, [0, 1], [rows, length - 1]) as tf.Tensor1D, width);
        const said = tf.logSoftmax(tf.slice(logits, [0, 0, 0], [rows, length - 1, width]));
        return { loss: tf.neg(tf.div(tf.sum(tf.mul(tf.sum(tf.mul(said, next), -1), real)), tf.sum(real))) };
      },
    };
    const specs = architectureOf(config).parameters(config);
    const optimizer = new Optimizer(parameters, specs, ruleOf({ type: 'adamw' }, 0.01), 1);
    const losses: number[] = [];
    for (const [update, [batch]] of lm.batches.entries()) {
      const { values, gradients } = await runner.gradients(fn, optimizer.parameters, feedsOf(batch as Batch, 4));
      losses.push(values.loss?.[0] as number);
      optimizer.add(gradients);
      optimizer.apply(lm.rate * rateFactor('linear', update, golden.updates, golden.warmup / golden.updates));
    }
    expectTrajectory(losses, lm.losses, 'loss', 1e-4);
  });
});
