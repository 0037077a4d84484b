import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, writeDataset } from '../../src/data/dataset.js';
import { cacheLogits } from '../../src/steps/cache-logits.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { runStep } from '../steps/context.js';
import { sharedFolder } from './rig.js';
import { makeWriting, rowsToAnswer } from './writing.js';

const stageOf = (objectives: (JsonObject | string)[], more: JsonObject = {}): JsonObject => ({
  objectives,
  updates: 3,
  learning_rate: 0.01,
  ...more,
});
const gpt2 = (hidden: number): JsonObject => ({
  type: 'gpt2',
  layers: 2,
  hidden,
  heads: 2,
  max_length: 40,
  dropout: 0,
});

describe('a language model that learns from one', async () => {
  const folder = await sharedFolder();
  const rows = rowsToAnswer(24).map((row, i): Row => (i % 5 === 0 ? { ...row, text: `${row.text} `.repeat(9) } : row));
  let inputs: Record<string, { kind: string; path: string }>;
  let teacher: { kind: string; path: string };
  beforeAll(async () => {
    const { data, tokenizer } = await makeWriting(folder, rows);
    inputs = { data: { kind: 'dataset', path: data }, tokenizer: { kind: 'tokenizer', path: tokenizer } };
    const made = await runStep(train, {
      options: {
        task: 'generation',
        learn_from: 'text',
        model: gpt2(32),
        batch_size: 8,
        stages: [stageOf(['hard-label'], { updates: 30 })],
      },
      inputs,
      root: join(folder, 'teacher'),
    });
    teacher = { kind: 'model', path: made.outputs.model as string };
  });
  const cache = async (tokens: JsonObject) => {
    const root = join(folder, `cache ${JSON.stringify(tokens).replace(/\W/g, ' ')}`);
    await mkdir(root, { recursive: true });
    const made = await runStep(cacheLogits, {
      options: { tokens, dtype: 'float32' },
      inputs: { teacher, data: inputs.data as never },
      root,
    });
    return { kind: 'logits', path: made.outputs.logits as string };
  };
  const learn = async (from: typeof teacher, soft: JsonObject, options: JsonObject = {}) => {
    const { progress } = await runStep(train, {
      options: {
        task: 'generation',
        learn_from: 'text',
        model: gpt2(16),
        batch_size: 8,
        stages: [
          stageOf([
            { type: 'soft-label', ...soft },
            { type: 'hard-label', weight: 0.5 },
          ]),
        ],
        ...options,
      },
      inputs: { ...inputs, teacher: from },
    });
    return progress.map(({ losses }) => losses?.['soft-label'] as number);
  };
  const expectAlike = (a: readonly number[], b: readonly number[], limit: number): void => {
    expect(a).toHaveLength(3);
    a.forEach((x, i) => {
      expect(Math.abs(x - (b[i] as number)), `update ${i + 1}`).toBeLessThan(limit);
    });
  };

  it('learns the same of the model itself and of a cache that holds all', async () => {
    const soft = { temperature: 2 };
    const live = await learn(teacher, soft);
    expect(live.every((loss) => loss > 0)).toBe(true);
    expectAlike(await learn(await cache({ keep: 'full' }), soft), live, 1e-4);
    // All tokens are among the most likely ones, where so many are kept.
    expectAlike(await learn(await cache({ keep: 'top-k', k: 1000, temperature: 2 }), soft), live, 1e-3);
  });

  it('learns nearly the same of the most likely tokens, or of tokens that were drawn', async () => {
    const live = await learn(teacher, {});
    const top = await learn(await cache({ keep: 'top-k', k: 16 }), {});
    // Events that are put together can only come nearer to each other.
    top.forEach((loss, i) => {
      expect(loss).toBeLessThanOrEqual((live[i] as number) + 1e-4);
    });
    expectAlike(top, live, 0.2);
    const drawn = await learn(await cache({ keep: 'sampled', samples: 50 }), {});
    expect(drawn.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
  });

  it('warns of a cache that holds little of what the teacher holds likely', async () => {
    const warnings = async (k: number): Promise<string[]> => {
      const { logs } = await runStep(train, {
        options: {
          task: 'generation',
          learn_from: 'text',
          model: gpt2(16),
          stages: [stageOf(['soft-label'], { updates: 1 })],
        },
        inputs: { ...inputs, teacher: await cache({ keep: 'top-k', k }) },
      });
      return logs.filter(({ level }) => level === 'warning').map(({ message }) => message);
    };
    expect(await warnings(1)).toEqual([
      expect.stringMatching(
        /^stage 1: the 1 most likely tokens that are cached hold \d+\.\d % of the teacher's probability \(\d+\.\d % at least\)/,
      ),
    ]);
    expect(await warnings(250)).toEqual([]);
  });

  it('follows a temperature that changes, if the teacher can', async () => {
    const temperature = { schedule: 'linear', from: 4, to: 1 };
    const live = await learn(teacher, { temperature });
    expect(live[0]).toBeCloseTo((await learn(teacher, { temperature: 4 }))[0] as number, 5);
    await expect(learn(await cache({ keep: 'top-k', k: 16 }), { temperature })).rejects.toThrow(
      'whole logits for a temperature that changes, but the cache holds next tokens at temperature 1 only',
    );
  });

  it('is told what a cache cannot give', async () => {
    const drawn = await cache({ keep: 'sampled', samples: 50 });
    await expect(learn(drawn, { divergence: 'reverse' })).rejects.toThrow(
      "needs the teacher's whole logits for the divergence reverse, but the cache holds tokens that were drawn",
    );
    await expect(learn(drawn, { temperature: 3 })).rejects.toMatchObject({ reason: 'temperature' });
    await expect(learn(drawn, {}, { learn_from: 'responses' })).rejects.toThrow(
      'the cached next tokens are of texts, and this stage learns responses behind a prompt',
    );
  });

  it('learns responses from the model itself', async () => {
    const losses = await learn(teacher, { divergence: 'reverse' }, { learn_from: 'responses', prompt: '{{text}}\n' });
    expect(losses.every((loss) => loss > 0)).toBe(true);
  });
});

describe('stages', async () => {
  const folder = await sharedFolder();
  const rows = rowsToAnswer(16);
  let inputs: Record<string, { kind: string; path: string } | { kind: string; path: string }[]>;
  let texts: { kind: string; path: string };
  beforeAll(async () => {
    const { tokenizer } = await makeWriting(folder, rows);
    const [path, answers] = [join(folder, 'texts'), join(folder, 'answers')];
    await Promise.all([mkdir(path), mkdir(answers)]);
    // Labels, which nobody learns here, may differ.
    await writeDataset(
      path,
      ['news'],
      Array.from({ length: 9 }, (_, i) => ({ id: `t${i}`, text: `lamp ${i}`, label: 'news' })),
    );
    await writeDataset(
      answers,
      ['note'],
      rows.map((row) => ({ ...row, label: 'note' })),
    );
    texts = { kind: 'dataset', path };
    inputs = { data: [texts, { kind: 'dataset', path: answers }], tokenizer: { kind: 'tokenizer', path: tokenizer } };
  });
  const run = (stages: JsonObject[], given = inputs) =>
    runStep(train, { options: { task: 'generation', model: gpt2(16), batch_size: 4, stages }, inputs: given });

  it('each learn from data of their own, in a way of their own', async () => {
    const { progress, outputs } = await run([
      { objectives: ['hard-label'], data: 1, learn_from: 'text', epochs: 1 },
      { objectives: ['hard-label'], data: 2, prompt: '{{text}}:', epochs: 1 },
    ]);
    expect(progress.map(({ done, total, phase }) => `${phase}: ${done}/${total}`)).toEqual([
      ...[1, 2, 3].map((i) => `stage 1 of 2: ${i}/3`),
      ...[1, 2, 3, 4].map((i) => `stage 2 of 2: ${i}/4`),
    ]);
    const { readFile } = await import('node:fs/promises');
    const recipe = JSON.parse(await readFile(join(outputs.model as string, 'recipe.json'), 'utf8'));
    expect(recipe.prompt).toBe('{{text}}:');
  });

  it('name data that is there, and all of it', async () => {
    await expect(run([{ objectives: ['hard-label'], data: 3, updates: 1 }])).rejects.toThrow(
      'stage 1 learns from data 3, and the input "data" has 2',
    );
    await expect(run([{ objectives: ['hard-label'], data: 2, updates: 1 }])).rejects.toThrow(
      'the input "data" has 2 datasets, and no stage learns from number 1',
    );
  });
});
