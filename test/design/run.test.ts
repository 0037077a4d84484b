import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { designStudent } from '../../src/steps/design-student.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, makeContext, runStep, withDefaults } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, makeTeacher, sharedFolder, tinyConfig } from '../train/rig.js';

let folder: string;
let corpus: Corpus;
let teacher: string;
const shared = sharedFolder();

beforeAll(async () => {
  folder = await shared;
  corpus = await makeCorpus(folder, madeUpRows(30, 10));
  const sizes = { layers: 4, hidden: 32, heads: 2, intermediate: 64, maxLength: 24 };
  teacher = await makeTeacher(folder, corpus, tinyConfig(corpus.tokenizer.vocabularySize, sizes));
});

const inputs = () => ({
  teacher: { kind: 'model', path: teacher, from: 'big' },
  tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
});
const design = (options: JsonObject) => runStep(designStudent, { options, inputs: inputs() });

interface Report {
  readonly picked: string;
  readonly proposals: readonly { name: string; model: JsonObject; parameters: number; flops: number }[];
}
const reportOf = async (output: Record<string, string>): Promise<Report> =>
  JSON.parse(await readFile(join(output.report as string, 'report.json'), 'utf8')) as Report;

describe('a student that is designed', () => {
  test('is what train trains, with as many parameters as were counted', async () => {
    const { outputs, tables, measured } = await design({
      budget: { parameters: 20_000 },
      objectives: [{ type: 'hidden-states', layer_map: 'uniform' }, 'attention'],
    });
    const report = await reportOf(outputs);
    expect(report.proposals.length).toBeGreaterThan(1);
    expect(report.proposals.map(({ flops }) => flops)).toEqual(
      report.proposals.map(({ flops }) => flops).sort((a, b) => b - a),
    );
    expect(report.proposals[0]?.name).toBe(report.picked);
    const student = { kind: 'student-design', path: outputs.student as string };
    const data = { kind: 'dataset', path: corpus.data };
    const trained = await runStep(train, {
      options: { stages: [{ objectives: ['hard-label'], updates: 1 }] },
      inputs: { data, student, tokenizer: inputs().tokenizer },
    });
    const made = JSON.parse(await readFile(join(trained.outputs.model as string, 'recipe.json'), 'utf8')) as JsonObject;
    expect(made.parameters).toBe(report.proposals[0]?.parameters);
    expect(await readdir(student.path)).toEqual(['student.json']);

    const [table] = tables;
    expect(table?.rows.map(([name]) => name)).toEqual([
      'big (teacher)',
      ...report.proposals.map(({ name }, i) => `${i + 1}: ${name}${i === 0 ? ', picked' : ''}`),
    ]);
    for (const row of table?.rows ?? []) expect(Number(row.at(-1))).toBeGreaterThan(0);
    const notes = table?.notes.join('\n') ?? '';
    expect(notes).toContain(
      'Not proposed: 3 layers: layer map "uniform" cannot map 3 student layers onto 4 teacher layers.',
    );
    expect(notes).toContain(`model: { type: bert, layers: ${report.proposals[0]?.model.layers}, `);
    expect(measured.timing).toMatchObject({
      batch: 1,
      length: 24,
      students: report.proposals.map(({ name }) => ({ name })),
    });
  });

  test('can be another, and is the same byte by byte when it is counted again', async () => {
    const first = await design({ budget: { megabytes: 0.05 }, pick: 2 });
    const { proposals, picked } = await reportOf(first.outputs);
    expect(picked).toBe(proposals[1]?.name);
    const again = await design({ budget: { megabytes: 0.05 }, pick: picked });
    for (const output of ['student', 'report']) {
      expect(await digests(again.outputs[output] as string)).toEqual(await digests(first.outputs[output] as string));
    }
  });

  test('of another type, with labels, lengths and heads of its own', async () => {
    const { outputs } = await design({
      budget: { parameters: 50_000 },
      type: 'llama',
      heads: 4,
      labels: 5,
      max_length: 48,
      length: 8,
      proposals: 1,
    });
    const { proposals } = await reportOf(outputs);
    expect(proposals[0]?.model).toMatchObject({ type: 'llama', heads: 4, kv_heads: 4, max_length: 48, dropout: 0.1 });
  });
});

