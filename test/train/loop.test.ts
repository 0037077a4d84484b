import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, createRunner, type Runner } from '../../src/backend/runner.js';
import type { Row } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { initialize, type Parameters } from '../../src/models/initialize.js';
import type { Stage } from '../../src/options/train.js';
import { Examples } from '../../src/train/examples.js';
import { type AfterUpdate, type Training, train } from '../../src/train/loop.js';
import { fitOf } from '../../src/train/preflight.js';
import { readState, saveState } from '../../src/train/saved-state.js';
import { single } from '../../src/train/trainee.js';
import { StepFailure } from '../../src/util/failure.js';
import { TESTED } from '../backend/backends.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  parametersOf,
  sharedFolder,
  tinyConfig,
} from './rig.js';

const STAGES: Stage[] = [
  {
    objectives: [
      {
        type: 'hidden-states',
        weight: 1,
        teacher: 1,
        layer_map: { type: 'uniform' },
        distance: 'mse',
        projection: 'shared',
      },
      { type: 'attention', weight: 0.5, teacher: 1, layer_map: { type: 'uniform' }, of: 'scores', distance: 'mse' },
    ],
    updates: 6,
    learning_rate: 0.01,
    warmup: 0.2,
    schedule: 'linear',
    freeze: [],
  },
  {
    objectives: [
      { type: 'soft-label', weight: 1, teacher: 1, temperature: 2, divergence: { type: 'forward' } },
      { type: 'hard-label', weight: 0.3 },
    ],
    epochs: 2,
    learning_rate: 0.01,
    warmup: 0,
    schedule: 'linear',
    freeze: [],
  },
];
const UPDATES = 12;

