import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { initialize, type Parameters } from '../../src/models/initialize.js';
import type { Stage } from '../../src/options/train.js';
import { Examples } from '../../src/train/examples.js';
import { type AfterUpdate, type Training, train } from '../../src/train/loop.js';
import { readState, saveState } from '../../src/train/saved-state.js';
import { single } from '../../src/train/trainee.js';
import { Validation } from '../../src/train/validate.js';
import {
  type Corpus,
  LABELS,
  madeUpRows,
  makeCorpus,
  parametersOf,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from './rig.js';

const STAGE: Stage = {
  objectives: [{ type: 'hard-label', weight: 1 }],
  updates: 6,
  learning_rate: 0.01,
  warmup: 0,
  schedule: 'linear',
  freeze: [],
};

describe('a stage', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let base: Omit<Training, 'runner'>;
  let config: TransformerConfig;
  let examples: Examples;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(22, 20));
    config = tinyConfig(corpus.tokenizer.vocabularySize, { dropout: 0 });
    examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, config);
    const validation = await Validation.encode(madeUpRows(31, 20), LABELS, corpus.tokenizer, config);
    base = {
      trainee: single(config, []),
      initial: initialize(parametersOf(config), 3),
      stages: [STAGE],
      examples: () => examples,
      teachers: [],
      validation: () => validation,
      batchSize: 4,
      accumulate: 1,
      optimizer: { type: 'adamw' },
      weightDecay: 0.01,
      clipNorm: 1,
      seed: 3,
      resume: undefined,
    };
  });

  const nothing: AfterUpdate = async () => {};
  const run = async (changes: Partial<Training>, after: AfterUpdate = nothing): Promise<Parameters> => {
    const runner = await createRunner('onnx', 2);
    try {
      const made = await train({ ...base, ...changes, runner }, after);
      return Object.fromEntries(Object.entries(made).map(([n, t]) => [n, { ...t, data: t.data.slice() }]));
    } finally {
      await runner.release();
    }
  };

  it('leaves frozen parts as they are, and learns with the rest', async () => {
    const made = await run({ stages: [{ ...STAGE, freeze: ['embeddings', 2] }] });
    for (const [name, { part }] of Object.entries(parametersOf(config))) {
      const same = `${made[name]?.data}` === `${base.initial[name]?.data}`;
      expect(same, name).toBe(part === 'embeddings' || part === 2);
    }
  });

  it('is the same whether an epoch is one batch or several put together', async () => {
    const rows = examples.rows.filter((row) => row.label !== null).length;
    expect(rows).toBe(15); // 4 + 4 + 4 + 3: the last batch counts for less
    const losses: number[][] = [[], []];
    const whole = await run({ batchSize: rows }, async ({ loss }) => void losses[0]?.push(loss));
    const parts = await run({ batchSize: 4, accumulate: 4 }, async ({ loss }) => void losses[1]?.push(loss));
    losses[0]?.forEach((loss, i) => {
      expect(Math.abs(loss - (losses[1]?.[i] as number)), `update ${i + 1}`).toBeLessThan(1e-5);
    });
    for (const [name, { data }] of Object.entries(whole)) {
      data.forEach((x, i) => {
        expect(Math.abs(x - (parts[name]?.data[i] as number)), name).toBeLessThan(1e-3);
      });
    }
  });

  it('learns by gradient descent too', async () => {
    const losses: number[] = [];
    const stages: Stage[] = [{ ...STAGE, updates: 120, learning_rate: 0.1 }];
    const initial = randomParameters(config);
    await run(
      { stages, initial, optimizer: { type: 'sgd', momentum: 0.9 } },
      async ({ loss }) => void losses.push(loss),
    );
    expect(Math.max(...losses.slice(-4))).toBeLessThan(0.1);
  });

  it('tells each objective’s loss and the gradient’s norm', async () => {
    const stages: Stage[] = [{ ...STAGE, objectives: [{ type: 'hard-label', weight: 0.5 }], updates: 1 }];
    await run({ stages }, async ({ loss, losses, gradientNorm }) => {
      expect(losses).toHaveLength(1);
      expect(loss).toBeCloseTo(0.5 * (losses[0] as number), 6);
      expect(gradientNorm).toBeGreaterThan(0);
    });
  });

  describe('that is judged', () => {
    /** A rate so high that what it learns first gets lost again. */
    const judged = (validate: Partial<NonNullable<Stage['validate']>>): Stage[] => [
      {
        ...STAGE,
        updates: 24,
        learning_rate: 0.3,
        schedule: 'constant',
        validate: { every: 2, metric: 'loss', keep: 'best', ...validate },
      },
    ];

    it('ends with the parameters that were best, or the last', async () => {
      const seen: { value: number; parameters: string }[] = [];
      const bytes = (p: Parameters): string => JSON.stringify(Object.values(p).map(({ data }) => [...data]));
      const best = await run({ stages: judged({}) }, async ({ validation, optimizer, done }) => {
        expect(validation === undefined).toBe(done % 2 === 1);
        if (validation !== undefined) seen.push({ value: validation, parameters: bytes(optimizer.parameters) });
      });
      expect(seen).toHaveLength(12);
      const least = seen.reduce((a, b) => (b.value < a.value ? b : a));
      expect(least).not.toBe(seen.at(-1));
      expect(bytes(best)).toBe(least.parameters);
      expect(bytes(await run({ stages: judged({ keep: 'last' }) }))).toBe(seen.at(-1)?.parameters);
    });

    it('stops when it has waited long enough', async () => {
      const values: number[] = [];
      const stops: boolean[] = [];
      await run({ stages: judged({ patience: 2 }) }, async ({ validation, stopped }) => {
        if (validation !== undefined) values.push(validation);
        stops.push(stopped);
      });
      expect(values.length).toBeLessThan(12);
      expect(Math.min(...values)).toBe(values.at(-3));
      expect(stops.at(-1)).toBe(true);
      expect(stops.slice(0, -1)).not.toContain(true);
    });

    it('goes on from any update to the same bits', async () => {
      const stages = judged({ patience: 2 });
      const saved: string[] = [];
      const straight = await run({ stages }, async ({ position, optimizer, best }) => {
        const at = join(folder, `judged-${saved.length}`);
        await mkdir(at);
        await saveState(at, position, optimizer, best);
        saved.push(at);
      });
      for (const [i, at] of saved.entries()) {
        let updates = 0;
        const resumed = await run({ stages, resume: await readState(at) }, async () => void updates++);
        expect(updates).toBe(saved.length - i - 1);
        expect(resumed, `after update ${i + 1}`).toEqual(straight);
      }
    });
  });

  it('goes on to the same bits with frozen parts and gradient descent', async () => {
    const changes: Partial<Training> = {
      stages: [{ ...STAGE, freeze: ['embeddings'] }, STAGE],
      optimizer: { type: 'sgd', momentum: 0.5 },
    };
    const saved: string[] = [];
    const straight = await run(changes, async ({ position, optimizer, best }) => {
      const at = join(folder, `frozen-${saved.length}`);
      await mkdir(at);
      await saveState(at, position, optimizer, best);
      saved.push(at);
    });
    for (const at of [saved[2], saved[5], saved[8]]) {
      expect(await run({ ...changes, resume: await readState(at as string) })).toEqual(straight);
    }
  });
});
