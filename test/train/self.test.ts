import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import type { Parameters } from '../../src/models/initialize.js';
import type { SelfDistillOptions } from '../../src/options/self-distill.js';
import { selfDistill } from '../../src/steps/self-distill.js';
import { train } from '../../src/steps/train.js';
import { Average } from '../../src/train/average.js';
import { selfProblems } from '../../src/train/together/problems.js';
import type { Json, JsonObject } from '../../src/util/json.js';
import { digests, makeContext, runStep, type TestContext, withDefaults } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, sharedFolder } from './rig.js';

const MODEL = { type: 'bert', layers: 3, hidden: 8, heads: 2, max_length: 40 };

describe('a model that is its own teacher', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  const run = (selfDistill as StepDefinition<never>).run;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(11, 30));
  });

  const inputs = (validated: boolean) => ({
    data: { kind: 'dataset', path: corpus.data },
    tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
    ...(validated && { validation: { kind: 'dataset', path: corpus.data } }),
  });
  const optionsOf = (teacher: Json, objectives: Json[], more: JsonObject = {}) =>
    withDefaults('self-distill', {
      model: MODEL,
      teacher,
      stages: [{ objectives, updates: 4, ...more }],
      batch_size: 4,
    });

  /** Stopped after each of so many updates, then run to its end. */
  async function piecemeal(options: JsonObject, stops: readonly number[], validated = false): Promise<TestContext> {
    const root = join(folder, `stopped ${JSON.stringify(options.teacher)}`.replace(/\W+/g, '-'));
    await mkdir(root);
    for (const stopAfter of stops) {
      const stop = new AbortController();
      const { ctx } = await makeContext({ options, inputs: inputs(validated), root, signal: stop.signal });
      let reports = 0;
      const progress: StepContext<never>['progress'] = async () => {
        if (++reports === stopAfter) stop.abort();
      };
      await expect(run({ ...ctx, progress })).rejects.toThrow('abort');
    }
    const last = await makeContext({ options, inputs: inputs(validated), root });
    await run(last.ctx);
    return last;
  }

  async function expectSame(options: JsonObject, stops: readonly number[], validated = false): Promise<TestContext> {
    const straight = await makeContext({ options, inputs: inputs(validated) });
    await run(straight.ctx);
    const resumed = await piecemeal(options, stops, validated);
    expect(Object.keys(resumed.outputs)).toEqual(Object.keys(straight.outputs));
    for (const [name, output] of Object.entries(straight.outputs)) {
      expect(await digests(resumed.outputs[name] as string), name).toEqual(await digests(output));
    }
    return straight;
  }

  it('by generations: the first is the one of train, each of the others another, and resumed the same', async () => {
    const objectives = ['hard-label', { type: 'soft-label', temperature: 2 }];
    const options = optionsOf({ type: 'generations', count: 3, ensemble: true }, objectives, { validate: {} });
    const { outputs, progress, logs } = await expectSame(options, [2, 4, 3], true);
    const phases = progress.map(({ phase, losses }) => `${phase}: ${Object.keys(losses ?? {})}`);
    expect([...new Set(phases)]).toEqual([
      'generation 1 of 3: hard-label',
      'generation 2 of 3: hard-label,soft-label',
      'generation 3 of 3: hard-label,soft-label',
    ]);
    const told = logs.map(({ message }) => message).filter((message) => message.includes('output "model"'));
    const best = /is generation (\d)/.exec(told[0] as string)?.[1];
    const all = await Promise.all(
      ['model', 'generation-1', 'generation-2', 'generation-3'].map((name) => digests(outputs[name] as string)),
    );
    expect(all[0]).toEqual(all[Number(best)]);
    expect(new Set(all.map((each) => JSON.stringify(each))).size).toBe(3);
    const plain = await runStep(train, {
      options: { model: MODEL, stages: [{ objectives: ['hard-label'], updates: 4, validate: {} }], batch_size: 4 },
      inputs: { ...inputs(true), data: [inputs(true).data] },
    });
    expect((await digests(plain.outputs.model as string))['model.safetensors']).toBe(all[1]?.['model.safetensors']);
  });

  it('by its running mean, which follows it', async () => {
    const { outputs } = await expectSame(optionsOf({ type: 'average', decay: 0.6 }, ['hard-label', 'soft-label']), [3]);
    const [model, teacher] = [
      await loadTransformer(outputs.model as string),
      await loadTransformer(outputs.teacher as string),
    ];
    expect(teacher.config).toEqual(model.config);
    expect(teacher.parameters['classifier.weight']).not.toEqual(model.parameters['classifier.weight']);
  });

  it('by exits, each with the layers below it a model', async () => {
    const objectives = ['hard-label', 'soft-label', 'hidden-states'];
    const { outputs, progress } = await expectSame(optionsOf({ type: 'exits', after: [1, 2] }, objectives), [3]);
    expect(Object.keys(progress[0]?.losses ?? {})).toEqual([
      'layer 1 hard-label',
      'layer 1 soft-label',
      'layer 1 hidden-states',
      'layer 2 hard-label',
      'layer 2 soft-label',
      'layer 2 hidden-states',
      'layer 3 hard-label',
    ]);
    const [model, first, second] = await Promise.all(
      ['model', 'exit-1', 'exit-2'].map((name) => loadTransformer(outputs[name] as string)),
    );
    expect([model, first, second].map((each) => each?.config.layers)).toEqual([3, 1, 2]);
    const shared = (name: string) => [model, first, second].map((each) => each?.parameters[name]?.data);
    const layer = shared('bert.encoder.layer.0.output.dense.weight');
    expect(layer[1]).toEqual(layer[0]);
    expect(layer[2]).toEqual(layer[0]);
    const head = shared('classifier.weight');
    expect(head[1]).not.toEqual(head[0]);
  });

  it('says what does not go together', async () => {
    const problems = (teacher: Json, ...objectives: Json[]) =>
      selfProblems(optionsOf(teacher, objectives) as unknown as SelfDistillOptions).map(
        ({ pointer, message }) => `${pointer}: ${message}`,
      );
    expect(problems('average', 'soft-label')).toEqual([]);
    expect(problems('average', 'hard-label')).toEqual(['/stages: no objective learns from a teacher']);
    expect(problems('generations', { type: 'soft-label', teacher: 2 })).toEqual([
      '/stages/0/objectives/0/teacher: there is one teacher, the model itself',
      '/stages/0/objectives: all objectives of this stage learn from a teacher, and the first generation has none',
    ]);
    expect(problems({ type: 'generations', ensemble: true }, 'hard-label', 'attention')).toEqual([
      '/stages/0/objectives/1: "attention" learns from a teacher\'s layers, and an ensemble has none',
    ]);
    expect(
      problems({ type: 'exits', after: [2, 1, 3] }, 'hard-label', 'attention', {
        type: 'hidden-states',
        layer_map: 'last',
      }),
    ).toEqual([
      '/teacher/after/1: exits stand in ascending order of their layers',
      '/teacher/after/2: the model has 3 layers, and its own head is after the last: no exit after 3',
      '/stages/0/objectives/1: "attention" compares layers, and an exit shares its layers with its teacher',
      '/stages/0/objectives/2/layer_map: the state of an exit learns from that of the last layer, so there is no layer_map',
    ]);
    const options = {
      ...optionsOf({ type: 'exits', after: [1] }, ['hard-label', 'soft-label']),
      model: { type: 'gpt2', layers: 3, hidden: 8, heads: 2, max_length: 40, dropout: 0 },
    };
    const { ctx } = await makeContext({ options, inputs: inputs(false) });
    await expect(run(ctx)).rejects.toMatchObject({ reason: 'exits', pointer: '/model' });
  });
});

describe('the running mean of parameters', () => {
  const of = (x: number): Parameters => ({ w: { dtype: 'float32', shape: [1], data: Float32Array.of(x) } });
  const value = ({ parameters }: Average): number => parameters.w?.data[0] as number;

  it('is the mean of all at first, and then forgets', () => {
    const average = new Average(of(1), 0.75);
    const seen = [2, 6, 3, 9, 9].map((x) => {
      average.follow(of(x));
      return value(average);
    });
    // d = 1/2, 2/3, 3/4, then 0.75.
    expect(seen).toEqual([1.5, 3, 3, 4.5, 5.625]);
    const resumed = new Average(of(0), 0.75);
    resumed.restore(average.followed, { w: Float32Array.of(value(average)) });
    for (const one of [average, resumed]) one.follow(of(1));
    expect(value(resumed)).toBe(value(average));
  });
});
