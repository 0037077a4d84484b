import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner, type TensorFunction } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { forward } from '../../src/models/forward.js';
import { padTokens } from '../../src/models/padding.js';
import { loadWriter } from '../../src/models/writer.js';
import { rougeL } from '../../src/report/rouge.js';
import { readRowAnswers } from '../../src/report/row-answers.js';
import { evaluateResponses } from '../../src/steps/evaluate-responses.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { sharedFolder } from '../train/rig.js';
import { makeWriting, rowsToAnswer } from '../train/writing.js';
import { digests, runStep, temporaryFolder } from './context.js';

describe('evaluate-responses', async () => {
  const folder = await sharedFolder();
  const rows = rowsToAnswer(24);
  let students: { kind: string; path: string; from: string }[];
  let data: { kind: string; path: string };

  const dataset = async (given: readonly Row[]) => {
    const path = await temporaryFolder();
    await writeDataset(path, [], given);
    return { kind: 'dataset', path };
  };
  beforeAll(async () => {
    const made = await makeWriting(folder, rows);
    data = { kind: 'dataset', path: made.data };
    students = [];
    for (const updates of [60, 2]) {
      const { outputs } = await runStep(train, {
        options: {
          task: 'generation',
          model: { type: 'gpt2', layers: 1, hidden: 32, heads: 2, max_length: 40, dropout: 0 },
          batch_size: 8,
          stages: [{ objectives: ['hard-label'], updates, learning_rate: 0.01 }],
        },
        inputs: { data, tokenizer: { kind: 'tokenizer', path: made.tokenizer } },
        root: join(folder, `student-${updates}`),
      });
      students.push({ kind: 'model', path: outputs.model as string, from: `after-${updates}` });
    }
  });
  const run = (options: JsonObject = {}, more: Record<string, { kind: string; path: string; from: string }> = {}) =>
    runStep(evaluateResponses, { options: { max_tokens: 12, ...options }, inputs: { data, students, ...more } });

  it('sets students against each other, the teacher’s stored responses and the first line', async () => {
    const stored = rows.slice(1).map((row, i) => ({ ...row, responses: i % 2 ? (row.responses ?? []) : ['no'] }));
    const teacher_data = { ...(await dataset(stored)), from: 'oracle' };
    const { outputs, tables, measured } = await run(
      { baselines: ['first-line', { type: 'first-line', field: 'kind' }], slices: ['kind'] },
      { teacher_data },
    );
    const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8'));
    expect(report.models.map(({ name }: { name: string }) => name)).toEqual([
      'oracle',
      'after-60',
      'after-2',
      'first line',
      'first line of kind',
    ]);
    const [oracle, good, bad, first, kind] = report.models;
    expect(oracle).toMatchObject({ exact_match: 11 / 24, unanswered: 1, parameters: null });
    expect(good.rouge_l.value).toBeGreaterThan(0.8);
    expect(bad.rouge_l.value).toBeLessThan(0.3);
    expect(good.loss).toBeLessThan(bad.loss);
    expect(good).toMatchObject({ type: 'gpt2', trained_on: 24, perplexity: Math.exp(good.loss) });
    expect(first.rouge_l.value).toBeCloseTo(
      rows.reduce((sum, { text }) => sum + 4 / (2 + text.split(' ').length), 0) / 24,
      9,
    );
    expect(kind.rouge_l.value).toBe(0);
    expect(bad.first_student_ahead.value).toBeCloseTo(good.rouge_l.value - bad.rouge_l.value, 12);
    expect(bad.first_student_ahead.interval.low).toBeGreaterThan(0);
    const samples = (await readFile(join(outputs.report as string, 'samples.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(samples).toHaveLength(24);
    const sample = JSON.parse(samples[0] as string);
    expect(sample).toMatchObject({ id: rows[0]?.id, references: rows[0]?.responses });
    expect(sample.responses[0]).toEqual({ model: 'oracle', response: null });
    const worst = bad.worst_errors as { id: string; text: string; truth: string; answer: string; rouge_l: number }[];
    expect(worst).toHaveLength(20);
    expect(worst.map(({ rouge_l }) => rouge_l)).toEqual(worst.map(({ rouge_l }) => rouge_l).sort((a, b) => a - b));
    for (const { id, text, truth, answer, rouge_l } of worst) {
      const row = rows.find((row) => row.id === id) as Row;
      expect([text, [truth]]).toEqual([row.text, row.responses]);
      expect(rougeL(truth, answer)).toBe(rouge_l);
    }
    const answers = readRowAnswers(await readFile(join(outputs.report as string, 'predictions.jsonl'), 'utf8'));
    expect(answers.answers.map((own) => own.length)).toEqual([24, 24, 24, 24, 24]);
    const [by] = report.slices;
    expect(by.slices).toMatchObject([
      { value: 'note', rows: 24, models: [{}, { value: good.rouge_l.value }, {}, {}, {}] },
    ]);
    expect(tables[1]).toMatchObject({ title: 'Evaluation: Rouge-L by kind' });
    expect(tables[0]?.rows).toHaveLength(5);
    expect((measured.timing as { models: { median_ms?: number }[] }).models[1]?.median_ms).toBeGreaterThan(0);
    expect(
      (measured.timing as { models: { tokens?: number }[] }).models.map(({ tokens }) => (tokens ?? 0) > 23),
    ).toEqual([false, true, true, false, false]);
    expect(await digests((await run({}, { teacher_data })).outputs.report as string)).toEqual(
      await digests((await run({}, { teacher_data })).outputs.report as string),
    );
  });

  it('the loss is that of the whole prompt and response in one pass', async () => {
    const path = students[0]?.path as string;
    const writer = await loadWriter(path, 'onnx', 1);
    const runner = await createRunner('onnx', 1);
    try {
      const row = rows[3] as Row;
      const [surprise] = await writer.surprises([{ row, response: 'blue cup' }], async () => {});
      const { config, parameters } = await loadTransformer(path);
      const tokenizer = await loadTokenizer(path);
      const [prompt] = await tokenizer.encodeWhole([`${row.text}\n`], 'prompt');
      const [response] = await tokenizer.encodeWhole(['blue cup'], 'continuation');
      const ids = Int32Array.from([...(prompt as Int32Array), ...(response as Int32Array), 0]);
      const call: TensorFunction['call'] = (p, { ids, mask }) => ({
        logits: forward(config, p, { ids: ids as Tensor, mask: mask as Tensor, dropout: [], lastTokens: 'all' }).logits,
      });
      const { logits } = await runner.forward({ key: 'all', call }, parameters, padTokens([ids], 1, ids.length, 0));
      let loss = 0;
      for (let at = (prompt as Int32Array).length; at < ids.length; at++) {
        const own = Array.from((logits as Float32Array).subarray((at - 1) * config.vocabulary, at * config.vocabulary));
        loss += Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0)) - (own[ids[at] as number] as number);
      }
      expect(surprise?.tokens).toBe((response as Int32Array).length + 1);
      expect(surprise?.loss).toBeCloseTo(loss, 3);
    } finally {
      await writer.close();
      await runner.release();
    }
  });

  it('says what is missing', async () => {
    const bare = { id: rowId('a'), text: 'a', label: null };
    await expect(run({}, { data: { ...(await dataset([bare, bare])), from: 'corpus' } })).rejects.toMatchObject({
      reason: 'no-references',
      message: 'none of the 2 rows to evaluate on has a response to compare with',
    });
    await expect(run({ baselines: [{ type: 'first-line', field: 'body' }] })).rejects.toThrow(
      'copies the field "body"',
    );
    await expect(run({ slices: ['knid'] })).rejects.toMatchObject({ reason: 'no-field', pointer: '/slices/0' });
    await expect(run({ max_tokens: 40 })).rejects.toThrow('a model that reads 40 tokens cannot write 40 to a prompt');
    const teacher_data = { ...(await dataset([bare])), from: 'strangers' };
    await expect(run({}, { teacher_data })).rejects.toMatchObject({ reason: 'no-responses' });
  });
});
