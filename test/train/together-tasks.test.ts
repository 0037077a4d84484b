import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { describeTransformer } from '../../src/models/checkpoint.js';
import { onlineDistill } from '../../src/steps/online-distill.js';
import { selfDistill } from '../../src/steps/self-distill.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { Json } from '../../src/util/json.js';
import { runStep, type TestContext } from '../steps/context.js';
import { sharedFolder } from './rig.js';
import { makeWriting, rowsToAnswer } from './writing.js';

const stages = (...objectives: Json[]): Json => [{ objectives, updates: 6, learning_rate: 0.01 }];
async function rootOf(folder: string, name: string): Promise<string> {
  await mkdir(join(folder, name), { recursive: true });
  return join(folder, name);
}
const lossesOf = ({ progress }: TestContext) => progress.map(({ losses }) => losses ?? {});

describe('models that write', async () => {
  const folder = await sharedFolder();
  let inputs: Record<string, { kind: string; path: string }[] | { kind: string; path: string }>;
  beforeAll(async () => {
    const { data, tokenizer } = await makeWriting(folder, rowsToAnswer(24));
    inputs = { data: [{ kind: 'dataset', path: data }], tokenizer: { kind: 'tokenizer', path: tokenizer } };
  });
  const shape = { layers: 1, hidden: 16, heads: 2, max_length: 40 };

  it.each([['others'], ['ensemble']])('learn together, from %s', async (teachers) => {
    const made = await runStep(onlineDistill, {
      options: {
        task: 'generation',
        peers: [
          { model: { type: 'gpt2', ...shape }, teachers },
          { model: { type: 'llama', ...shape }, teachers },
        ],
        stages: stages('hard-label', { type: 'soft-label', divergence: 'reverse' }),
        batch_size: 8,
      },
      inputs,
      root: await rootOf(folder, teachers as string),
    });
    const losses = lossesOf(made);
    expect(losses).toHaveLength(6);
    for (const peer of ['peer 1', 'peer 2']) {
      expect(losses[5]?.[`${peer} hard-label`]).toBeLessThan(losses[0]?.[`${peer} hard-label`] as number);
      expect(losses[5]?.[`${peer} soft-label`]).toBeGreaterThan(0);
    }
    expect((await describeTransformer(made.outputs['peer-2'] as string)).config).toMatchObject({
      type: 'llama',
      head: 'language-model',
    });
  });

  it.each([
    ['generations', { type: 'generations', count: 3, ensemble: true }],
    ['average', { type: 'average' }],
  ])('learn from themselves: %s', async (name, teacher) => {
    const made = await runStep(selfDistill, {
      options: {
        task: 'generation',
        model: { type: 'gpt2', ...shape },
        teacher,
        stages: stages('hard-label', 'soft-label'),
        batch_size: 8,
      },
      inputs,
      root: await rootOf(folder, name),
    });
    const last = lossesOf(made).at(-1) as Record<string, number>;
    expect(last['soft-label']).toBeGreaterThan(0);
    expect(last['hard-label']).toBeLessThan(lossesOf(made)[0]?.['hard-label'] as number);
  });
});

describe('models of other tasks', async () => {
  const folder = await sharedFolder();
  const model = { type: 'roberta', layers: 2, hidden: 16, heads: 2, max_length: 24 };

  it.each<[string, Partial<Row>, readonly string[]]>([
    ['multi-label', { labels: ['a'] }, ['a', 'b']],
    ['regression', { score: 0.5 }, []],
    ['tagging', { spans: [{ start: 0, end: 3, label: 'X' }] }, []],
  ])('learn from their last layer, and together: %s', async (task, own, labels) => {
    const root = join(folder, task);
    const data = join(root, 'data');
    await mkdir(data, { recursive: true });
    const rows = Array.from({ length: 12 }, (_, i): Row => {
      const text = `one two ${i}`;
      return { id: rowId(text), text, label: null, ...own };
    });
    await writeDataset(data, labels, rows, undefined, task === 'tagging' ? { span_labels: ['X'] } : {});
    const tokenizer = await runStep(trainTokenizer, {
      options: { vocabulary: 100 },
      inputs: { data: { kind: 'dataset', path: data } },
      root: join(root, 'tokenizer'),
    });
    const inputs = {
      data: [{ kind: 'dataset', path: data }],
      tokenizer: { kind: 'tokenizer', path: tokenizer.outputs.tokenizer as string },
    };
    const shared = { task, stages: stages('hard-label', 'soft-label', 'hidden-states'), batch_size: 8 };
    const exits = await runStep(selfDistill, {
      options: { ...shared, model, teacher: { type: 'exits', after: [1] } },
      inputs,
      root: join(root, 'exits'),
    });
    const first = await describeTransformer(exits.outputs['exit-1'] as string);
    expect(first.config).toMatchObject({ layers: 1, head: task === 'tagging' ? 'token-classifier' : task });
    const losses = lossesOf(exits);
    for (const name of ['layer 1 hard-label', 'layer 2 hard-label']) {
      expect(losses.at(-1)?.[name]).toBeLessThan(losses[0]?.[name] as number);
    }
    const both = await runStep(onlineDistill, {
      options: { ...shared, peers: [{ model }, { model: { ...model, hidden: 24 } }] },
      inputs,
      root: join(root, 'online'),
    });
    expect(lossesOf(both).at(-1)?.['peer 2 soft-label']).toBeGreaterThan(0);
  });
});