describe('train', async () => {
  const folder = await sharedFolder();
  const runner = await createRunner('onnx', 2);
  let corpus: Corpus;
  let training: Training;
  let config: TransformerConfig;
  let cache: LogitsCache;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(11, 50));
    const teacher = await makeTeacher(folder, corpus);
    const { outputs } = await capture(join(folder, 'cache'), corpus, teacher, {
      hidden_states: [0, 2, 4],
      attention: [2, 4],
    });
    cache = await LogitsCache.open(outputs.logits as string);
    config = tinyConfig(corpus.tokenizer.vocabularySize);
    const teachers = [{ fit: fitOf(cache.index, config, LABELS, corpus.tokenizer.hash), said: cache, live: undefined }];
    const examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, config);
    training = {
      trainee: single(config, teachers),
      stages: STAGES,
      examples: () => examples,
      teachers,
      initial: initialize(parametersOf(config), 3),
      validation: () => undefined,
      batchSize: 4,
      accumulate: 1,
      optimizer: { type: 'adamw' },
      weightDecay: 0.01,
      clipNorm: 1,
      seed: 3,
      runner,
      resume: undefined,
    };
  });
  afterAll(async () => {
    cache.close();
    await runner.release();
  });

  const nothing: AfterUpdate = async () => {};
  const bytes = (parameters: Parameters): Record<string, Float32Array> =>
    Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data.slice()]));
  const withRunner = async <T>(backend: Backend, threads: number, work: (runner: Runner) => Promise<T>): Promise<T> => {
    const own = await createRunner(backend, threads);
    try {
      return await work(own);
    } finally {
      await own.release();
    }
  };
  /** Losses and parameters of a whole run; another configuration needs another runner, which keeps what it compiled. */
  const whole = async (changes: Partial<Training>) => {
    const losses: number[] = [];
    const parameters = await train({ ...training, ...changes }, async ({ loss }) => {
      losses.push(loss);
    });
    return { losses, parameters: bytes(parameters) };
  };

  it('goes on from any update to the same bits', async () => {
    const saved: string[] = [];
    const reports: string[] = [];
    const straight = bytes(
      await train(training, async ({ stage, done, total, position, optimizer, best }) => {
        const at = join(folder, `state-${saved.length}`);
        await mkdir(at);
        await saveState(at, position, optimizer, best);
        saved.push(at);
        reports.push(`${stage}: ${done} of ${total}`);
      }),
    );
    expect(reports).toEqual([0, 1].flatMap((stage) => [1, 2, 3, 4, 5, 6].map((done) => `${stage}: ${done} of 6`)));
    for (const [i, at] of saved.entries()) {
      let updates = 0;
      const resumed = await train({ ...training, resume: await readState(at) }, async () => {
        updates++;
      });
      expect(updates).toBe(UPDATES - i - 1);
      expect(bytes(resumed), `after update ${i + 1}`).toEqual(straight);
    }
    // A new process has compiled nothing yet.
    await withRunner('onnx', 1, async (fresh) => {
      const resume = await readState(saved[4] as string);
      expect(bytes(await train({ ...training, runner: fresh, resume }, nothing))).toEqual(straight);
    });
  });

  it('gives the same bits on one thread as on two', async () => {
    const [one, two] = await Promise.all([1, 2].map((n) => withRunner('onnx', n, (own) => whole({ runner: own }))));
    expect(one).toEqual(two);
  });

  it.each(TESTED.slice(1))('gives the same on %s, up to rounding', async (backend) => {
    const [a, b] = [await whole({}), await withRunner(backend, 1, (own) => whole({ runner: own }))];
    a.losses.forEach((loss, i) => {
      expect(Math.abs(loss - (b.losses[i] as number)) / loss, `update ${i + 1}`).toBeLessThan(1e-3);
    });
  });

  it('depends on the seed', async () => {
    expect((await whole({ seed: 4, initial: initialize(parametersOf(config), 4) })).losses).not.toEqual(
      (await whole({})).losses,
    );
  });

  it('drops out other values in each update', async () => {
    // Every update sees the same rows and the same parameters.
    const stages: Stage[] = STAGES.map((stage) => ({ ...stage, updates: 4, learning_rate: 0 }));
    const losses = (dropout: number): Promise<number[]> =>
      withRunner('onnx', 2, async (own) => {
        const trainee = single({ ...config, dropout }, training.teachers);
        return (await whole({ stages, batchSize: 11, trainee, runner: own })).losses;
      });
    expect(new Set(await losses(0.2)).size).toBe(8);
    expect(new Set((await losses(0)).map((loss) => loss.toFixed(5))).size).toBe(2);
  });

  it('learns', async () => {
    const stages: Stage[] = [
      {
        objectives: [{ type: 'hard-label', weight: 1 }],
        epochs: 40,
        learning_rate: 0.01,
        warmup: 0.1,
        schedule: 'linear',
        freeze: [],
      },
    ];
    await withRunner('onnx', 2, async (own) => {
      const trainee = single({ ...config, dropout: 0 }, []);
      const { losses } = await whole({ stages, trainee, runner: own, teachers: [] });
      expect(losses).toHaveLength(40 * 2); // the eight rows that have a label, in batches of four
      expect(losses[0]).toBeCloseTo(Math.log(2), 1);
      expect(losses.at(-1)).toBeLessThan(0.1);
    });
  });

  it('follows its schedule and clips to its norm', async () => {
    const moved = async (schedule: Stage['schedule'], clipNorm: number): Promise<number> => {
      const stages: Stage[] = [
        {
          objectives: [{ type: 'hard-label', weight: 1 }],
          updates: 6,
          learning_rate: 1e-3,
          warmup: 0,
          schedule,
          freeze: [],
        },
      ];
      const { parameters } = await withRunner('onnx', 2, (own) =>
        whole({ stages, clipNorm, weightDecay: 0, runner: own, teachers: [], trainee: single(config, []) }),
      );
      const initial = initialize(parametersOf(config), training.seed);
      const data = parameters['classifier.weight'] as Float32Array;
      return Math.hypot(...data.map((x, i) => x - (initial['classifier.weight']?.data[i] as number)));
    };
    const [linear, cosine, constant] = [await moved('linear', 1), await moved('cosine', 1), await moved('constant', 1)];
    expect(new Set([linear, cosine, constant]).size).toBe(3);
    expect(constant).toBeGreaterThan(1.2 * linear);
    // AdamW undoes a scale but for its epsilon, which is all that is left of so short a gradient.
    expect(await moved('linear', 1e-12)).toBeLessThan(linear / 100);
    expect(await moved('linear', 0)).not.toBe(await moved('linear', 0.05));
  });

  it('says when it diverges', async () => {
    const stages = STAGES.slice(1).map((stage) => ({ ...stage, learning_rate: 1e30 }));
    const attempt = withRunner('onnx', 1, (own) => whole({ stages, runner: own }));
    await expect(attempt).rejects.toBeInstanceOf(StepFailure);
    await expect(attempt).rejects.toMatchObject({
      reason: 'diverged',
      message: expect.stringMatching(
        /^training diverged in update \d of stage 1, batch \d of epoch 1 \(rows [0-9a-f]{12}, .*, …; loss NaN, not finite: soft-label, hard-label\): the loss is not finite$/,
      ),
      hint: 'Lower learning_rate, or lengthen warmup.',
    });
  });

  it('says when there is nothing to learn from', async () => {
    const rows = corpus.rows.map((row) => ({ ...row, label: null }));
    const examples = await Examples.encode(rows, LABELS, corpus.tokenizer, config);
    const stages: Stage[] = [
      STAGES[0] as Stage,
      { ...(STAGES[1] as Stage), objectives: [{ type: 'hard-label', weight: 1 }] },
    ];
    await expect(whole({ examples: () => examples, stages })).rejects.toMatchObject({
      reason: 'no-rows',
      message: 'stage 2 learns from labels only, and no training row has one',
    });
  });

  it('passes over rows of which no objective can say anything', async () => {
    const rows = [...corpus.rows, { id: 'eeeeeeeeeeeeeeee', text: 'a stranger', label: null }];
    const examples = await Examples.encode(rows, LABELS, corpus.tokenizer, config);
    expect(await whole({ examples: () => examples })).toEqual(await whole({}));
  });

  it('learns of a row that the teacher does not know by its label alone', async () => {
    const strangers = [0, 1, 2].map((i) => ({
      id: `${i}`.repeat(16),
      text: `a stranger ${i}`,
      label: LABELS[0] as string,
    }));
    const encode = (rows: readonly Row[]) => Examples.encode(rows, LABELS, corpus.tokenizer, config);
    const both = STAGES.slice(1).map((stage) => ({ ...stage, updates: 1 }));
    const apart = async (rows: readonly Row[], objective: number): Promise<number> => {
      const examples = await encode(rows);
      let found = 0;
      await train(
        {
          ...training,
          trainee: single({ ...config, dropout: 0 }, training.teachers),
          examples: () => examples,
          stages: both,
          batchSize: 20,
        },
        async ({ losses }) => {
          found = losses[objective] as number;
        },
      );
      return found;
    };
    const mixed = [...corpus.rows, ...strangers];
    // The soft labels' mean is over the rows that the teacher knows, the labels' over all that have one.
    expect(await apart(mixed, 0)).toBeCloseTo(await apart(corpus.rows, 0), 5);
    const labelled = corpus.rows.filter(({ label }) => label !== null).length;
    const [own, theirs, all] = [
      await apart(corpus.rows, 1),
      await apart([...corpus.rows.slice(0, 1), ...strangers], 1),
      await apart(mixed, 1),
    ];
    const first = await apart(corpus.rows.slice(0, 1), 1);
    expect(all * (labelled + 3)).toBeCloseTo(own * labelled + theirs * 4 - first, 4);
  });

  it('says when the teacher knows no row', async () => {
    const rows = corpus.rows.map((row, i) => ({ ...row, id: `${i}`.padStart(16, 'e') }));
    const examples = await Examples.encode(rows, LABELS, corpus.tokenizer, config);
    await expect(whole({ examples: () => examples })).rejects.toMatchObject({
      reason: 'no-rows',
      message: 'stage 1 has no training row that its teacher knows',
    });
  });
});
