import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import { type Row, writeDataset } from '../../src/data/dataset.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { Continuations, NEXT } from '../../src/models/continuations.js';
import { Generator, greedy } from '../../src/models/generate.js';
import { importModel } from '../../src/steps/import-model.js';
import { train } from '../../src/steps/train.js';
import { ResponseExamples } from '../../src/train/responses.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, makeContext, runStep, withDefaults } from '../steps/context.js';
import { makingOf, sharedFolder } from './rig.js';
import { makeWriting, rowsToAnswer } from './writing.js';

const GPT2 = { type: 'gpt2', layers: 2, hidden: 32, heads: 2, max_length: 40, dropout: 0.1 };
const OPTIONS: JsonObject = {
  task: 'generation',
  model: GPT2,
  batch_size: 8,
  prompt: '{{kind}}: {{text}}\n',
  stages: [{ objectives: ['hard-label'], updates: 4, learning_rate: 0.003 }],
};

describe('train, task generation', async () => {
  const folder = await sharedFolder();
  const rows = rowsToAnswer(64);
  let inputs: Record<string, { kind: string; path: string }>;
  beforeAll(async () => {
    const { data, tokenizer } = await makeWriting(folder, rows);
    inputs = { data: { kind: 'dataset', path: data }, tokenizer: { kind: 'tokenizer', path: tokenizer } };
  });
  const run = (options: JsonObject = {}, given: typeof inputs = inputs) =>
    runStep(train, { options: { ...OPTIONS, ...options }, inputs: given });
  const dataset = async (name: string, changed: readonly Row[]) => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    await writeDataset(path, [], changed);
    return { kind: 'dataset', path };
  };

  it.each([GPT2, { ...GPT2, type: 'llama', kv_heads: 1, dropout: 0 }])('learns to write: $type', async (model) => {
    const stages = [
      {
        objectives: ['hard-label'],
        epochs: 24,
        learning_rate: 0.006,
        validate: { every: 32, metric: 'perplexity' },
        samples: 3,
      },
    ];
    const { outputs, logs, progress, tables } = await run(
      { model, stages },
      { ...inputs, validation: inputs.data as never },
    );
    expect(progress[0]?.loss).toBeGreaterThan(5);
    const [shown] = tables;
    expect(shown?.title).toBe('What it writes after stage 1 of 1');
    expect(shown?.rows.map(([, response, written]) => written === response)).toEqual([true, true, true]);
    const perplexities = logs.flatMap(({ message }) => /perplexity ([\d.]+)/.exec(message)?.[1] ?? []).map(Number);
    expect(perplexities).toHaveLength(6);
    expect(perplexities.at(-1)).toBeLessThan(1.3);

    // The folder goes through import-model, with all that is needed to write.
    const made = (await runStep(importModel, { options: { model: outputs.model as string } })).outputs.model as string;
    const recipe = JSON.parse(await readFile(join(made, 'recipe.json'), 'utf8'));
    expect(recipe).toMatchObject({ prompt: '{{kind}}: {{text}}\n', trained_on: { rows: 64, labelled: 0 } });
    const { config, parameters } = await loadTransformer(made);
    expect(config).toMatchObject({ head: 'language-model', eosId: 0, maxLength: 40 });
    const tokenizer = await loadTokenizer(made);
    const runner = await createRunner('onnx', 2);
    try {
      const generator = new Generator(config, parameters, runner);
      let right = 0;
      for (const { text, responses } of rows.slice(0, 8)) {
        const [prompt] = await tokenizer.encodeWhole([`note: ${text}\n`], 'prompt');
        const ids: number[] = [];
        for await (const id of generator.generate(prompt as Int32Array, 12, greedy)) {
          if (id === config.eosId) break;
          ids.push(id);
        }
        if ((await tokenizer.decode(ids)) === responses?.[0]) right++;
      }
      expect(right).toBeGreaterThanOrEqual(7);
    } finally {
      await runner.release();
    }
  });

  it('stops when asked to, and goes on to the same bytes', async () => {
    const accumulate = { accumulate: 2, batch_size: 5, prompt: '{{text}}\n' };
    const straight = await run(accumulate);
    const options = withDefaults('train', { ...OPTIONS, ...accumulate });
    const root = join(folder, 'stopped');
    await mkdir(root);
    const stop = new AbortController();
    const { ctx, saved } = await makeContext({ options, inputs, root, signal: stop.signal });
    let reports = 0;
    const progress: StepContext<never>['progress'] = async () => {
      if (++reports === 2) stop.abort();
    };
    const step = (train as StepDefinition<never>).run;
    await expect(step({ ...ctx, progress })).rejects.toThrow('abort');
    expect(saved).toEqual(['state']);
    const last = await makeContext({ options, inputs, root });
    await step(last.ctx);
    expect(last.progress.map(({ done }) => done)).toEqual([3, 4]);
    const model = straight.outputs.model as string;
    expect(await digests(last.outputs.model as string)).toEqual(await digests(model));
    // One text is all that this prompt takes, so that it is a chat template too.
    expect(await readFile(join(model, 'chat_template.jinja'), 'utf8')).toBe(`{{ messages[-1]['content'] + "\\n" }}`);
  });

  it('starts from a pretrained model, with frozen parts', async () => {
    const first = await run();
    const stages = [{ objectives: ['hard-label'], updates: 2, learning_rate: 0.01, freeze: ['embeddings', 1] }];
    const { outputs } = await run(
      { model: { type: 'pretrained' }, stages },
      { data: inputs.data as never, init: { kind: 'model', path: first.outputs.model as string } },
    );
    const [before, after] = [
      await loadTransformer(first.outputs.model as string),
      await loadTransformer(outputs.model as string),
    ];
    const changed = Object.keys(before.parameters).filter(
      (name) => `${before.parameters[name]?.data}` !== `${after.parameters[name]?.data}`,
    );
    expect(changed.every((name) => /h\.1\.|ln_f/.test(name))).toBe(true);
    expect(changed.length).toBeGreaterThan(8);
  });

  it('learns whole texts where it is asked to', async () => {
    const texts = rows.map(({ responses: _, ...row }) => row);
    const data = await dataset('texts', texts);
    const { prompt: _, ...options } = OPTIONS;
    const stages = [{ objectives: ['hard-label'], epochs: 6, learning_rate: 0.01 }];
    const given = { ...inputs, data };
    const { outputs, progress } = await runStep(train, {
      options: { ...options, stages, learn_from: 'text' },
      inputs: given,
    });
    expect(progress.at(-1)?.loss).toBeLessThan(2.5);
    const recipe = JSON.parse(await readFile(join(outputs.model as string, 'recipe.json'), 'utf8'));
    expect(recipe.prompt).toBeUndefined();
    await expect(run({}, given)).rejects.toMatchObject({
      reason: 'no-rows',
      message: 'no row of the input "data" has a response',
    });
  });

  it('refuses what makes no sense, before it trains', async () => {
    const stage = (objective: string, more: JsonObject = {}) => ({
      stages: [{ objectives: [objective], updates: 1, ...more }],
    });
    await expect(run(stage('hidden-states'))).rejects.toThrow(
      'objective "hidden-states" makes no sense for task "generation"',
    );
    await expect(run(stage('attention'))).rejects.toMatchObject({ reason: 'task' });
    const judged = { ...inputs, validation: inputs.data as never };
    await expect(run(stage('hard-label', { validate: { metric: 'macro_f1' } }), judged)).rejects.toThrow(
      'stage 1 is judged by macro_f1, which makes no sense for task "generation"',
    );
    await expect(run({ model: { type: 'bert', layers: 1, hidden: 8, heads: 2 } })).rejects.toThrow(
      'a bert model reads texts and writes none',
    );
    await expect(run({ learn_from: 'text' })).rejects.toThrow('"learn_from: text" takes no "prompt"');
    await expect(run({ task: 'classification' })).rejects.toThrow('task "classification" takes no "prompt"');
    await expect(run({ prompt: '{{subject}}' })).rejects.toThrow('the prompt takes the field "subject", which row');
    const long = await dataset('long', [{ ...(rows[0] as Row), responses: ['x'.repeat(50)] }]);
    await expect(run({}, { ...inputs, data: long })).rejects.toThrow('no response of the input "data" fits');
  });

  it('learns what was thought before a response, and passes over responses without', async () => {
    const tokenizer = await loadTokenizer(inputs.tokenizer?.path as string);
    const row: Row = {
      id: '1',
      text: 'a',
      label: null,
      responses: ['blue cup', 'red lamp'],
      reasoning: ['', 'the lamp'],
    };
    const lesson = { prompt: '{{text}}\n', reasoning: true, endId: 0 };
    const examples = await ResponseExamples.encode([row], lesson, tokenizer, { maxLength: 80, padId: 0 });
    expect(examples.rows).toEqual([row]);
    const feeds = examples.batch({ rows: [0], length: 80 }, 1, makingOf());
    const ids = [...(feeds.ids as { data: Int32Array }).data].slice(0, examples.length(0) - 1);
    expect(await tokenizer.decode(ids)).toBe('a\n<think>\nthe lamp\n</think>\n\nred lamp');
    await expect(run({ learn_from: 'reasoning' })).rejects.toMatchObject({
      reason: 'no-rows',
      message: 'no response of the input "data" has reasoning before it',
    });
  });

  it('makes an example of each response, cuts prompts in the middle, and responses never', async () => {
    const tokenizer = await loadTokenizer(inputs.tokenizer?.path as string);
    const text = 'the red lamp and '.repeat(9);
    const row: Row = { id: '1', text, label: null, responses: ['blue cup', 'old chair and more', 'x'.repeat(30)] };
    const lesson = { prompt: '{{text}}\n', reasoning: false, endId: 0 };
    const examples = await ResponseExamples.encode([row], lesson, tokenizer, { maxLength: 20, padId: 0 });
    expect([examples.rows.length, examples.tooLong]).toEqual([2, 1]);
    const batch = { rows: [0, 1], length: 20 };
    const feeds = examples.batch(batch, 2, makingOf());
    const fed = (name: string): number[] => [...(feeds[name] as { data: Int32Array }).data];
    const first = fed('ids').slice(0, 20);
    const said = await tokenizer.encodeWhole(['blue cup', `${text}\n`], 'continuation');
    const written = [...(said[0] as Int32Array), 0];
    expect(first.slice(-written.length)).toEqual(written);
    const [room, prompt] = [20 - written.length, [...(said[1] as Int32Array)]];
    const tail = Math.floor(room / 4);
    expect(first.slice(0, room)).toEqual([...prompt.slice(0, room - tail), ...prompt.slice(-tail)]);
    expect(fed(NEXT.weights).reduce((a, b) => a + b)).toBe(examples.counts(batch)['written-tokens']);
    expect(fed(NEXT.targets).slice(0, written.length)).toEqual(written);
    expect(fed(NEXT.positions).slice(0, 2)).toEqual([room - 1, room]);
    const empty = await Continuations.encode([{ prompt: '', text: 'a' }], tokenizer, 0, 9);
    expect([...empty.tokens.ids(0)].at(0)).toBe(0);
    expect(empty.count(0)).toBe(2);
  });
});
