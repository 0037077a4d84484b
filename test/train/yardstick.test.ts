import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeDataset } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import { loadEmbedder } from '../../src/models/embedders.js';
import { loadPredictor } from '../../src/models/index.js';
import { denseRows } from '../../src/models/linear-probe.js';
import { fitSoftmax } from '../../src/models/logistic/fit.js';
import { logitsOf, trainLogistic } from '../../src/models/logistic.js';
import { softmax } from '../../src/report/metrics.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { expectClose } from '../backend/rig.js';
import { digests, type InputGiven, runStep, type TestContext, temporaryFolder } from '../steps/context.js';
import { type Corpus, capture, LABELS, madeUpRows, makeCorpus, makeTeacher, sharedFolder } from './rig.js';

const PROBE = { type: 'logistic', features: 'embeddings' };

describe('a logistic model', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let teacher: string;
  let logits: string;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(60, 20));
    teacher = await makeTeacher(folder, corpus);
    logits = (await capture(join(folder, 'cache'), corpus, teacher, {})).outputs.logits as string;
  });

  const run = (
    model: JsonObject,
    inputs: Record<string, InputGiven> = {},
    more: JsonObject = {},
  ): Promise<TestContext> =>
    runStep(train, {
      options: { model, ...more },
      inputs: { data: { kind: 'dataset', path: corpus.data }, ...inputs },
    });
  const init = (): InputGiven => ({ kind: 'model', path: teacher });
  const said = (): InputGiven => ({ kind: 'logits', path: logits });
  const about = async (model: string): Promise<JsonObject> =>
    JSON.parse(await readFile(join(model, 'recipe.json'), 'utf8')) as JsonObject;

  it('learns from a teacher’s probabilities of all rows', async () => {
    const { outputs } = await run({ type: 'logistic', l2: 0.1 }, { teacher: said() });
    const cache = await LogitsCache.open(logits);
    const targets = corpus.rows.flatMap(({ id }) => softmax(cache.classLogits(id)));
    cache.close();
    const texts = corpus.rows.map((row) => row.text);
    const options = {
      word_ngrams: 2,
      min_count: 2,
      max_features: 200_000,
      max_words: null,
      lowercase: true,
      l2: 0.001,
    };
    const same = await trainLogistic({ texts, targets: Float32Array.from(targets), labels: LABELS, options });
    const predictor = await loadPredictor(outputs.model as string, 'onnx', 1);
    const answers = await predictor.predict(texts);
    // Nearer to what the teacher says than its label alone would be.
    texts.forEach((_, i) => {
      expect(
        Math.abs((softmax(answers.slice(2 * i, 2 * i + 2))[0] as number) - (targets[2 * i] as number)),
      ).toBeLessThan(0.2);
    });
    expect(predictor.parameters).toBe(same.weight.length + 1);
    expect((await about(outputs.model as string)).trained_on).toEqual({ rows: 60, labelled: 40 });
  });

  it('learns on hashed words and characters, from labels and from a teacher', async () => {
    const hashed = { type: 'logistic', features: 'hashed', char_ngrams: [3, 4], buckets: 4096 };
    const [alone, taught] = [await run(hashed), await run({ ...hashed, l2: 0.1 }, { teacher: said() })];
    const models = [alone, taught].map(({ outputs }) => outputs.model as string) as [string, string];
    expect(await about(models[0])).toMatchObject({
      type: 'hashed-logistic',
      options: { word_ngrams: 2, char_ngrams: [3, 4], buckets: 4096, max_words: null, lowercase: true, l2: 0.001 },
      trained_on: { rows: 40, labelled: 40 },
    });
    expect((await about(models[1])).trained_on).toEqual({ rows: 60, labelled: 40 });
    const judged = await runStep(evaluate, {
      options: {},
      inputs: {
        data: { kind: 'dataset', path: corpus.data },
        students: models.map((path) => ({ kind: 'model', path })),
      },
    });
    expect(judged.tables[0]?.rows.map((row) => row[1])).toEqual(['1.0000', expect.stringMatching(/^[01]\./)]);
    // It teaches, too.
    const cached = await capture(join(folder, 'hashed cache'), corpus, models[0], {});
    const cache = await LogitsCache.open(cached.outputs.logits as string);
    const { id, text } = corpus.rows[5] as (typeof corpus.rows)[number];
    const predictor = await loadPredictor(models[0], 'onnx', 1);
    expectClose(cache.classLogits(id), await predictor.predict([text]), 'cached logits', 1e-3);
    cache.close();
    await expect(run(hashed, { init: init() })).rejects.toThrow('a logistic model takes no "init"');
  });

  it('finds the teacher’s labels in another order, and refuses other labels', async () => {
    const data = await temporaryFolder();
    await writeDataset(data, ['spam', 'ham'], corpus.rows);
    const turned = await run({ type: 'logistic', l2: 0.1 }, { teacher: said(), data: { kind: 'dataset', path: data } });
    const straight = await run({ type: 'logistic', l2: 0.1 }, { teacher: said() });
    const text = [corpus.rows[3]?.text as string];
    const [a, b] = await Promise.all(
      [turned, straight].map(async ({ outputs }) =>
        softmax(await (await loadPredictor(outputs.model as string, 'onnx', 1)).predict(text)),
      ),
    );
    expectClose(a, [...(b as number[])].reverse(), 'probabilities', 1e-4);
    const other = await temporaryFolder();
    await writeDataset(other, ['spam', 'ham', 'news'], corpus.rows);
    await expect(
      run({ type: 'logistic' }, { teacher: said(), data: { kind: 'dataset', path: other } }),
    ).rejects.toMatchObject({
      message: "the teacher's labels are ham, spam, the data's spam, ham, news",
    });
  });

  it('learns on an encoder’s embeddings, and answers through it', async () => {
    const { outputs, logs } = await run(PROBE, { init: init() });
    const model = outputs.model as string;
    expect(logs[0]?.message).toMatch(/^l2 [\d.]+: held-out cross-entropy 0\.\d{4} \(others: .* 0\.\d{4}\)$/);
    const { type, options, trained_on } = (await about(model)) as {
      type: string;
      options: { l2: number };
      trained_on: JsonObject;
    };
    expect([type, trained_on]).toEqual(['linear-probe', { rows: 40, labelled: 40 }]);

    const labelled = corpus.rows.filter((row) => row.label !== null);
    const encoder = await loadEmbedder(teacher, 'onnx', 2);
    const vectors = await encoder.embed(labelled.map((row) => row.text));
    const problem = {
      rows: denseRows(vectors, encoder.width),
      features: encoder.width,
      labels: 2,
      targets: Float32Array.from(labelled.flatMap(({ label }) => LABELS.map((each) => Number(each === label)))),
      weights: new Float32Array(labelled.length).fill(1),
    };
    const fit = await fitSoftmax({ ...problem, l2: options.l2 });
    const predictor = await loadPredictor(model, 'onnx', 2);
    expect(predictor).toMatchObject({ type: 'linear-probe', labels: LABELS, parameters: encoder.parameters + 13 });
    const answers = await predictor.predict(labelled.map((row) => row.text));
    expectClose(answers, logitsOf(problem.rows, { labels: LABELS, ...fit }), 'logits', 1e-3);
    await predictor.close();
    await encoder.close();

    const judged = await runStep(evaluate, {
      options: {},
      inputs: { data: { kind: 'dataset', path: corpus.data }, students: [{ kind: 'model', path: model }] },
    });
    expect(judged.tables).toHaveLength(1);
    expect(await digests((await run(PROBE, { init: init() })).outputs.model as string)).toEqual(await digests(model));
  });

  it('learns on embeddings from a teacher, with a penalty that is given', async () => {
    const { outputs, logs } = await run({ ...PROBE, l2: 0.5 }, { init: init(), teacher: said() });
    expect(logs).toEqual([]);
    expect(await about(outputs.model as string)).toMatchObject({
      options: { l2: 0.5 },
      trained_on: { rows: 60, labelled: 40 },
    });
  });

  it('teaches students of both kinds what an encoder and few labels know', async () => {
    const { outputs } = await run({ ...PROBE, l2: 0.1 }, { init: init() });
    const probe = outputs.model as string;
    const cached = await capture(join(folder, 'probe cache'), corpus, probe, {});
    const cache = await LogitsCache.open(cached.outputs.logits as string);
    const predictor = await loadPredictor(probe, 'onnx', 2);
    const { id, text } = corpus.rows[5] as (typeof corpus.rows)[number];
    expectClose(cache.classLogits(id), await predictor.predict([text]), 'cached logits', 1e-5);
    cache.close();
    await predictor.close();

    const answers = { teacher: { kind: 'logits', path: cached.outputs.logits as string } };
    const words = await run({ type: 'logistic', l2: 0.1 }, answers);
    const tokenizer = { kind: 'tokenizer', path: corpus.tokenizerFolder };
    const stages = [{ objectives: ['soft-label'], updates: 2 }];
    const bert = await run(
      { type: 'bert', layers: 1, hidden: 8, heads: 2, max_length: 20 },
      { ...answers, tokenizer },
      { stages },
    );
    for (const student of [words, bert]) {
      const { trained_on } = await about(student.outputs.model as string);
      expect(trained_on).toEqual({ rows: 60, labelled: 40 });
    }
  });

  it('says what is missing, or would be left aside', async () => {
    await expect(run(PROBE)).rejects.toMatchObject({
      reason: 'no-init',
      message: 'features: embeddings needs the input "init": the encoder',
    });
    const tokenizer = { kind: 'tokenizer', path: corpus.tokenizerFolder };
    await expect(run(PROBE, { init: init(), tokenizer })).rejects.toThrow(
      'a logistic model takes no "tokenizer": it is trained to its optimum',
    );
    await expect(run({ type: 'logistic' }, { init: init() })).rejects.toThrow('a logistic model takes no "init"');
    await expect(run({ ...PROBE, word_ngrams: 3 }, { init: init() })).rejects.toThrow('word_ngrams');
    await expect(run({ type: 'logistic', features: 'pixels' })).rejects.toThrow('features');
  });
});
