import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Backend,
  createRunner,
  type HostTensor,
  type HostTensors,
  type Tensors,
} from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { forward } from '../../src/models/forward.js';
import { initialize, type Parameters } from '../../src/models/initialize.js';
import type { OnlineDistillOptions } from '../../src/options/online-distill.js';
import type { Stage } from '../../src/options/train.js';
import { softmax } from '../../src/report/metrics.js';
import { onlineDistill } from '../../src/steps/online-distill.js';
import { Examples, teacherFeeds } from '../../src/train/examples.js';
import { dropoutFeeds } from '../../src/train/feeds.js';
import { fitBetween } from '../../src/train/fit.js';
import { buildStage } from '../../src/train/stage.js';
import { joined, type Peer, peerPrefix, peers } from '../../src/train/together/peers.js';
import { onlineProblems } from '../../src/train/together/problems.js';
import type { Json, JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose } from '../backend/rig.js';
import { digests, makeContext, withDefaults } from '../steps/context.js';
import {
  type Corpus,
  LABELS,
  madeUpRows,
  makeCorpus,
  makingOf,
  objectivesOf,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from './rig.js';

const stageOf = (...objectives: Json[]): Stage => ({
  objectives: objectivesOf(...objectives),
  learning_rate: 0.01,
  warmup: 0,
  schedule: 'linear',
  freeze: [],
});

describe('models that learn together', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let configs: TransformerConfig[];
  let parameters: Parameters[];
  const run = (onlineDistill as StepDefinition<never>).run;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(11, 30));
    const { vocabularySize } = corpus.tokenizer;
    configs = [
      tinyConfig(vocabularySize),
      tinyConfig(vocabularySize, { type: 'distilbert', layers: 4, hidden: 12, intermediate: 20 }),
      tinyConfig(vocabularySize, { layers: 1, hidden: 4, heads: 1 }),
    ];
    parameters = configs.map((config, k) => randomParameters(config, k));
  });

  const examples = () => Examples.encode(corpus.rows, LABELS, corpus.tokenizer, configs[0] as TransformerConfig);
  const batch = async (): Promise<HostTensors> =>
    (await examples()).batch({ rows: [0, 2, 3, 5], length: 32 }, 5, makingOf());

  /** Masks of the sites, from this one on. */
  function masks(shapes: readonly { shape: readonly number[] }[], from: number): HostTensor[] {
    return shapes.map(({ shape }, i) => {
      const random = new Random(3, `mask ${from + i}`);
      const data = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.below(5) && 1);
      return { dtype: 'uint8', shape, data };
    });
  }

  /** Losses and gradients of peers in one graph. */
  async function together(backend: Backend, all: readonly Peer[], stage: Stage) {
    const runner = await createRunner(backend, 2);
    const trainee = peers(all);
    const built = trainee.stage(stage, 'together');
    const own = { ...joined(parameters.slice(0, all.length)), ...initialize(built.specs, 5) };
    const feeds = { ...(await batch()), ...dropoutFeeds(masks(built.dropout(5, 32), 0)), ...built.numbers(0) };
    const fn = { ...built.fn, trainable: Object.keys(own) };
    const result = await runner.gradients(fn, own, feeds);
    await runner.release();
    return { ...result, own, built };
  }

  /** One peer alone, its dropout as before, what another says given as that of a cache. */
  async function alone(
    backend: Backend,
    peer: number,
    teacher: number,
    stage: Stage,
    logits: HostTensor,
    sites: number,
  ) {
    const runner = await createRunner(backend, 2);
    const [config, other] = [configs[peer], configs[teacher]] as [TransformerConfig, TransformerConfig];
    const built = buildStage(config, stage, [fitBetween(config, other)], 'alone');
    const own = { ...(parameters[peer] as Parameters), ...initialize(built.specs, 5) };
    const feeds = {
      ...(await batch()),
      [teacherFeeds(0).logits]: logits,
      ...dropoutFeeds(masks(built.dropout(5, 32), sites)),
      ...built.numbers(0),
    };
    const result = await runner.gradients({ ...built.fn, trainable: Object.keys(own) }, own, feeds);
    await runner.release();
    return { ...result, own };
  }

  /** What a peer answers in training, its dropout in it. */
  async function answers(peer: number, sites: number): Promise<HostTensor> {
    const runner = await createRunner('cpu', 1);
    const config = configs[peer] as TransformerConfig;
    const { dropout } = buildStage(config, stageOf('hard-label'), [], 'answers');
    const drop = masks(dropout(5, 32), sites);
    const call = (own: Tensors, fed: Tensors): Tensors => {
      const [ids, mask] = [fed.ids as Tensor, fed.mask as Tensor];
      const kept = drop.map((_, i) => fed[`dropout.${i}`] as Tensor);
      return { logits: forward(config, own, { ids, mask, dropout: kept, lastTokens: 'pooled' }).logits };
    };
    const feeds = { ...(await batch()), ...dropoutFeeds(drop) };
    const { logits } = await runner.forward({ key: `answers ${peer}`, call }, parameters[peer] as Parameters, feeds);
    await runner.release();
    return { dtype: 'float32', shape: [5, LABELS.length], data: logits as Float32Array };
  }

  it.each(TESTED)("have the losses and gradients of each alone, the others' answers given (%s)", async (backend) => {
    const stage = stageOf({ type: 'hard-label', weight: 0.4 }, { type: 'soft-label', temperature: 2, weight: 0.8 });
    const all = [0, 1].map((k): Peer => ({ config: configs[k] as TransformerConfig, teachers: [1 - k] }));
    const both = await together(backend, all, stage);
    expect(both.built.losses).toEqual([
      { name: 'peer 1 hard-label', model: 0 },
      { name: 'peer 1 soft-label', model: 0 },
      { name: 'peer 2 hard-label', model: 1 },
      { name: 'peer 2 soft-label', model: 1 },
    ]);
    const first = buildStage(configs[0] as TransformerConfig, stageOf('hard-label'), [], 'sites').dropout(5, 32).length;
    const starts = [0, first];
    let sum = 0;
    for (const k of [0, 1]) {
      const said = await answers(1 - k, starts[1 - k] as number);
      const one = await alone(backend, k, 1 - k, stage, said, starts[k] as number);
      sum += one.values.loss?.[0] as number;
      for (const i of [0, 1]) {
        expectClose(
          both.values[`loss.${2 * k + i}`],
          one.values[`loss.${i}`] as Float32Array,
          `peer ${k} loss ${i}`,
          1e-5,
        );
      }
      for (const [name, gradient] of Object.entries(one.gradients)) {
        const like = one.own[name] as HostTensor;
        expectClose(dense(both.gradients[peerPrefix(k) + name], like), dense(gradient, like), `peer ${k} ${name}`);
      }
    }
    expect(both.values.loss?.[0]).toBeCloseTo(sum, 5);
  });

  it('learn from several as from the mean of what is learnt from each, or from the ensemble', async () => {
    const stage = stageOf('hard-label', { type: 'soft-label', temperature: 2 }, 'hidden-states');
    const three = (teachers: Peer['teachers']): Peer[] =>
      configs.map((config, k) => ({ config, teachers: k === 2 ? teachers : [] }));
    const all = [0, 1].map((config) => three([config]));
    const [one, other] = [
      await together('onnx', all[0] as Peer[], stage),
      await together('onnx', all[1] as Peer[], stage),
    ];
    const both = await together('onnx', three([0, 1]), stage);
    expect(both.built.losses.filter(({ model }) => model === 2).map(({ name }) => name)).toEqual([
      'peer 3 hard-label',
      'peer 3 soft-label of peer 1',
      'peer 3 soft-label of peer 2',
      'peer 3 hidden-states of peer 1',
      'peer 3 hidden-states of peer 2',
    ]);
    const name = `${peerPrefix(2)}classifier.weight`;
    const [a, b, mean] = [one, other, both].map(({ gradients, own }) =>
      dense(gradients[name], own[name] as HostTensor),
    ) as [Float32Array, Float32Array, Float32Array];
    expectClose(
      mean,
      a.map((x, i) => (x + (b[i] as number)) / 2),
      'the mean of both',
    );
    const gathered = await together('onnx', three('ensemble'), stageOf('hard-label', 'soft-label'));
    const said = await Promise.all([0, 1, 2].map((k) => answersOf(k)));
    const rows = [0, 1, 2, 3].map((row) => {
      const each = said.map((logits) => softmax((logits.data as Float32Array).subarray(2 * row, 2 * row + 2)));
      const p = [0, 1].map((c) => each.reduce((sum, own) => sum + (own[c] as number), 0) / 3);
      const q = each[2] as ArrayLike<number>;
      return p.reduce((sum, x, c) => sum + x * Math.log(x / (q[c] as number)), 0);
    });
    const last = gathered.built.losses.length - 1;
    expect(gathered.values[`loss.${last}`]?.[0]).toBeCloseTo(rows.reduce((x, y) => x + y) / 4, 5);
  });

  /** A peer's answers, its dropout where it is among all three. */
  const answersOf = (k: number): Promise<HostTensor> => {
    const sites = configs
      .slice(0, k)
      .reduce((sum, config) => sum + buildStage(config, stageOf('hard-label'), [], 's').dropout(5, 32).length, 0);
    return answers(k, sites);
  };

  const OPTIONS: JsonObject = {
    peers: [
      { model: { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 40 } },
      { model: { type: 'distilbert', layers: 1, hidden: 12, heads: 2, max_length: 40 } },
    ],
    stages: [
      { objectives: ['hard-label', 'soft-label'], updates: 3, validate: { every: 2 } },
      {
        objectives: ['hard-label', { type: 'hidden-states', layer_map: [[0, 0]] }],
        updates: 3,
        freeze: ['embeddings'],
      },
    ],
    batch_size: 4,
    accumulate: 2,
  };
  const options = (changes: JsonObject = {}) => withDefaults('online-distill', { ...OPTIONS, ...changes });
  const inputs = () => ({
    data: { kind: 'dataset', path: corpus.data },
    validation: { kind: 'dataset', path: corpus.data },
    tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
  });

  it('are stopped and go on to the same bytes', async () => {
    const straight = await makeContext({ options: options(), inputs: inputs() });
    await run(straight.ctx);
    expect(Object.keys(straight.progress[0]?.losses ?? {})).toEqual([
      'peer 1 hard-label',
      'peer 1 soft-label',
      'peer 2 hard-label',
      'peer 2 soft-label',
    ]);
    const root = join(folder, 'stopped');
    await mkdir(root);
    for (const stopAfter of [2, 2]) {
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
    expect(last.progress.map((p) => `${p.phase} ${p.done}/${p.total}`)).toEqual([
      'stage 2 of 2 2/3',
      'stage 2 of 2 3/3',
    ]);
    for (const output of ['model', 'peer-1', 'peer-2']) {
      expect(await digests(last.outputs[output] as string), output).toEqual(
        await digests(straight.outputs[output] as string),
      );
    }
    const [first, second] = [
      await loadTransformer(last.outputs['peer-1'] as string),
      await loadTransformer(last.outputs['peer-2'] as string),
    ];
    expect(first.config).toMatchObject({ type: 'bert', layers: 2, hidden: 8 });
    expect(second.config).toMatchObject({ type: 'distilbert', layers: 1, hidden: 12 });
  });

  it('say what does not go together', async () => {
    const problems = (changes: JsonObject) =>
      onlineProblems(options(changes) as unknown as OnlineDistillOptions).map(
        ({ pointer, message }) => `${pointer}: ${message}`,
      );
    const model = { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 40 };
    const stage = (...objectives: Json[]) => [{ objectives }];
    expect(problems({ task: 'generation', stages: [{ objectives: ['hard-label'], samples: 2 }] })).toContain(
      '/stages/0/samples: "samples" are of a train step',
    );
    const idle = { model, teachers: [] };
    expect(problems({ peers: [idle, idle], stages: stage('soft-label') })).toEqual([
      '/stages/0/objectives: all objectives of this stage learn from a teacher, and peer 1 learns from no other',
      '/peers: no peer learns from another',
    ]);
    expect(
      problems({
        peers: [{ model, teachers: 'ensemble' }, { model }],
        stages: stage('hidden-states', { type: 'soft-label', teacher: 2 }, 'gkd'),
      }),
    ).toEqual([
      '/stages/0/objectives/1/teacher: whom a peer learns from, its own option teachers says',
      '/stages/0/objectives/2: "gkd" has a student write for a finished teacher to judge',
      '/stages/0/objectives/0: "hidden-states" learns from a teacher\'s layers, and an ensemble has none',
      '/stages/0/objectives/2: "gkd" learns from a teacher\'s layers, and an ensemble has none',
    ]);
    const three = { ...model, layers: 3 };
    const context = await makeContext({
      options: options({ peers: [{ model }, { model: three }], stages: stage('hard-label', 'hidden-states') }),
      inputs: { ...inputs(), validation: [] },
    });
    await expect(run(context.ctx)).rejects.toMatchObject({ reason: 'layer-map', pointer: '/peers/0' });
  });
});
