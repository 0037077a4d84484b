import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { EncodedBatch, loadTokenizer } from '../../src/data/tokenizer.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { NEXT } from '../../src/models/continuations.js';
import { MaskedTexts } from '../../src/models/masked-texts.js';
import { importModel } from '../../src/steps/import-model.js';
import { train } from '../../src/steps/train.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { digests, makeContext, runStep, withDefaults } from '../steps/context.js';
import { LABELS, sharedFolder } from './rig.js';

const BERT = { type: 'bert', layers: 2, hidden: 32, heads: 2, max_length: 16, dropout: 0.1 };
const OPTIONS: JsonObject = {
  task: 'masked-language-model',
  model: BERT,
  batch_size: 16,
  stages: [{ objectives: ['masked-lm'], updates: 4, learning_rate: 0.003 }],
};

/** Sentences in which each word follows from those beside it. */
function sentences(count: number): Row[] {
  const random = new Random(3, 'sentences');
  const parts = [
    ['the red fox', 'ran over', 'the old hill'],
    ['a blue bird', 'flew under', 'a new bridge'],
    ['one green frog', 'slept beside', 'one small lake'],
  ];
  return Array.from({ length: count }, (_, i) => {
    const own = parts[random.below(3)] as string[];
    const text = `${own.join(' ')} ${i}`;
    return { id: rowId(text), text, label: LABELS[i % 2] as string };
  });
}

