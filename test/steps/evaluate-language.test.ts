import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, writeDataset } from '../../src/data/dataset.js';
import type { LanguageReport } from '../../src/report/language.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { evaluateProblems } from '../../src/steps/evaluate-problems.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { sharedFolder } from '../train/rig.js';
import { makeWriting, rowsToAnswer } from '../train/writing.js';
import { digests, type InputGiven, runStep } from './context.js';

describe('evaluate, language models', async () => {
  const folder = await sharedFolder();
  const all = rowsToAnswer(80);
  let [tokenizer, data, learnt] = ['', '', ''];
  const given = (kind: string, path: string, from = kind): InputGiven => ({ kind, path, from });
  const dataset = async (name: string, rows: readonly Row[]): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    await writeDataset(path, [], rows);
    return path;
  };
  beforeAll(async () => {
    ({ tokenizer } = await makeWriting(folder, all));
    data = await dataset('test', all.slice(64));
    learnt = await dataset('train', all.slice(0, 64));
  });
  const trained = async (name: string, options: JsonObject): Promise<InputGiven> => {
    const { outputs } = await runStep(train, {
      options: {
        task: 'generation',
        model: { type: 'gpt2', layers: 1, hidden: 16, heads: 2, max_length: 40 },
        ...options,
      },
      inputs: { data: given('dataset', learnt), tokenizer: given('tokenizer', tokenizer) },
      root: join(folder, name),
    });
    return given('model', outputs.model as string, name);
  };
  const run = async (inputs: Record<string, InputGiven>) => {
    const found = await runStep(evaluate, {
      options: { task: 'generation' },
      inputs: { data: given('dataset', data), ...inputs },
    });
    const text = await readFile(join(found.outputs.report as string, 'report.json'), 'utf8');
    return { ...found, ...(JSON.parse(text) as LanguageReport) };
  };
  const stage = (more: JsonObject): JsonObject => ({ objectives: ['hard-label'], learning_rate: 0.003, ...more });

  it('counts the bits of whole texts a byte, beside trigrams of the same tokens', async () => {
    const teacher = await trained('teacher', { learn_from: 'text', stages: [stage({ updates: 8 })] });
    const found = await run({ teacher, ngram_data: given('dataset', learnt) });
    const [model, trigrams] = found.models;
    expect(trigrams).toMatchObject({ name: 'Kneser–Ney trigrams', role: 'baseline', trained_on: { rows: 64 } });
    expect(trigrams?.tokens).toBe(model?.tokens);
    // What is not told is a text's first token: "the", or "t".
    const bytes = all.slice(64).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    expect(model?.text_bytes).toBeLessThan(bytes);
    expect(model?.text_bytes).toBeGreaterThan(bytes - 4 * 16);
    expect(model?.bits_per_byte.value).toBeCloseTo(
      ((model?.loss as number) * (model?.tokens as number)) / Math.LN2 / (model?.text_bytes as number),
      10,
    );
    // Eight updates teach little of sentences that trigrams know by heart but for four words and a number.
    expect(trigrams?.bits_per_byte.value).toBeLessThan(1);
    expect(trigrams?.first_ahead?.interval?.low).toBeGreaterThan(0);
    expect(found.tables[0]?.rows.map(([name]) => name)).toEqual(['teacher', 'Kneser–Ney trigrams (baseline)']);
    const again = await run({ teacher, ngram_data: given('dataset', learnt) });
    expect(await digests(again.outputs.report as string)).toEqual(await digests(found.outputs.report as string));
  });

  it('counts responses alone where the model has a prompt', async () => {
    const students = await trained('student', { prompt: '{{text}}:', stages: [stage({ updates: 8 })] });
    const { models } = await run({ students });
    const bytes = all.slice(64).reduce((sum, { responses }) => sum + Buffer.byteLength(responses?.[0] as string), 0);
    expect(models[0]?.text_bytes).toBe(bytes);
  });

  it('n-grams are for language models', () => {
    const options = { task: 'classification', students: 'x', ngram_data: 'y' } as const;
    expect(evaluateProblems(options)).toMatchObject([{ pointer: '/ngram_data' }]);
    expect(evaluateProblems({ ...options, task: 'generation' })).toEqual([]);
  });
});
