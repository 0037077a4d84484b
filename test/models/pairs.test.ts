import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type TensorFunction } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { forward } from '../../src/models/forward.js';
import { padTokens } from '../../src/models/padding.js';
import { dense, expectClose } from '../backend/rig.js';
import { goldenJson, tiny } from './tiny.js';

/** What BERT computes of tokens of two types (`golden/pairs.py`). */
const { bert } = goldenJson<{
  readonly bert: {
    readonly seconds: readonly number[];
    readonly logits: readonly number[];
    readonly loss: number;
    readonly gradient: readonly number[];
  };
}>('pairs.json');

const { golden, config, parameters } = await tiny('bert');
const length = Math.max(...golden.lengths);
const texts = golden.lengths.map((n, row) => Int32Array.from(golden.ids.slice(row * length, row * length + n)));
const batch = padTokens(texts, texts.length, length, config.padId, bert.seconds);
const loss: TensorFunction = {
  key: 'pairs',
  call: (p, b) => {
    const labels = tf.oneHot(tf.tensor1d([...golden.labels], 'int32'), 3);
    const input = {
      ids: b.ids as Tensor,
      mask: b.mask as Tensor,
      types: b.types,
      dropout: [],
      lastTokens: 'all',
    } as const;
    const { logits } = forward(config, p, input);
    return { loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), labels), -1))), logits };
  },
};

describe.each(['onnx', 'cpu'] as const)('tokens of two types on %s', async (backend) => {
  const runner = await createRunner(backend, 2);
  afterAll(() => runner.release());

  it('give transformers’ logits and gradient', async () => {
    const { values, gradients } = await runner.gradients(loss, parameters, batch);
    expectClose(values.logits as Float32Array, bert.logits, 'logits');
    expect(values.loss?.[0]).toBeCloseTo(bert.loss, 5);
    const name = 'bert.embeddings.token_type_embeddings.weight';
    expectClose(dense(gradients[name], parameters[name] as HostTensor), bert.gradient, 'gradient');
  });

  it('differ from tokens of one', async () => {
    const { types: _, ...one } = batch;
    const { logits } = await runner.forward({ ...loss, key: 'one type' }, parameters, one);
    expectClose(logits as Float32Array, golden.logits, 'logits');
    expect(Math.abs((golden.logits[0] as number) - (bert.logits[0] as number))).toBeGreaterThan(0.01);
  });
});
