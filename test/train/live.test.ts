import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, createRunner, type HostTensor } from '../../src/backend/runner.js';
import type { LogitsCache } from '../../src/data/logits.js';
import { initialize, type Parameters } from '../../src/models/initialize.js';
import type { Stage } from '../../src/options/train.js';
import { Examples } from '../../src/train/examples.js';
import { checkObjectives } from '../../src/train/preflight.js';
import { closeTeachers, openTeachers, type Teacher } from '../../src/train/teachers.js';
import { single } from '../../src/train/trainee.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose } from '../backend/rig.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  makingOf,
  objectivesOf,
  randomParameters,
  sharedFolder,
  teacherConfig,
  tinyConfig,
} from './rig.js';

const STAGE: Stage = {
  objectives: objectivesOf(
    { type: 'soft-label', temperature: 2 },
    'hidden-states',
    { type: 'attention', weight: 0.5 },
    { type: 'value-relation', layer_map: 'uniform' },
    'hard-label',
  ),
  learning_rate: 0.01,
  warmup: 0,
  schedule: 'linear',
  freeze: [],
};

describe('a teacher that is asked in the graph', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let model: string;
  let teachers: { readonly live: Teacher[]; readonly said: Teacher[] };
  const signal = new AbortController().signal;
  const config = () => ({ ...tinyConfig(corpus.tokenizer.vocabularySize), dropout: 0 });
  const pupil = () => ({ config: config(), labels: LABELS, tokenizer: corpus.tokenizer.hash });
  const input = (kind: string, path: string) => ({ kind, path, digest: '', from: '' });

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(11, 50));
    model = await makeTeacher(folder, corpus);
    const { outputs } = await capture(join(folder, 'cache'), corpus, model, {
      hidden_states: [0, 2, 4],
      attention: [2, 4],
      values: [2, 4],
      dtype: 'float32',
    });
    teachers = {
      live: await openTeachers([input('model', model)], pupil(), signal),
      said: await openTeachers([input('logits', outputs.logits as string)], pupil(), signal),
    };
  });
  afterAll(() => closeTeachers(teachers.said));

  /** Losses and gradients of one batch. */
  async function batchOf(backend: Backend, which: readonly Teacher[], labels = LABELS) {
    const runner = await createRunner(backend, 2);
    try {
      const stage = single(config(), which).stage(STAGE, 'live');
      const examples = await Examples.encode(corpus.rows, labels, corpus.tokenizer, config());
      const parameters = { ...randomParameters(config()), ...initialize(stage.specs, 5) };
      const caches = which.map(({ said }) => said) as LogitsCache[];
      const feeds = {
        ...examples.batch({ rows: [0, 3, 5], length: 40 }, 4, {
          ...makingOf([], []),
          caches,
          wanted: stage.wanted,
          partial: [false],
        }),
        ...stage.numbers(0),
      };
      const fn = { ...stage.fn, trainable: Object.keys(parameters) };
      return { ...(await runner.gradients(fn, { ...parameters, ...stage.fixed }, feeds)), parameters };
    } finally {
      await runner.release();
    }
  }

  it.each(TESTED)('gives what its cache gives (%s)', async (backend) => {
    const [live, said] = [await batchOf(backend, teachers.live), await batchOf(backend, teachers.said)];
    expectClose(live.values.loss, said.values.loss as Float32Array, 'loss', 1e-5);
    for (let i = 0; i < STAGE.objectives.length; i++) {
      expectClose(live.values[`loss.${i}`], said.values[`loss.${i}`] as Float32Array, `loss ${i}`, 1e-5);
    }
    expect(Object.keys(live.gradients).sort()).toEqual(Object.keys(said.gradients).sort());
    for (const [name, gradient] of Object.entries(said.gradients)) {
      const like = (said.parameters as Parameters)[name] as HostTensor;
      expectClose(dense(live.gradients[name], like), dense(gradient, like), name);
    }
  });

  it('may have the labels in another order, and has to have them all', async () => {
    const turned = { ...pupil(), labels: [...LABELS].reverse() };
    const [other] = await openTeachers([input('model', model)], turned, signal);
    expect(other?.live?.order).toEqual([1, 0]);
    const runner = await createRunner('onnx', 2);
    const stage = single(config(), [other as Teacher]).stage(STAGE, 'turned');
    const examples = await Examples.encode(corpus.rows, turned.labels, corpus.tokenizer, config());
    const own = randomParameters(config());
    const swap = (name: string, width: number): void => {
      const { data, ...rest } = own[name] as HostTensor & { data: Float32Array };
      own[name] = {
        ...rest,
        dtype: 'float32',
        data: Float32Array.from([...data.subarray(width), ...data.subarray(0, width)]),
      };
    };
    swap('classifier.weight', config().hidden);
    swap('classifier.bias', 1);
    const feeds = {
      ...examples.batch({ rows: [0, 3, 5], length: 40 }, 4, {
        ...makingOf([], []),
        caches: [undefined],
        wanted: stage.wanted,
        partial: [false],
      }),
      ...stage.numbers(0),
    };
    const got = await runner.gradients(stage.fn, { ...own, ...initialize(stage.specs, 5), ...stage.fixed }, feeds);
    await runner.release();
    const straight = await batchOf('onnx', teachers.live);
    expectClose(got.values['loss.0'], straight.values['loss.0'] as Float32Array, 'soft labels', 1e-5);
    await expect(
      openTeachers([input('model', model)], { ...pupil(), labels: ['ham', 'eggs'] }, signal),
    ).rejects.toThrow('the teacher does not know "eggs"; the data does not have "spam"');
  });

  it('is refused where it cannot be asked', async () => {
    await expect(openTeachers([input('model', model)], { ...pupil(), tokenizer: 'x' }, signal)).rejects.toMatchObject({
      reason: 'tokenizer',
    });
    const long = { ...pupil(), config: { ...config(), maxLength: 4000 } };
    await expect(openTeachers([input('model', model)], long, signal)).rejects.toMatchObject({
      reason: 'max-length',
      message: 'the teacher has positions for 40 tokens, and the student reads 4000',
    });
    const headless = { ...teacherConfig(100), head: 'none' as const };
    const live = { model: { config: headless, labels: [], parameters: {} }, order: [] };
    const fit = (teachers.live[0] as Teacher).fit;
    expect(() => checkObjectives([STAGE], 'classifier', [{ fit, live }])).toThrow(
      'objective "soft-label" needs the teacher\'s logits, but the teacher, a bert, has no head',
    );
  });
});
