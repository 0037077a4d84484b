import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeDataset } from '../../src/data/dataset.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { loadPredictor } from '../../src/models/index.js';
import type { MatchReport } from '../../src/report/matching.js';
import { rankingOf, ranksOf } from '../../src/report/ranking.js';
import { readRowAnswers, rowStatistic } from '../../src/report/row-answers.js';
import { cacheLogits } from '../../src/steps/cache-logits.js';
import { evaluateMatching } from '../../src/steps/evaluate-matching.js';
import { MATCHES, madeUpTopics } from '../train/matching.js';
import { LABELS, makeCorpus, randomParameters, sharedFolder, tinyConfig } from '../train/rig.js';
import { digests, type InputGiven, runStep } from './context.js';

describe('evaluate-matching', async () => {
  const folder = await sharedFolder();
  const listed = madeUpTopics(30, 'test').map((row, i) => ({
    ...row,
    fields: { pair: row.fields?.pair as string, ...(i >= 15 && { list: `l${Math.floor(i / 3) % 2}` }) },
  }));
  const rows = [...listed, { ...madeUpTopics(1, 'more')[0], label: null } as never];
  const data = { kind: 'dataset', path: join(folder, 'pairs') };
  const models: Record<string, InputGiven> = {};

  beforeAll(async () => {
    await mkdir(data.path);
    await writeDataset(data.path, MATCHES, rows);
    const texts = madeUpTopics(30, 'test').map(({ fields, ...row }) => ({
      ...row,
      text: `${row.text} ${fields?.pair}`,
      label: null,
    }));
    const { tokenizer, tokenizerFolder } = await makeCorpus(folder, texts);
    const config = tinyConfig(tokenizer.vocabularySize);
    const kinds: Record<string, TransformerConfig> = {
      vectors: { ...config, head: 'embedding' },
      other: { ...config, head: 'embedding' },
      both: { ...config, pairs: true },
      single: config,
    };
    for (const [seed, [name, config]] of Object.entries(kinds).entries()) {
      const path = join(folder, name);
      await mkdir(path);
      const parameters = randomParameters(config, seed);
      const labels = name === 'single' ? LABELS : MATCHES;
      const similarity = config.head === 'embedding' ? { scale: 8, bias: -6 } : undefined;
      await saveTransformer(
        path,
        { config, labels, parameters },
        tokenizerFolder,
        { rows: 9, labelled: 9 },
        undefined,
        similarity,
      );
      models[name] = { kind: 'model', path, from: name };
    }
  });

  it('sets models of both kinds beside each other', async () => {
    const { vectors, other, both } = models as Record<string, InputGiven>;
    const inputs = {
      data,
      teacher: both as InputGiven,
      students: [vectors as InputGiven],
      baseline: other as InputGiven,
    };
    const { outputs, tables, measured } = await runStep(evaluateMatching, { options: { title: 'Topics' }, inputs });
    const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as MatchReport;
    expect(report.test).toEqual({ rows: 90, unlabelled: 1, asked: 30, rivals: 2 });
    expect(report.models.map(({ name, role, vectors }) => [name, role, vectors])).toEqual([
      ['both', 'teacher', false],
      ['vectors', 'student', true],
      ['other', 'baseline', true],
    ]);
    const labelled = rows.filter(({ label }) => label !== null);
    for (const model of report.models) {
      const predictor = await loadPredictor(models[model.name]?.path as string, 'onnx', 2);
      const logits = await predictor.predict(
        labelled.map(({ text }) => text),
        labelled.map(({ fields }) => fields?.pair as string),
      );
      await predictor.close();
      const pairs = labelled.map(({ text, label }, i) => ({
        text,
        belongs: label === 'yes',
        score: (logits[2 * i + 1] as number) - (logits[2 * i] as number),
      }));
      expect(model).toMatchObject({ mrr: rankingOf(pairs).mrr, recall_at_1: rankingOf(pairs).recallAt1 });
      const right = pairs.filter(({ belongs, score }) => belongs === score > 0);
      expect(model.accuracy).toBeCloseTo(right.length / 90, 12);
      const given = pairs.filter(({ score }) => score > 0).length;
      expect(model.f1).toBeCloseTo((2 * right.filter(({ belongs }) => belongs).length) / (given + 30), 12);
    }
    const [teacher, student] = report.models;
    expect(student?.retention).toBeCloseTo((student?.mrr as number) / (teacher?.mrr as number), 12);
    expect(tables[0]?.rows.map(([name]) => name)).toEqual(['both (teacher)', 'vectors', 'other (baseline)']);
    expect(tables[0]?.notes[0]).toContain(
      '90 test pairs; 1 without a label left out. 30 are sought, each among 2.0 others',
    );
    expect(Object.keys(measured)).toEqual(['timing']);
    const again = await runStep(evaluateMatching, { options: { title: 'Topics' }, inputs });
    expect(await digests(again.outputs.report as string)).toEqual(await digests(outputs.report as string));
  });

  it('has slices, the worst ranks to read, and each text’s ranks for recipe compare', async () => {
    const { vectors, both } = models as Record<string, InputGiven>;
    const inputs = { data, teacher: both as InputGiven, students: [vectors as InputGiven] };
    const options = { title: 'Topics', slices: ['list'] };
    const { outputs, tables } = await runStep(evaluateMatching, { options, inputs });
    const read = (file: string) => readFile(join(outputs.report as string, file), 'utf8');
    const report = JSON.parse(await read('report.json')) as MatchReport;
    const scores = (await read('scores.jsonl'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { scores: Record<string, number> });
    const scoredBy = (name: string) =>
      listed.map(({ text, label }, i) => ({
        text,
        belongs: label === 'yes',
        score: scores[i]?.scores[name] as number,
      }));

    const [by] = report.slices;
    expect(by?.slices.map(({ value, of, rows }) => [value ?? of, rows])).toEqual([
      ['l1', 13],
      ['l0', 12],
      ['without', 5],
    ]);
    for (const [m, name] of ['both', 'vectors'].entries()) {
      const own = scoredBy(name).filter((_, i) => listed[i]?.fields.list === 'l0');
      expect(by?.slices[1]?.models[m]?.value).toBeCloseTo(rankingOf(own).mrr as number, 9);
    }
    expect(tables[1]).toMatchObject({ title: 'Topics: MRR by list' });
    expect(tables[1]?.rows[0]?.slice(0, 2)).toEqual(['l1', '13*']);

    const [teacher, student] = report.models;
    const ranks = ranksOf(scoredBy('vectors'));
    const wrong = ranks.filter(({ rank }) => rank > 1);
    expect(student?.worst_errors).toHaveLength(Math.min(20, wrong.length));
    const found = student?.worst_errors.map(({ rank }) => rank) ?? [];
    expect(found).toEqual(
      wrong
        .map(({ rank }) => rank)
        .sort((a, b) => b - a)
        .slice(0, 20),
    );
    for (const { id, text, truth, answer, rank, candidates, teacher: above } of student?.worst_errors ?? []) {
      const own = ranks.find(({ row }) => listed[row]?.id === id);
      expect([text, truth]).toEqual([listed[own?.row as number]?.text, listed[own?.row as number]?.fields.pair]);
      expect([rank, candidates]).toEqual([own?.rank, 3]);
      const first = listed.findIndex((row) => row.text === text && row.fields.pair === answer);
      expect(scores[first]?.scores.vectors).toBe(
        Math.max(...(own?.rivals ?? []).map((rival) => scores[rival]?.scores.vectors as number)),
      );
      const place = ranksOf(scoredBy('both')).find(({ row }) => row === own?.row);
      expect(above).toMatchObject({ rank: place?.rank });
    }
    expect(teacher?.worst_errors[0]?.teacher).toBeNull();

    const answers = readRowAnswers(await read('predictions.jsonl'));
    expect(answers.ids).toHaveLength(30);
    const all = Int32Array.from(answers.ids.keys());
    for (const [m, model] of report.models.entries()) {
      expect(rowStatistic('mrr', answers, m, [])?.(all)).toBeCloseTo(model.mrr as number, 12);
      expect(model.mrr_interval?.low).toBeLessThan(model.mrr as number);
      expect(model.mrr_interval?.high).toBeGreaterThan(model.mrr as number);
    }
    await expect(runStep(evaluateMatching, { options: { slices: ['lst'] }, inputs })).rejects.toMatchObject({
      reason: 'no-field',
      pointer: '/slices/0',
    });
  });

  it('takes a teacher’s stored answers', async () => {
    const cached = await runStep(cacheLogits, {
      options: { dtype: 'float32' },
      inputs: { teacher: models.vectors as InputGiven, data },
    });
    const answers = { kind: 'logits', path: cached.outputs.logits as string, from: 'oracle' };
    const inputs = { data, answers, students: [models.vectors as InputGiven] };
    const { outputs, tables } = await runStep(evaluateMatching, { options: {}, inputs });
    const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as MatchReport;
    const [oracle, student] = report.models;
    expect(oracle).toMatchObject({ name: 'oracle', role: 'teacher', parameters: null, mrr: student?.mrr });
    expect(student?.retention).toBe(1);
    expect(tables[0]?.rows[0]?.slice(0, 1)).toEqual(['oracle (teacher)']);
    const teacher = models.both as InputGiven;
    await expect(runStep(evaluateMatching, { options: {}, inputs: { ...inputs, teacher } })).rejects.toMatchObject({
      reason: 'two-teachers',
    });
  });

  it('refuses models that compare nothing, and data that says nothing', async () => {
    const refused = (given: Record<string, InputGiven | InputGiven[]>) =>
      expect(
        runStep(evaluateMatching, {
          options: {},
          inputs: { data, students: [models.vectors as InputGiven], ...given },
        }),
      ).rejects;
    await refused({ students: [models.single as InputGiven] }).toMatchObject({
      message: 'the model of "single" reads one text at a time and compares none',
    });
    const other = { kind: 'dataset', path: join(folder, 'other-data') };
    await mkdir(other.path);
    await writeDataset(other.path, ['a', 'b', 'c'], rows.slice(90));
    await refused({ data: other }).toMatchObject({ reason: 'labels' });
    await writeDataset(other.path, ['a', 'b'], rows.slice(90));
    await refused({ data: other }).toMatchObject({ reason: 'too-few-rows' });
    const renamed = rows.slice(0, 4).map((row) => ({ ...row, label: 'b' }));
    await writeDataset(other.path, ['a', 'b'], renamed);
    await refused({ data: other }).toMatchObject({
      message: 'the model of "vectors" has the labels "no", "yes", and the data "a", "b"',
    });
  });
});
