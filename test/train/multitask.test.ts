import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { initialize, type Parameters } from '../../src/models/initialize.js';
import type { Stage as StageOptions } from '../../src/options/train.js';
import type { TrainMultitaskOptions } from '../../src/options/train-multitask.js';
import { train } from '../../src/steps/train.js';
import { trainMultitask } from '../../src/steps/train-multitask.js';
import { Examples } from '../../src/train/examples.js';
import { dropoutFeeds } from '../../src/train/feeds.js';
import { fitBetween } from '../../src/train/fit.js';
import { Optimizer } from '../../src/train/optimizer.js';
import { ruleOf } from '../../src/train/optimizers/index.js';
import { rateFactor } from '../../src/train/schedule.js';
import { buildStage } from '../../src/train/stage.js';
import { branchOf, branchSpecs, branchStage, joinedTo } from '../../src/train/together/branch.js';
import { multitaskMisfits } from '../../src/train/together/multitask-misfits.js';
import { multitaskProblems } from '../../src/train/together/multitask-problems.js';
import { sharesOf, Turns } from '../../src/train/together/sampling.js';
import type { Json, JsonObject } from '../../src/util/json.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { dense, expectClose } from '../backend/rig.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';
import { digests, type InputGiven, makeContext, runStep, withDefaults } from '../steps/context.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  makingOf,
  objectivesOf,
  parametersOf,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from './rig.js';

const stageOf = (...objectives: Json[]): StageOptions => ({
  objectives: objectivesOf(...objectives),
  learning_rate: 0.01,
  warmup: 0,
  schedule: 'linear',
  freeze: [],
});

describe('whose turn it is', () => {
  const close = (found: readonly number[], wanted: readonly number[]): void =>
    wanted.forEach((share, i) => {
      expect(found[i]).toBeCloseTo(share, 6);
    });

  it('goes by size, the less the greater the temperature', () => {
    close(sharesOf([100, 300, 600], 1), [0.1, 0.3, 0.6]);
    close(sharesOf([100, 900], 2), [0.25, 0.75]);
    close(sharesOf([1, 1e9], 1e9), [0.5, 0.5]);
    // The smaller, the more the largest has.
    close(sharesOf([1, 2], 0.5), [0.2, 0.8]);
    close(sharesOf([5e8, 1e9], 1e-3), [0, 1]);
    close(sharesOf([7], 3), [1]);
  });

  it('is drawn with these shares, by the seed', () => {
    const shares = [0.1, 0.3, 0.6];
    const turns = new Turns(shares, 10_000, 7);
    for (const [task, share] of shares.entries()) {
      const deviation = Math.sqrt((share * (1 - share)) / 10_000);
      expect(Math.abs((turns.counts[task] as number) / 10_000 - share), `task ${task}`).toBeLessThan(4 * deviation);
    }
    const order = (all: Turns, updates: number) => Array.from({ length: updates }, (_, update) => all.at(update));
    expect(order(new Turns(shares, 100, 7), 100)).toEqual(order(turns, 100));
    expect(order(new Turns(shares, 100, 8), 100)).not.toEqual(order(turns, 100));
    // Each task's own updates are counted one by one.
    const own = order(turns, 1000).filter(({ task }) => task === 1);
    expect(own.map((turn) => turn.own)).toEqual(own.map((_, i) => i));
  });
});

interface Golden {
  readonly total: number;
  readonly warmup: number;
  readonly length: number;
  readonly rate: number;
  readonly batches: readonly {
    readonly ids: readonly number[];
    readonly lengths: readonly number[];
    readonly labels: readonly number[];
  }[];
  /** Of each update: the task's loss, with its weight, and both log-variances before it. */
  readonly updates: readonly (readonly [number, number, number, number])[];
}

