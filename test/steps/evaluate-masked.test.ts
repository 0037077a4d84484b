import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { saveTransformer } from '../../src/models/checkpoint.js';
import type { MaskedReport } from '../../src/report/masked.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { madeUpRows, makeCorpus, makeTeacher, randomParameters, sharedFolder, tinyConfig } from '../train/rig.js';
import { digests, type InputGiven, runStep } from './context.js';

describe('evaluate, masked language models', async () => {
  const folder = await sharedFolder();
  const corpus = await makeCorpus(folder, madeUpRows(80, 12));
  const data: InputGiven = { kind: 'dataset', path: corpus.data };
  const vocabulary = corpus.tokenizer.vocabularySize;

  /** One that finds every token as likely as any other. */
  async function uniform(name: string): Promise<InputGiven> {
    const config = tinyConfig(vocabulary, { head: 'masked-language-model', labels: 0 });
    const parameters = randomParameters(config);
    for (const { data: numbers } of Object.values(parameters)) numbers.fill(0);
    const path = join(folder, name);
    await mkdir(path);
    const trainedOn = { rows: 80, labelled: 0 };
    await saveTransformer(path, { config, labels: [], parameters }, corpus.tokenizerFolder, trainedOn);
    return { kind: 'model', path, from: name };
  }
  const run = (inputs: Record<string, InputGiven | InputGiven[]>, options: JsonObject = {}) =>
    runStep(evaluate, { options: { task: 'masked-language-model', ...options }, inputs: { data, ...inputs } });
  const trained = await runStep(train, {
    options: {
      task: 'masked-language-model',
      model: { type: 'bert', layers: 1, hidden: 16, heads: 2, max_length: 40 },
      stages: [{ objectives: ['masked-lm'], updates: 12, learning_rate: 0.01, validate: { metric: 'perplexity' } }],
    },
    inputs: { data, validation: data, tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder } },
    root: join(folder, 'trained'),
  });
  const student: InputGiven = { kind: 'model', path: trained.outputs.model as string, from: 'student' };

  it('compares them by the same hidden tokens, as training judged them', async () => {
    const baseline = await uniform('blank');
    const found = await run({ students: student, baseline });
    const report = JSON.parse(
      await readFile(join(found.outputs.report as string, 'report.json'), 'utf8'),
    ) as MaskedReport;
    const [first, blank] = report.models;
    expect(blank?.loss.value).toBeCloseTo(Math.log(vocabulary), 5);
    expect(blank?.perplexity).toBeCloseTo(vocabulary, 2);
    expect(first?.tokens).toBe(blank?.tokens);
    const judged = trained.logs.flatMap(({ message }) => /perplexity ([\d.]+)/.exec(message)?.[1] ?? []).map(Number);
    expect(first?.perplexity).toBeCloseTo(Math.min(...judged), 3);
    const ahead = blank?.first_student_ahead;
    expect(ahead?.value).toBeCloseTo((first?.loss.value as number) - Math.log(vocabulary), 5);
    expect(ahead?.interval?.high).toBeLessThan(0);
    expect(found.tables[0]?.columns.map(({ label }) => label)).toContain('student minus it [95 %]');
    expect(found.tables[0]?.rows.map(([name]) => name)).toEqual(['student', 'blank (baseline)']);
    const again = await run({ students: student, baseline });
    expect(await digests(again.outputs.report as string)).toEqual(await digests(found.outputs.report as string));
  });

  it('refuses to compare them with what tells labels apart, or by labels', async () => {
    const config = tinyConfig(vocabulary);
    const classifier = { kind: 'model', path: await makeTeacher(folder, corpus, config), from: 'classifier' };
    await expect(run({ students: [student, classifier] })).rejects.toMatchObject({ reason: 'no-masked-model' });
    await expect(run({ students: student }, { task: 'classification' })).rejects.toThrow('has no classifier');
    expect(
      evaluate.problems?.({ task: 'masked-language-model', students: '', expect: { macro_f1: '> 0.5' } } as never, []),
    ).toMatchObject([
      {
        pointer: '/expect/macro_f1',
        message: '"expect" names macro_f1, and task "masked-language-model" has no expectations',
      },
    ]);
  });
});
