import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeDataset } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import { loadPredictor } from '../../src/models/index.js';
import type { Report } from '../../src/report/evaluate.js';
import { loadModel } from '../../src/serve/load.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { train } from '../../src/steps/train.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { type InputGiven, runStep } from '../steps/context.js';
import { MATCHES, madeUpPairs } from './matching.js';
import { capture, LABELS, madeUpRows, sharedFolder } from './rig.js';

const MODEL = { type: 'bert', layers: 1, hidden: 16, heads: 2, max_length: 24, dropout: 0 };

describe('a classifier of pairs', async () => {
  const folder = await sharedFolder();
  const datasets: Record<'data' | 'validation' | 'test', InputGiven> = Object.fromEntries(
    ['data', 'validation', 'test'].map((name) => [name, { kind: 'dataset', path: join(folder, name) }]),
  ) as never;
  let tokenizer: InputGiven;
  let teacher: string;
  const trained = (name: string, options: JsonObject, inputs: Record<string, InputGiven>) =>
    runStep(train, {
      options: { task: 'pair-classification', batch_size: 16, ...options },
      inputs: { data: datasets.data, tokenizer, ...inputs },
      root: join(folder, name),
    });

  beforeAll(async () => {
    for (const [name, count] of [
      ['data', 300],
      ['validation', 40],
      ['test', 60],
    ] as const) {
      await mkdir(join(folder, name));
      await writeDataset(join(folder, name), MATCHES, madeUpPairs(count, name));
    }
    // The same words as in the pairs.
    const texts = { kind: 'dataset', path: join(folder, 'texts') };
    await mkdir(texts.path);
    const rows = madeUpPairs(100, 'texts').map(({ fields, ...row }) => ({
      ...row,
      text: `${row.text} ${fields?.pair}`,
    }));
    await writeDataset(texts.path, MATCHES, rows);
    const made = await runStep(trainTokenizer, {
      options: { vocabulary: 100 },
      inputs: { data: texts },
      root: join(folder, 'tokenizer'),
    });
    tokenizer = { kind: 'tokenizer', path: made.outputs.tokenizer as string };
    const stages = [{ objectives: ['hard-label'], updates: 60, learning_rate: 0.01, validate: {} }];
    const { outputs } = await trained('teacher', { model: MODEL, stages }, { validation: datasets.validation });
    teacher = outputs.model as string;
  }, 60_000);

  it('learns what one text alone does not say, teaches it, and is evaluated', async () => {
    const cached = await capture(join(folder, 'cache'), { data: datasets.data.path as string }, teacher, {
      dtype: 'float32',
    });
    const logits = cached.outputs.logits as string;
    const predictor = await loadPredictor(teacher, 'onnx', 2);
    const rows = madeUpPairs(300, 'data');
    const said = await predictor.predict(
      rows.map(({ text }) => text),
      rows.map(({ fields }) => fields?.pair as string),
    );
    await predictor.close();
    const cache = await LogitsCache.open(logits);
    for (const [i, { id }] of rows.slice(0, 20).entries()) {
      const own = cache.classLogits(id);
      for (const k of [0, 1]) expect(own[k]).toBeCloseTo(said[2 * i + k] as number, 4);
    }
    cache.close();

    const stages = [{ objectives: ['soft-label'], updates: 120, learning_rate: 0.01 }];
    const student = await trained(
      'student',
      { model: { ...MODEL, intermediate: 32 }, stages },
      { teacher: { kind: 'logits', path: logits } },
    );
    const alone = await runStep(train, {
      options: {
        model: MODEL,
        batch_size: 16,
        stages: [{ objectives: ['hard-label'], updates: 40, learning_rate: 0.01 }],
      },
      inputs: { data: datasets.data, tokenizer },
      root: join(folder, 'alone'),
    });
    const model = (path: string, from: string): InputGiven => ({ kind: 'model', path, from });
    const { outputs } = await runStep(evaluate, {
      options: {},
      inputs: {
        data: datasets.test,
        teacher: model(teacher, 'teacher'),
        students: [model(student.outputs.model as string, 'student')],
        baseline: model(alone.outputs.model as string, 'alone'),
      },
    });
    const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as Report;
    const accuracy = Object.fromEntries(report.models.map(({ name, accuracy }) => [name, accuracy]));
    expect(accuracy.teacher).toBeGreaterThan(0.9);
    expect(accuracy.student).toBeGreaterThan(0.9);
    // It reads the first text only.
    expect(accuracy.alone).toBeLessThan(0.8);
  });

  it('is read again as one, and starts another only if that is one too', async () => {
    const recipe = JSON.parse(await readFile(join(teacher, 'recipe.json'), 'utf8')) as JsonObject;
    expect(recipe).toMatchObject({ type: 'bert', labels: MATCHES, reads: 'pairs' });
    const { tokenizer: _, ...inputs } = { data: datasets.data, tokenizer, init: { kind: 'model', path: teacher } };
    const stages = [{ objectives: ['hard-label'], updates: 1 }];
    const single = await runStep(train, { options: { model: { type: 'pretrained' }, stages }, inputs });
    const made = JSON.parse(await readFile(join(single.outputs.model as string, 'recipe.json'), 'utf8')) as JsonObject;
    expect(made.reads).toBeUndefined();
  });

  it('refuses what it cannot do', async () => {
    const stages = [{ objectives: ['hard-label'], updates: 1 }];
    const refused = (name: string, options: JsonObject, inputs: Record<string, InputGiven> = {}) =>
      expect(trained(name, { stages, ...options }, inputs)).rejects;
    await refused('gpt2', { model: { ...MODEL, type: 'gpt2' } }).toMatchObject({
      reason: 'task',
      message: 'a gpt2 model reads one text at a time, so it cannot be trained for task "pair-classification"',
    });
    await refused('logistic', { model: { type: 'logistic' } }).toMatchObject({ reason: 'task' });
    const plain = { kind: 'dataset', path: join(folder, 'plain') };
    await mkdir(plain.path);
    await writeDataset(plain.path, LABELS, madeUpRows(9, 9));
    await refused('plain', { model: MODEL }, { data: plain }).toMatchObject({ reason: 'no-pair' });
    await refused('prompt', { model: MODEL, prompt: '{{text}}' }).toMatchObject({
      message: 'task "pair-classification" takes no "prompt": it is for what a model writes',
    });
    await expect(loadModel(teacher, 'onnx', 2, false)).rejects.toMatchObject({ reason: 'task' });
    await expect(
      runStep(evaluate, { options: {}, inputs: { data: plain, students: [{ kind: 'model', path: teacher }] } }),
    ).rejects.toMatchObject({ reason: 'labels-differ' });
  });
});