describe('a shared encoder', async () => {
  const folder = await sharedFolder();
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(13, 30));
  });

  it('is trained by a classifier and a tagger, weighted by uncertainty, as by PyTorch', async () => {
    const golden = goldenJson<Golden>('multitask.json');
    const { tensors } = await readSafetensors(goldenFile('multitask.safetensors'));
    const { length } = golden;
    const heads = ['classifier', 'token-classifier'] as const;
    const { config: read } = await tiny('bert', 'classifier');
    const configs = heads.map((head) => ({ ...read, head, dropout: 0 }));
    const branches = configs.map((config, k) => branchOf(['texts', 'words'][k] as string, config));
    const specs = branchSpecs(branches);
    expect(Object.keys(specs).sort()).toEqual(Object.keys(tensors).sort());
    const stages = configs.map((config, k) => {
      const alone = buildStage(config, stageOf('hard-label'), [], `golden ${k}`);
      return branchStage(alone, branches[k] as (typeof branches)[number], { weight: 1, learnt: true });
    });
    const learnt = Object.assign({}, ...stages.map((stage) => stage.specs));
    const initial: Parameters = Object.fromEntries(
      Object.keys(specs).map((name) => {
        const { shape, data } = tensors[name] as (typeof tensors)[string];
        return [name, { dtype: 'float32' as const, shape, data: data as Float32Array }];
      }),
    );
    const all = { ...specs, ...learnt };
    const optimizer = new Optimizer({ ...initial, ...initialize(learnt, 1) }, all, ruleOf({ type: 'adamw' }, 0.01), 1);
    for (const [update, { ids, lengths, labels }] of golden.batches.entries()) {
      const task = update % 3 === 0 ? 0 : 1;
      const rows = lengths.length;
      const row = (r: number) => Int32Array.from(ids.slice(r * length, r * length + (lengths[r] as number)));
      const [tokens, mask] = [new Int32Array(rows * length), new Float32Array(rows * length)];
      for (let r = 0; r < rows; r++) {
        tokens.set(row(r), r * length);
        mask.fill(1, r * length, r * length + (lengths[r] as number));
      }
      const questions = task === 0 ? rows : rows * length;
      const answers = new Float32Array(questions * 3);
      for (let q = 0; q < questions; q++) {
        const answer = task === 0 ? (labels[q] as number) : (tokens[q] as number) % 3;
        if (task === 0 || mask[q]) answers[q * 3 + answer] = 1;
      }
      const stage = stages[task] as (typeof stages)[number];
      const feeds: HostTensors = {
        ids: { dtype: 'int32', shape: [rows, length], data: tokens },
        mask: { dtype: 'float32', shape: [rows, length], data: mask },
        rows: { dtype: 'float32', shape: [questions], data: task === 0 ? new Float32Array(rows).fill(1) : mask },
        labels: { dtype: 'float32', shape: [questions, 3], data: answers },
        ...stage.numbers(0),
      };
      const fn = { ...stage.fn, trainable: Object.keys(all) };
      const [loss, whole, texts, words] = golden.updates[update] as Golden['updates'][number];
      const variance = (name: string) => optimizer.parameters[`task.${name}.log_variance`]?.data[0] as number;
      expect(Math.abs(variance('texts') - texts), `update ${update}`).toBeLessThan(2e-5);
      expect(Math.abs(variance('words') - words), `update ${update}`).toBeLessThan(2e-5);
      const { values, gradients } = await runner.gradients(fn, optimizer.parameters, feeds);
      expect(Math.abs((values['loss.0']?.[0] as number) - loss), `update ${update}`).toBeLessThan(2e-5);
      expect(Math.abs((values.loss?.[0] as number) - whole), `update ${update}`).toBeLessThan(2e-5);
      optimizer.add(gradients);
      optimizer.apply(golden.rate * rateFactor('linear', update, golden.total, golden.warmup / golden.total));
    }
  });

  it('has the sum of the gradients that its tasks have alone', async () => {
    const config = tinyConfig(corpus.tokenizer.vocabularySize);
    const branches = ['one', 'two'].map((name) => branchOf(name, config));
    const objectives = ['hard-label', { type: 'hard-label', weight: 0.5 }] as const;
    const alone = objectives.map((objective, k) => buildStage(config, stageOf(objective as Json), [], `alone ${k}`));
    const weights = [1, 3];
    const shared = alone.map((stage, k) =>
      branchStage(stage, branches[k] as (typeof branches)[number], { weight: weights[k] as number, learnt: false }),
    );
    const own = [randomParameters(config, 1), randomParameters(config, 1)];
    // Heads of their own.
    own[1]?.['classifier.weight']?.data.forEach((x, i, all) => {
      all[i] = x + 0.1;
    });
    const whole: Parameters = Object.assign({}, ...branches.map((branch, k) => joinedTo(branch, own[k] as Parameters)));
    const examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, config);
    const masks = (alone[0] as (typeof alone)[number]).dropout(5, 32).map(
      ({ shape }): HostTensor => ({
        dtype: 'uint8',
        shape,
        data: Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % 5 ? 1 : 0)),
      }),
    );
    const feeds = {
      ...examples.batch({ rows: [0, 1, 3, 4], length: 32 }, 5, makingOf()),
      ...dropoutFeeds(masks),
      ...alone[0]?.numbers(0),
    };
    const gradientsOf = async (key: string, call: (p: Tensors, b: Tensors) => Tensors, parameters: Parameters) =>
      (await runner.gradients({ key, call }, parameters, feeds)).gradients;
    const both = await gradientsOf(
      'both',
      (p, b) => ({ loss: shared.map(({ fn }) => fn.call(p, b).loss as Tensor).reduce((x, y) => tf.add(x, y)) }),
      whole,
    );
    const each = await Promise.all(alone.map(({ fn }, k) => gradientsOf(`alone ${k}`, fn.call, own[k] as Parameters)));
    for (const [name, { part }] of Object.entries(parametersOf(config))) {
      const like = own[0]?.[name] as HostTensor;
      const [a, b] = each.map((gradients) => dense(gradients[name], like)) as [Float32Array, Float32Array];
      if (part === 'head') {
        expectClose(dense(both[`task.one.${name}`], like), a, `one ${name}`, 1e-5);
        expectClose(
          dense(both[`task.two.${name}`], like),
          b.map((x) => 3 * x),
          `two ${name}`,
          1e-5,
        );
      } else {
        expectClose(
          dense(both[name], like),
          a.map((x, i) => x + 3 * (b[i] as number)),
          name,
          1e-5,
        );
      }
    }
  });

  it('is weighed by what is learnt: finite differences', async () => {
    const config = tinyConfig(corpus.tokenizer.vocabularySize, { dropout: 0 });
    const branch = branchOf('one', config);
    const alone = buildStage(config, stageOf('hard-label', 'soft-label'), [fitBetween(config, config)], 'uncertain');
    const stage = branchStage(alone, branch, { weight: 2, learnt: true });
    const examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, config);
    const logits: HostTensor = { dtype: 'float32', shape: [4, 2], data: Float32Array.of(1, 0, 2, -1, 0, 1, 3, 0) };
    const feeds = {
      ...examples.batch({ rows: [0, 1, 3, 4], length: 32 }, 4, makingOf()),
      'teacher.0.logits': logits,
      ...stage.numbers(0),
    };
    const name = 'task.one.log_variance';
    const at = async (s: number) => {
      const parameters = {
        ...joinedTo(branch, randomParameters(config, 1)),
        [name]: { dtype: 'float32' as const, shape: [1], data: Float32Array.of(s) },
      };
      const { values, gradients } = await runner.gradients({ ...stage.fn, trainable: [name] }, parameters, feeds);
      const [a, b] = [values['loss.0']?.[0] as number, values['loss.1']?.[0] as number];
      return {
        loss: values.loss?.[0] as number,
        sum: a + b,
        slope: dense(gradients[name], parameters[name] as HostTensor)[0],
      };
    };
    const { loss, sum, slope } = await at(0.7);
    expect(loss).toBeCloseTo(2 * (Math.exp(-0.7) * sum + 0.35), 5);
    const h = 1e-2;
    expect(slope).toBeCloseTo(((await at(0.7 + h)).loss - (await at(0.7 - h)).loss) / (2 * h), 3);
    // It is least where exp(s) is twice the loss.
    expect((await at(Math.log(2 * sum))).slope).toBeCloseTo(0, 5);
  });

  it('is refused where a task would read with another', () => {
    const [one, two] = [tinyConfig(50), tinyConfig(50, { hidden: 16 })];
    expect(() => branchSpecs([branchOf('a', one), branchOf('b', two)])).toThrow(
      'task "b" would read with another encoder than task "a"',
    );
  });
});

