import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import type { TrainOptions } from '../../src/options/train.js';
import { readHistory } from '../../src/report/history.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, makeContext, type TestContext } from '../steps/context.js';
import { type Corpus, capture, madeUpRows, makeCorpus, makeTeacher, sharedFolder } from './rig.js';

const OPTIONS: TrainOptions = {
  task: 'classification',
  model: { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 40, dropout: 0.1 },
  stages: [
    {
      objectives: [
        {
          type: 'hidden-states',
          weight: 1,
          teacher: 1,
          layer_map: { type: 'uniform' },
          distance: 'mse',
          projection: 'per-layer',
        },
      ],
      updates: 3,
      learning_rate: 0.01,
      warmup: 0.1,
      schedule: 'linear',
      freeze: [],
    },
    {
      objectives: [{ type: 'soft-label', weight: 1, teacher: 1, temperature: 1, divergence: { type: 'forward' } }],
      updates: 3,
      learning_rate: 0.01,
      warmup: 0,
      schedule: 'linear',
      freeze: [],
    },
  ],
  batch_size: 4,
  weight_decay: 0.01,
  clip_norm: 1,
  accumulate: 1,
  optimizer: { type: 'adamw' },
  backend: 'onnx',
};

describe('the train step', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let inputs: Record<string, { kind: string; path: string }>;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(9, 20));
    const teacher = await makeTeacher(folder, corpus);
    const cached = await capture(join(folder, 'cache'), corpus, teacher, { hidden_states: [0, 2, 4] });
    inputs = {
      data: { kind: 'dataset', path: corpus.data },
      tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
      teacher: { kind: 'logits', path: cached.outputs.logits as string },
    };
  });

  const run = (train as StepDefinition<never>).run;
  const json = (options: TrainOptions): JsonObject => ({ ...options }) as unknown as JsonObject;
  const whole = async (options: TrainOptions, given: typeof inputs = inputs): Promise<TestContext> => {
    const context = await makeContext({ options: json(options), inputs: given });
    await run(context.ctx);
    return context;
  };

  it('refuses what a logistic model would leave aside', async () => {
    const model = {
      type: 'logistic',
      features: 'ngrams',
      word_ngrams: 1,
      min_count: 1,
      max_features: 9,
      l2: 1,
    } as const;
    const options = { ...OPTIONS, model: { ...model, max_words: null, lowercase: true } };
    await expect(whole(options)).rejects.toMatchObject({
      reason: 'not-used',
      message: 'a logistic model takes no "stages", "tokenizer": it is trained to its optimum',
      hint: 'Leave them out.',
    });
  });

  it('stops when asked to, and goes on to the same bytes', async () => {
    const straight = await whole(OPTIONS);
    const root = join(folder, 'stopped');
    await mkdir(root);
    for (const stopAfter of [2, 2]) {
      const stop = new AbortController();
      const { ctx, saved } = await makeContext({ options: json(OPTIONS), inputs, root, signal: stop.signal });
      let reports = 0;
      const progress: StepContext<never>['progress'] = async () => {
        if (++reports === stopAfter) stop.abort();
      };
      await expect(run({ ...ctx, progress })).rejects.toThrow('abort');
      expect(saved).toEqual(['state']);
    }
    const last = await makeContext({ options: json(OPTIONS), inputs, root });
    await run(last.ctx);
    expect(last.progress.map((p) => `${p.phase} ${p.done}/${p.total} ${p.unit}`)).toEqual([
      'stage 2 of 2 2/3 updates',
      'stage 2 of 2 3/3 updates',
    ]);
    for (const name of ['model', 'history']) {
      expect(await digests(last.outputs[name] as string)).toEqual(await digests(straight.outputs[name] as string));
    }
    const [training] = await readHistory(last.outputs.history as string);
    expect(training?.stages.map(({ update }) => update)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(training?.stages[1]?.objectives.map(({ name }) => name)).toEqual(['soft-label']);
  });

  it('writes a model that loads', async () => {
    const { outputs } = await whole(OPTIONS);
    const { config, labels, parameters } = await loadTransformer(outputs.model as string);
    expect(config).toMatchObject({ layers: 2, hidden: 8, heads: 2, intermediate: 32, maxLength: 40, dropout: 0.1 });
    expect(labels).toEqual(['ham', 'spam']);
    expect(Object.keys(parameters).some((name) => name.includes('objective'))).toBe(false);
  });

  it('trains a student with fewer heads than its teacher, or with more', async () => {
    for (const heads of [1, 4]) {
      const model = { ...OPTIONS.model, heads } as NonNullable<TrainOptions['model']>;
      const { outputs, progress } = await whole({ ...OPTIONS, model });
      expect((await loadTransformer(outputs.model as string)).config).toMatchObject({ heads, hidden: 8 });
      expect(progress.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    }
  });

  it('says what is missing', async () => {
    const attempt = whole;
    const { stages: _, ...withoutStages } = OPTIONS;
    await expect(attempt(withoutStages)).rejects.toThrow('a bert model needs "stages"');
    const { tokenizer: __, ...withoutTokenizer } = inputs;
    await expect(attempt(OPTIONS, withoutTokenizer)).rejects.toThrow('a bert model needs the input "tokenizer"');
    const { teacher: ___, ...withoutTeacher } = inputs;
    await expect(attempt(OPTIONS, withoutTeacher)).rejects.toThrow('"hidden-states" learns from a teacher');
    await expect(
      attempt({ ...OPTIONS, model: { ...OPTIONS.model, heads: 3 } as NonNullable<TrainOptions['model']> }),
    ).rejects.toThrow('hidden 8 is not a multiple of heads 3');
  });
});