describe('time in the budget', () => {
  test('keeps what is slower out', async () => {
    await expect(design({ budget: { milliseconds: 1e-6 } })).rejects.toMatchObject({
      reason: 'no-student',
      message: expect.stringMatching(/1, 2, 3, 4 layers: 1x16 already takes \d+\.\d\d ms of 0\.000001, and the like$/),
      pointer: '/budget',
    });
  });

  test('goes on with what was measured before it was stopped', async () => {
    const root = join(folder, 'stopped');
    await mkdir(root);
    const options = withDefaults('design-student', {
      budget: { milliseconds: 1000, parameters: 30_000 },
      proposals: 2,
    });
    const stop = new AbortController();
    const { ctx, saved } = await makeContext({ options, inputs: inputs(), root, signal: stop.signal });
    const save: StepContext<never>['checkpoint']['save'] = async (name, fill) => {
      await ctx.checkpoint.save(name, fill);
      stop.abort();
    };
    const { run } = designStudent as StepDefinition<never>;
    await expect(run({ ...ctx, checkpoint: { ...ctx.checkpoint, save } })).rejects.toThrow('abort');
    expect(saved).toEqual(['measured']);
    // As if the first, the widest of its depth, had been slow: the decision is that of the figures that are kept.
    const file = join(root, 'checkpoints/measured/measured.json');
    const [[name]] = JSON.parse(await readFile(file, 'utf8')) as [[string]];
    await writeFile(file, JSON.stringify([[name, 1e9]]));
    const last = await makeContext({ options, inputs: inputs(), root });
    await run(last.ctx);
    const { proposals } = await reportOf(last.outputs);
    expect(proposals).toHaveLength(2);
    expect(proposals.map((one) => one.name)).not.toContain(name);
  });
});

describe('teachers that are no classifiers', () => {
  const save = async (name: string, changes: Parameters<typeof tinyConfig>[1]) => {
    const sizes = { layers: 2, hidden: 32, heads: 2, intermediate: 64, maxLength: 24, labels: 0, ...changes };
    const config = tinyConfig(corpus.tokenizer.vocabularySize, sizes);
    return { teacher: { kind: 'model', path: await makeTeacher(join(folder, name), corpus, config), from: name } };
  };
  const options = { budget: { parameters: 20_000 }, proposals: 1 };

  test('one that writes has students that write, judged by the next token', async () => {
    const given = await save('writer', { type: 'gpt2', head: 'language-model' });
    const { outputs, tables } = await runStep(designStudent, { options, inputs: given });
    expect((await reportOf(outputs)).proposals[0]?.model).toMatchObject({ type: 'gpt2' });
    for (const row of tables[0]?.rows ?? []) expect(Number(row.at(-1))).toBeGreaterThan(0);
  });

  test('one that tags has students that tag', async () => {
    const given = await save('tagger', { head: 'token-classifier', labels: 2 });
    const { measured } = await runStep(designStudent, { options, inputs: given });
    expect(measured.timing).toMatchObject({
      teacher: expect.any(Number),
      students: [{ milliseconds: expect.any(Number) }],
    });
  });

  test('one without a head: labels say what the student is for', async () => {
    const given = await save('encoder', { head: 'none' });
    await expect(runStep(designStudent, { options, inputs: given })).rejects.toMatchObject({ reason: 'labels' });
    const { tables } = await runStep(designStudent, { options: { ...options, labels: 3 }, inputs: given });
    expect(tables[0]?.rows.map((row) => row.at(-1))).toEqual(['–', expect.stringMatching(/^\d+\.\d\d$/)]);
  });

  test('one that is not made from scratch: the student’s type has to be said', async () => {
    const given = await save('other', { type: 'qwen2', head: 'language-model' });
    await expect(runStep(designStudent, { options, inputs: given })).rejects.toMatchObject({
      message: 'the teacher is a qwen2, which cannot be made from scratch',
    });
    const { outputs } = await runStep(designStudent, { options: { ...options, type: 'llama' }, inputs: given });
    expect((await reportOf(outputs)).proposals[0]?.model).toMatchObject({ type: 'llama', kv_heads: 2 });
  });
});

test('what cannot be designed', async () => {
  await expect(design({ budget: { parameters: 50_000 }, pick: '9x9' })).rejects.toMatchObject({ pointer: '/pick' });
  await expect(design({ budget: { parameters: 50_000 }, length: 25 })).rejects.toMatchObject({
    message: 'length is 25, but the student reads 24 tokens of a text',
    pointer: '/length',
  });
  expect(() => withDefaults('design-student', { budget: {} })).toThrow('at least 1 key');
  expect(() => withDefaults('design-student', { budget: { parameters: 9 }, pick: 'best' })).toThrow(
    "a proposal's number or name, such as 4x128",
  );
  const words = join(folder, 'words');
  await mkdir(words);
  await writeFile(join(words, 'recipe.json'), '{"type": "logistic"}');
  const bag = { teacher: { kind: 'model', path: words, from: 'bag' } };
  const options = { budget: { parameters: 50_000 } };
  await expect(runStep(designStudent, { options, inputs: bag })).rejects.toMatchObject({ reason: 'no-layers' });
});
