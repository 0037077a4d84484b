import { expect, it } from 'vitest';
import { createRunner, type Gradients, type HostTensors } from '../../src/backend/runner.js';
import { bert } from '../../src/models/bert.js';
import { NEXT } from '../../src/models/continuations.js';
import { gpt2 } from '../../src/models/gpt2.js';
import { initialize } from '../../src/models/initialize.js';
import { padTokens } from '../../src/models/padding.js';
import type { HardLabel } from '../../src/options/train.js';
import { DropoutMasks } from '../../src/train/dropout.js';
import { dropoutFeeds } from '../../src/train/feeds.js';
import { buildStage } from '../../src/train/stage.js';
import { Random, streamKey } from '../../src/util/random.js';

/** Large enough that ONNX Runtime splits every operator between threads; 4096 rows are no multiple of three times four. */
const CONFIG = bert.scratch({
  type: 'bert',
  vocabulary: 500,
  layers: 2,
  hidden: 40,
  heads: 4,
  intermediate: 160,
  maxLength: 128,
  labels: 2,
  dropout: 0.1,
  kvHeads: 4,
  head: 'classifier',
  padId: 0,
});
const [ROWS, LENGTH] = [32, 128];

const stage = buildStage(
  CONFIG,
  { objectives: [{ type: 'hard-label', weight: 1 }], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] },
  [],
  'threads',
);

function batchOf(length: number): HostTensors {
  const random = new Random(1, 'threads');
  const texts = Array.from({ length: ROWS }, (_, i) =>
    Int32Array.from({ length: Math.max(1, length - i) }, () => random.below(500)),
  );
  const labels = Float32Array.from({ length: 2 * ROWS }, (_, i) => (i % 2 === (i >> 1) % 2 ? 1 : 0));
  return {
    ...padTokens(texts, ROWS, length, 0),
    rows: { dtype: 'float32', shape: [ROWS], data: new Float32Array(ROWS).fill(1) },
    labels: { dtype: 'float32', shape: [ROWS, 2], data: labels },
    ...stage.numbers(0),
    ...dropoutFeeds(new DropoutMasks().fill(stage.dropout(ROWS, length), streamKey(1, 'threads'), 0)),
  };
}

async function onThreads(otherLengths: readonly number[]): Promise<Gradients[]> {
  const parameters = initialize(bert.parameters(CONFIG), 1);
  const results: Gradients[] = [];
  for (const threads of [1, 2, 3]) {
    const runner = await createRunner('onnx', threads);
    await runner.prepare('gradients', stage.fn, parameters, [LENGTH, ...otherLengths].map(batchOf));
    results.push(await runner.gradients(stage.fn, parameters, batchOf(LENGTH)));
    await runner.release();
  }
  return results;
}

it('one update of a real size is the same bits on one, two and three threads', async () => {
  const [one, two, three] = await onThreads([]);
  expect(two).toEqual(one);
  expect(three).toEqual(one);
  // And where the graph is one for other lengths too.
  for (const general of await onThreads([40])) expect(general).toEqual(one);
});

it('so is one of a model that writes', async () => {
  const random = new Random(2, 'writing');
  const config = {
    ...gpt2.scratch({ ...CONFIG, type: 'gpt2', kvHeads: 4, labels: 0, head: 'language-model' }),
    eosId: 0,
  };
  const objectives: [HardLabel] = [{ type: 'hard-label', weight: 1 }];
  const options = { objectives, learning_rate: 1, warmup: 0, schedule: 'linear' as const, freeze: [] };
  const stage = buildStage(config, options, [], 'writing');
  const texts = Array.from({ length: ROWS }, (_, i) =>
    Int32Array.from({ length: LENGTH - i }, () => random.below(500)),
  );
  const next = (below: number): Int32Array => Int32Array.from({ length: 1001 }, () => random.below(below));
  const batch: HostTensors = {
    ...padTokens(texts, ROWS, LENGTH, 0),
    [NEXT.positions]: { dtype: 'int32', shape: [1001], data: next(ROWS * LENGTH) },
    [NEXT.targets]: { dtype: 'int32', shape: [1001], data: next(500) },
    [NEXT.weights]: { dtype: 'float32', shape: [1001], data: new Float32Array(1001).fill(1, 0, 990) },
    ...stage.numbers(0),
    ...dropoutFeeds(new DropoutMasks().fill(stage.dropout(ROWS, LENGTH), streamKey(1, 'writing'), 0)),
  };
  const parameters = initialize(gpt2.parameters(config), 1);
  const results = [];
  for (const threads of [1, 2, 3]) {
    const runner = await createRunner('onnx', threads);
    results.push(await runner.gradients(stage.fn, parameters, batch));
    await runner.release();
  }
  const [one, two, three] = results;
  expect(two).toEqual(one);
  expect(three).toEqual(one);
});