describe('train-multitask', async () => {
  const folder = await sharedFolder();
  const run = (trainMultitask as StepDefinition<never>).run;
  let corpus: Corpus;
  let scored: string;
  let cache: string;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(17, 20));
    const rows: Row[] = corpus.rows.map(({ text }, i) => ({ id: rowId(text), text, label: null, score: i / 10 - 0.8 }));
    scored = join(folder, 'scored');
    await mkdir(scored);
    await writeDataset(scored, [], rows);
    const { vocabularySize } = corpus.tokenizer;
    const teacher = await makeTeacher(folder, corpus, tinyConfig(vocabularySize, { layers: 3, hidden: 12 }));
    cache = (await capture(join(folder, 'cache'), corpus, teacher, {})).outputs.logits as string;
  });

  const MODEL = { type: 'bert', layers: 1, hidden: 8, heads: 2, max_length: 40 };
  const dataset = (path: string): InputGiven => ({ kind: 'dataset', path });
  const inputs = () => ({
    data: [dataset(corpus.data), dataset(scored)],
    validation: [dataset(corpus.data), dataset(scored)],
    teacher: [{ kind: 'logits', path: cache }],
    tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
  });
  const SPAM = { name: 'spam', data: 1, validation: 1, teacher: 1, objectives: ['hard-label', 'soft-label'] };
  const STARS = { name: 'stars', task: 'regression', data: 2, validation: 2, objectives: ['hard-label'] };
  const OPTIONS: JsonObject = {
    model: MODEL,
    tasks: [SPAM, STARS],
    weights: 'uncertainty',
    sampling: { temperature: 2 },
    updates: 8,
    learning_rate: 0.01,
    batch_size: 4,
    accumulate: 2,
    validate: { every: 3 },
  };
  const options = (changes: JsonObject = {}) => withDefaults('train-multitask', { ...OPTIONS, ...changes });

  it('is what train does where there is one task', async () => {
    const learning = { updates: 6, learning_rate: 0.01, warmup: 0.2 };
    const shared = { model: MODEL, batch_size: 4 };
    const { data, tokenizer, teacher, validation } = inputs();
    const alone = await runStep(train, {
      options: {
        ...shared,
        stages: [{ objectives: ['hard-label', 'soft-label'], ...learning, validate: { every: 2 } }],
      },
      inputs: { data: [data[0] as InputGiven], validation: validation[0] as InputGiven, teacher, tokenizer },
      root: await made('alone'),
    });
    const one = await runStep(trainMultitask, {
      options: { ...shared, tasks: [SPAM], ...learning, validate: { every: 2 } },
      inputs: { data: [data[0] as InputGiven], validation: [validation[0] as InputGiven], teacher, tokenizer },
      root: await made('one'),
    });
    expect(one.progress.map(({ loss, done }) => [done, loss])).toEqual(
      alone.progress.map(({ loss, done }) => [done, loss]),
    );
    expect(await digests(one.outputs.spam as string)).toEqual(await digests(alone.outputs.model as string));
  });

  const made = async (name: string): Promise<string> => {
    await mkdir(join(folder, name));
    return join(folder, name);
  };

  it('is stopped and goes on to the same bytes; its models share all but their heads', async () => {
    const straight = await makeContext({ options: options(), inputs: inputs() });
    await run(straight.ctx);
    const root = await made('stopped');
    for (const stopAfter of [2, 3]) {
      const stop = new AbortController();
      const { ctx } = await makeContext({ options: options(), inputs: inputs(), root, signal: stop.signal });
      let reports = 0;
      const progress: StepContext<never>['progress'] = async () => {
        if (++reports === stopAfter) stop.abort();
      };
      await expect(run({ ...ctx, progress })).rejects.toThrow('abort');
    }
    const last = await makeContext({ options: options(), inputs: inputs(), root });
    await run(last.ctx);
    expect(last.progress.map(({ done, total }) => `${done}/${total}`)).toEqual(['6/8', '7/8', '8/8']);
    for (const output of ['spam', 'stars']) {
      expect(await digests(last.outputs[output] as string), output).toEqual(
        await digests(straight.outputs[output] as string),
      );
    }
    const [spam, stars] = [
      await loadTransformer(last.outputs.spam as string),
      await loadTransformer(last.outputs.stars as string),
    ];
    expect([spam.config.head, stars.config.head]).toEqual(['classifier', 'regression']);
    for (const [name, { part }] of Object.entries(parametersOf(spam.config))) {
      if (part !== 'head') expect(spam.parameters[name]?.data, name).toEqual(stars.parameters[name]?.data);
    }
    const told = straight.logs.map(({ message }) => message);
    const [counts] = told.flatMap((line) => /^updates: spam (\d+), stars (\d+)$/.exec(line)?.slice(1) ?? []);
    expect(Number(counts)).toBeGreaterThan(0);
    expect(told).toContainEqual(
      expect.stringMatching(/^the tasks share \d+,?\d* parameters; of its own has spam 90, stars 81$/),
    );
    // The mean of both says which parameters are kept.
    const judged = told.flatMap((line) => {
      const found = /^on the validation rows: spam macro_f1 (\S+), stars pearson (\S+)$/.exec(line);
      return found ? [(Number(found[1]) + Number(found[2])) / 2] : [];
    });
    const means = told.flatMap((line) => /mean of the tasks (\S+)/.exec(line)?.[1] ?? []);
    expect(judged).toHaveLength(3);
    judged.forEach((mean, i) => {
      expect(Number(means[i])).toBeCloseTo(mean, 3);
    });
    expect(straight.progress.at(-1)?.losses).toHaveProperty('stars hard-label');
  });

  it('says what does not go together', async () => {
    const problems = (changes: JsonObject) =>
      multitaskProblems(options(changes) as unknown as TrainMultitaskOptions).map(
        ({ pointer, message }) => `${pointer}: ${message}`,
      );
    expect(problems({})).toEqual([]);
    expect(problems({ tasks: [SPAM, { ...STARS, name: 'spam' }] })).toEqual([
      '/tasks/1/name: tasks 1 and 2 are both called "spam", and a task\'s output has its name',
    ]);
    expect(problems({ tasks: [{ ...SPAM, name: 'history' }] })).toEqual([
      '/tasks/0/name: the output "history" tells how the training went, so no task is called that',
    ]);
    expect(
      problems({
        tasks: [
          { ...SPAM, objectives: ['hard-label'] },
          { ...STARS, objectives: [{ type: 'soft-label', weight: 0 }] },
        ],
      }),
    ).toEqual([
      '/tasks/0/teacher: no objective of the task learns from its teacher',
      '/tasks/1/objectives: the weights of all objectives are 0, so nothing would be learnt',
      '/tasks/1/objectives/0: objective "soft-label" learns from a teacher, and the task has none',
    ]);
    const { validate: _, ...unjudged } = OPTIONS;
    expect(
      multitaskProblems(withDefaults('train-multitask', unjudged) as unknown as TrainMultitaskOptions).map(
        ({ pointer }) => pointer,
      ),
    ).toEqual(['/tasks/0/validation', '/tasks/1/validation']);
    const blind = { name: 'blind', data: 1, objectives: ['hard-label'], metric: 'accuracy' };
    expect(problems({ tasks: [blind] })).toEqual([
      '/tasks/0/metric: the task is judged by nothing, so it has no metric',
      '/validate: no task has rows to be judged by',
    ]);
    const strange = options({ tasks: [{ ...STARS, objectives: ['hard-label', 'in-batch-negatives'] }] });
    expect(multitaskMisfits(strange as unknown as TrainMultitaskOptions, () => [])).toEqual([
      expect.objectContaining({
        pointer: '/tasks/0/objectives/1',
        message: 'objective "in-batch-negatives" makes no sense for task "regression"',
      }),
    ]);
    expect(() => options({ tasks: [{ ...SPAM, weight: 0 }] })).toThrow('weight');
  });

  it('names the task that cannot be learnt', async () => {
    const failing = async (changes: JsonObject, given: Partial<ReturnType<typeof inputs>> = {}) => {
      const { ctx } = await makeContext({ options: options(changes), inputs: { ...inputs(), ...given } });
      return run(ctx).then(
        () => undefined,
        (error: unknown) => error,
      );
    };
    const { data } = inputs();
    const [first] = data as [InputGiven, ...InputGiven[]];
    const swapped = { data: [first, first], validation: [first, first] };
    expect(await failing({}, swapped)).toMatchObject({
      reason: 'no-rows',
      message: 'task "stars": no row of the input "validation" has a score',
    });
    const { validation: _, ...unjudged } = STARS;
    expect(await failing({ tasks: [SPAM, unjudged] }, swapped)).toMatchObject({
      reason: 'no-rows',
      message: 'task "stars" learns from labels only, and no training row has one',
    });
    const { teacher: __, ...untaught } = { ...SPAM, objectives: ['hard-label'] };
    // Twelve rows have a label, and 17 a score.
    expect(await failing({ sampling: { temperature: 0.001 }, tasks: [untaught, STARS] })).toMatchObject({
      reason: 'never-drawn',
      message: 'of 8 updates none is one of task "spam": it has too few rows beside the others',
      pointer: '/sampling',
    });
    expect(await failing({ tasks: [{ ...SPAM, metric: 'pearson' }, STARS] })).toMatchObject({
      reason: 'task',
      pointer: '/tasks/0',
    });
  });
});
