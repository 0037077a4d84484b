import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensors } from '../../src/backend/runner.js';
import { LogitsCache } from '../../src/data/logits.js';
import type { StepDefinition } from '../../src/engine/step.js';
import { initialize } from '../../src/models/initialize.js';
import type { HiddenStates, Stage, TrainOptions } from '../../src/options/train.js';
import { train } from '../../src/steps/train.js';
import { Examples } from '../../src/train/examples.js';
import { checkObjectives, fitOf } from '../../src/train/preflight.js';
import { buildStage } from '../../src/train/stage.js';
import type { JsonObject } from '../../src/util/json.js';
import { dense, expectClose } from '../backend/rig.js';
import { makeContext } from '../steps/context.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  makingOf,
  randomParameters,
  sharedFolder,
  teacherConfig,
  tinyConfig,
} from './rig.js';

const layers = (teacher: number): HiddenStates => ({
  type: 'hidden-states',
  weight: 1,
  teacher,
  layer_map: [[2, 4]],
  distance: 'mse',
  projection: 'shared',
});
const REST: Omit<Stage, 'objectives'> = { learning_rate: 0.01, warmup: 0, schedule: 'linear', freeze: [] };

describe('a student of several teachers', async () => {
  const folder = await sharedFolder();
  const runner = await createRunner('onnx', 2);
  const caches: LogitsCache[] = [];
  let paths: string[];
  let corpus: Corpus;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(9, 20));
    const { vocabularySize } = corpus.tokenizer;
    const wide = tinyConfig(vocabularySize, { layers: 4, hidden: 20, intermediate: 20 });
    paths = [];
    for (const [name, config] of Object.entries({ narrow: teacherConfig(vocabularySize), wide })) {
      const teacher = await makeTeacher(join(folder, name), corpus, config);
      const { outputs } = await capture(join(folder, name, 'cache'), corpus, teacher, { hidden_states: [4] });
      paths.push(outputs.logits as string);
      caches.push(await LogitsCache.open(outputs.logits as string));
    }
  });
  afterAll(async () => {
    for (const cache of caches) cache.close();
    await runner.release();
  });

  it('has a projection for each, and of each the loss and the gradient that it would have alone', async () => {
    const config = { ...tinyConfig(corpus.tokenizer.vocabularySize), dropout: 0 };
    const fits = caches.map(({ index }) => fitOf(index, config, LABELS, corpus.tokenizer.hash));
    const examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, config);
    const batch = { rows: [0, 3, 5], length: 40 };
    const model = randomParameters(config);

    const both = buildStage(config, { objectives: [layers(1), layers(2)], ...REST }, fits, 'both');
    expect(Object.entries(both.specs).map(([name, { shape }]) => [name, shape])).toEqual([
      ['objective.0.projection', [12, 8]],
      ['objective.1.projection', [20, 8]],
    ]);
    const projections = initialize(both.specs, 5);
    const feeds = { ...examples.batch(batch, 4, makingOf(caches, both.wanted)), ...both.numbers(0) };
    const got = await runner.gradients(both.fn, { ...model, ...projections }, feeds);

    let sum = 0;
    for (const [i, cache] of caches.entries()) {
      const alone = buildStage(
        config,
        { objectives: [layers(1)], ...REST },
        [fits[i] as (typeof fits)[0]],
        `alone ${i}`,
      );
      const projection = projections[`objective.${i}.projection`] as HostTensors[string];
      const given = { ...model, 'objective.0.projection': projection } as Parameters<typeof runner.gradients>[1];
      const own = await runner.gradients(alone.fn, given, {
        ...examples.batch(batch, 4, makingOf([cache], alone.wanted)),
        ...alone.numbers(0),
      });
      expect(got.values[`loss.${i}`]?.[0]).toBeCloseTo(own.values.loss?.[0] as number, 5);
      const mine = dense(got.gradients[`objective.${i}.projection`], projection);
      const alike = dense(own.gradients['objective.0.projection'], projection);
      expectClose(mine, [...alike], `projection ${i}`);
      sum += own.values.loss?.[0] as number;
    }
    expect(got.values.loss?.[0]).toBeCloseTo(sum, 5);
    expect(got.values['loss.0']?.[0]).not.toBeCloseTo(got.values['loss.1']?.[0] as number, 3);
  });

  it('learns in a recipe step, and says what each teacher’s loss is', async () => {
    const options: TrainOptions = {
      task: 'classification',
      model: { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 40, dropout: 0 },
      stages: [
        {
          objectives: [
            layers(1),
            layers(2),
            { type: 'soft-label', weight: 1, teacher: 2, temperature: 1, divergence: { type: 'forward' } },
          ],
          updates: 30,
          ...REST,
        },
      ],
      batch_size: 4,
      weight_decay: 0,
      clip_norm: 1,
      accumulate: 1,
      optimizer: { type: 'adamw' },
      backend: 'onnx',
    };
    const { ctx, progress, outputs } = await makeContext({
      options: { ...options } as unknown as JsonObject,
      inputs: {
        data: { kind: 'dataset', path: corpus.data },
        tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
        teacher: paths.map((path) => ({ kind: 'logits', path })),
      },
    });
    await (train as StepDefinition<never>).run(ctx);
    const [first, last] = [progress[0]?.losses, progress.at(-1)?.losses] as Record<string, number>[];
    expect(Object.keys(first ?? {})).toEqual(['hidden-states 1', 'hidden-states 2', 'soft-label']);
    for (const name of Object.keys(first ?? {})) expect(last?.[name]).toBeLessThan(first?.[name] as number);
    expect(outputs.model).toBeDefined();
  });

  it('refuses a teacher that is not there, and one from which nothing is learnt', () => {
    const config = tinyConfig(corpus.tokenizer.vocabularySize);
    const teachers = caches.map(({ index }) => ({
      index,
      fit: fitOf(index, config, LABELS, corpus.tokenizer.hash),
    }));
    const check =
      (...objectives: Stage['objectives']) =>
      () =>
        checkObjectives([{ objectives, ...REST }], 'classifier', teachers);
    expect(check(layers(1), layers(3))).toThrow(
      'objective "hidden-states" learns from teacher 3, and the input "teacher" has 2',
    );
    expect(check(layers(2))).toThrow('the input "teacher" has 2 teachers, and no objective learns from number 1');
    expect(check(layers(1), { ...layers(2), layer_map: [[1, 2]] })).toThrow(
      "needs teacher 2's hidden states of layer 2, but the logits hold layer 4",
    );
  });
});