describe('train, task masked-language-model', async () => {
  const folder = await sharedFolder();
  const rows = sentences(96);
  let inputs: Record<string, { kind: string; path: string }>;
  beforeAll(async () => {
    const data = await dataset('data', rows);
    const { outputs } = await runStep(trainTokenizer, {
      options: { vocabulary: 120 },
      inputs: { data },
      root: join(folder, 'tokenizer'),
    });
    inputs = { data, tokenizer: { kind: 'tokenizer', path: outputs.tokenizer as string } };
  });
  const run = (options: JsonObject = {}, given: typeof inputs = inputs) =>
    runStep(train, { options: { ...OPTIONS, ...options }, inputs: given });
  async function dataset(name: string, some: readonly Row[]) {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    await writeDataset(path, LABELS, some);
    return { kind: 'dataset', path };
  }

  it.each(['bert', 'distilbert', 'roberta'])('learns to tell hidden tokens: %s', async (type) => {
    const stages = [
      {
        objectives: ['masked-lm'],
        epochs: 40,
        learning_rate: 0.005,
        validate: { every: 80, metric: 'perplexity' },
      },
    ];
    const { outputs, logs, progress } = await run(
      { model: { ...BERT, type }, stages },
      { ...inputs, validation: inputs.data as never },
    );
    expect(progress[0]?.loss).toBeGreaterThan(4);
    expect(progress[0]?.losses).toEqual({ 'masked-lm': progress[0]?.loss });
    const perplexities = logs.flatMap(({ message }) => /perplexity ([\d.]+)/.exec(message)?.[1] ?? []).map(Number);
    expect(perplexities).toHaveLength(3);
    // The number at the end of a sentence cannot be told.
    expect(perplexities.at(-1)).toBeLessThan(4);

    const imported = await runStep(importModel, { options: { model: outputs.model as string } });
    expect(imported.logs.map(({ message }) => message).join()).toContain('a masked language model');
    const { config } = await loadTransformer(imported.outputs.model as string);
    expect(config).toMatchObject({ head: 'masked-language-model', labels: 0, maxLength: 16 });
    const recipe = JSON.parse(await readFile(join(outputs.model as string, 'recipe.json'), 'utf8'));
    expect(recipe).toMatchObject({ labels: [], trained_on: { rows: 96, labelled: 0 } });
  });

  it('stops when asked to, and goes on to the same bytes', async () => {
    const changed = { accumulate: 2, batch_size: 20, stages: [{ ...stage(), updates: 6 }] };
    const straight = await run(changed);
    const options = withDefaults('train', { ...OPTIONS, ...changed });
    const root = join(folder, 'stopped');
    await mkdir(root);
    const stop = new AbortController();
    const { ctx } = await makeContext({ options, inputs, root, signal: stop.signal });
    let reports = 0;
    const progress: StepContext<never>['progress'] = async () => {
      if (++reports === 4) stop.abort();
    };
    const step = (train as StepDefinition<never>).run;
    await expect(step({ ...ctx, progress })).rejects.toThrow('abort');
    const last = await makeContext({ options, inputs, root });
    await step(last.ctx);
    expect(last.progress.map(({ done }) => done)).toEqual([5, 6]);
    expect(await digests(last.outputs.model as string)).toEqual(await digests(straight.outputs.model as string));
  });

  it('begins a classifier, or some of its layers, and goes on from one', async () => {
    const masked = (await run()).outputs.model as string;
    const given = (path: string) => ({ data: inputs.data as never, init: { kind: 'model', path } });
    const labelled = { objectives: ['hard-label'], updates: 1, learning_rate: 1e-9 };
    const classifier = await runStep(train, {
      options: { model: { type: 'pretrained', layers: [2] }, batch_size: 16, stages: [labelled] },
      inputs: given(masked),
    });
    const [before, after] = [await loadTransformer(masked), await loadTransformer(classifier.outputs.model as string)];
    expect(after.config).toMatchObject({ head: 'classifier', layers: 1, labels: 2 });
    const query = (i: number) => `bert.encoder.layer.${i}.attention.self.query.weight`;
    const [from, near] = [before.parameters[query(1)]?.data, after.parameters[query(0)]?.data] as Float32Array[];
    from?.forEach((x, i) => {
      expect(near?.[i]).toBeCloseTo(x, 6);
    });
    expect(Object.keys(after.parameters).filter((name) => name.startsWith('cls.'))).toEqual([]);
    expect(after.parameters['bert.pooler.dense.weight']?.shape).toEqual([32, 32]);

    const again = await run(
      { model: { type: 'pretrained' }, stages: [{ ...stage(), updates: 1 }] },
      given(classifier.outputs.model as string),
    );
    const { config, parameters } = await loadTransformer(again.outputs.model as string);
    expect(config).toMatchObject({ head: 'masked-language-model', layers: 1 });
    expect(parameters['cls.predictions.bias']?.shape).toEqual([config.vocabulary]);
  });

  it('learns from a teacher that is asked of the same hidden tokens: DistilBERT’s three losses', async () => {
    const teacher = (await run({ stages: [{ objectives: ['masked-lm'], epochs: 20, learning_rate: 0.005 }] })).outputs
      .model as string;
    const asked = { kind: 'model', path: teacher };
    const objectives = [
      { type: 'soft-label', weight: 5, temperature: 2 },
      { type: 'masked-lm', weight: 2 },
      { type: 'hidden-states', layer_map: 'last' },
    ];
    const stages = [{ objectives, epochs: 20, learning_rate: 0.005 }];
    const { progress, outputs } = await run({ model: { ...BERT, layers: 1 }, stages }, { ...inputs, teacher: asked });
    const [first, last] = [progress[0], progress.at(-1)];
    expect(Object.keys(first?.losses ?? {})).toEqual(['soft-label', 'masked-lm', 'hidden-states']);
    for (const name of ['soft-label', 'masked-lm']) {
      expect(last?.losses?.[name]).toBeLessThan(0.7 * (first?.losses?.[name] as number));
    }
    expect((await loadTransformer(outputs.model as string)).config).toMatchObject({ layers: 1 });
    // A teacher that is the student has nothing to say.
    const own = [{ objectives: [objectives[0] as JsonObject], updates: 1, learning_rate: 1e-9 }];
    const silent = await run(
      { model: { type: 'pretrained', dropout: 0 }, stages: own },
      { data: inputs.data as never, init: asked, teacher: asked },
    );
    expect(silent.progress[0]?.loss).toBeCloseTo(0, 5);
  });

  it('refuses what makes no sense, before it trains', async () => {
    await expect(run({ stages: [stage('hard-label')] })).rejects.toThrow(
      'objective "hard-label" makes no sense for task "masked-language-model"',
    );
    await expect(run({ task: 'classification' })).rejects.toThrow(
      'objective "masked-lm" makes no sense for task "classification"',
    );
    await expect(run({ prompt: '{{text}}' })).rejects.toThrow('task "masked-language-model" takes no "prompt"');
    await expect(run({ model: { ...BERT, type: 'gpt2' } })).rejects.toThrow('a gpt2 model tells no hidden tokens');
    await expect(run({ model: { type: 'logistic' } })).rejects.toThrow(
      'a logistic model gives a text one of some labels',
    );
    const judged = { ...inputs, validation: inputs.data as never };
    await expect(run({ stages: [{ ...stage(), validate: { metric: 'accuracy' } }] }, judged)).rejects.toThrow(
      'stage 1 is judged by accuracy, which makes no sense for task "masked-language-model"',
    );
    const { outputs } = await runStep(trainTokenizer, {
      options: { type: 'byte-bpe', vocabulary: 300 },
      inputs: { data: inputs.data as never },
    });
    const bytes = { kind: 'tokenizer', path: outputs.tokenizer as string };
    await expect(run({}, { ...inputs, tokenizer: bytes })).rejects.toMatchObject({ reason: 'no-mask' });
  });

  it('hides 15 % of the tokens that are not special, others in each pass, the same when it is done again', async () => {
    const tokenizer = await loadTokenizer(inputs.tokenizer?.path as string);
    expect(tokenizer.maskId).toBe(4);
    expect([...tokenizer.specialIds].sort()).toEqual([0, 1, 2, 3, 4]);
    const text = Int32Array.from([2, ...Array.from({ length: 40 }, (_, i) => 5 + i), 1, 3]);
    const texts = new MaskedTexts(
      EncodedBatch.of([...Array.from({ length: 200 }, () => text), [2, 9, 3], [2, 3]]),
      Array.from({ length: 202 }, (_, i) => `row ${i}`),
      tokenizer,
      7,
    );
    expect([texts.count(0), texts.count(200), texts.count(201)]).toEqual([6, 1, 0]);
    const all = Array.from({ length: 202 }, (_, i) => i);
    const length = text.length;
    const room = texts.room(202)(all, length);
    const fed = (batch?: number) => {
      const random = batch === undefined ? undefined : new Random(1, `batch ${batch}`);
      const feeds = texts.feeds(all, 202, length, room, 0, random);
      return (name: string) => [...(feeds[name] as { data: Int32Array }).data];
    };
    const first = fed(0);
    const count = 200 * 6 + 1;
    expect(first(NEXT.weights).reduce((a, b) => a + b)).toBe(count);
    const ids = first('ids');
    const positions = first(NEXT.positions).slice(0, count);
    const targets = first(NEXT.targets).slice(0, count);
    expect(new Set(positions).size).toBe(count);
    const kinds = { mask: 0, same: 0, other: 0 };
    positions.forEach((position, i) => {
      const row = Math.floor(position / length);
      const original = row < 200 ? text[position % length] : [2, 9, 3][position % length];
      expect(targets[i]).toBe(original);
      expect(original).toBeGreaterThan(4);
      kinds[ids[position] === 4 ? 'mask' : ids[position] === original ? 'same' : 'other']++;
      expect(ids[position] === 4 || (ids[position] as number) > 4).toBe(true);
    });
    expect(kinds.mask / count).toBeCloseTo(0.8, 1);
    expect(kinds.same / count).toBeCloseTo(0.1, 1);
    expect(kinds.other / count).toBeCloseTo(0.1, 1);
    // Nothing else is touched.
    const told = new Set(positions);
    expect(ids.slice(0, length).filter((id, i) => !told.has(i) && id !== text[i])).toEqual([]);
    expect(fed(0)(NEXT.positions)).toEqual(first(NEXT.positions));
    expect(fed(0)('ids')).toEqual(ids);
    expect(fed(1)(NEXT.positions)).not.toEqual(first(NEXT.positions));
    expect(fed()(NEXT.positions)).toEqual(fed()(NEXT.positions));
  });
});

const stage = (objective = 'masked-lm'): JsonObject => ({ objectives: [objective], updates: 1, learning_rate: 0.003 });
