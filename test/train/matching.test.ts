import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { loadEmbedder } from '../../src/models/embedders.js';
import { loadPredictor } from '../../src/models/index.js';
import { areaUnderCurve, rankingOf } from '../../src/report/ranking.js';
import { train } from '../../src/steps/train.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import { groupsOf } from '../../src/train/candidates.js';
import { teacherFeeds } from '../../src/train/examples.js';
import { MatchExamples } from '../../src/train/match-examples.js';
import { MATCH } from '../../src/train/match-feeds.js';
import type { JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { digests, type InputGiven, makeContext, runStep, withDefaults } from '../steps/context.js';
import { MATCHES, madeUpTopics } from './matching.js';
import { capture, LABELS, madeUpRows, sharedFolder } from './rig.js';

const MODEL = { type: 'bert', layers: 1, hidden: 16, heads: 2, max_length: 16, dropout: 0.1 };
const STAGES = [{ objectives: ['in-batch-negatives'], updates: 60, learning_rate: 0.01, validate: { every: 20 } }];

const pair = (text: string, other: string, label: string | null): Row => {
  const fields = { pair: other };
  return { id: rowId(text, fields), text, label, fields };
};

describe('groups', () => {
  const rows = [
    pair('a', 'p1', 'yes'),
    pair('a', 'n1', 'no'),
    pair('b', 'q', null),
    pair('a', 'p2', 'yes'),
    pair('a', 'n2', 'no'),
    pair('a', 'n3', 'no'),
  ];

  it('deal out a text’s others among those that belong to it', () => {
    const found = groupsOf(rows, 'yes').map(({ text, candidates, answered }) => [
      text,
      candidates.map(({ fields }) => fields?.pair),
      answered,
    ]);
    expect(found).toEqual([
      ['a', ['p1', 'n1', 'n3'], true],
      ['a', ['p2', 'n2'], true],
      ['b', ['q'], false],
    ]);
  });

  it('are no larger where nothing is known', () => {
    const more = Array.from({ length: 7 }, (_, i) => pair('c', `c${i}`, null));
    const sizes = (given: readonly Row[]) => groupsOf(given, 'yes').map(({ candidates }) => candidates.length);
    expect(sizes([...rows, ...more])).toEqual([3, 2, 1, 3, 3, 1]);
    expect(sizes(Array.from({ length: 20 }, (_, i) => pair('c', `c${i}`, null)))).toEqual([8, 8, 4]);
  });
});

describe('a model that compares vectors', async () => {
  const folder = await sharedFolder();
  const datasets = Object.fromEntries(
    ['data', 'validation'].map((name) => [name, { kind: 'dataset', path: join(folder, name) }]),
  ) as Record<'data' | 'validation', { kind: string; path: string }>;
  const testRows = madeUpTopics(40, 'test');
  let tokenizer: { kind: string; path: string };
  let teacher: string;
  const given = (options: JsonObject, inputs: Record<string, InputGiven>, root: string) => ({
    options: { task: 'matching', batch_size: 16, model: MODEL, ...options },
    inputs: { data: datasets.data, tokenizer, ...inputs },
    root: join(folder, root),
  });

  beforeAll(async () => {
    for (const name of ['data', 'validation'] as const) {
      await mkdir(join(folder, name));
      await writeDataset(join(folder, name), MATCHES, madeUpTopics(name === 'data' ? 100 : 20, name));
    }
    const texts = { kind: 'dataset', path: join(folder, 'texts') };
    await mkdir(texts.path);
    const rows = madeUpTopics(40, 'texts').map(({ fields, ...row }) => ({
      ...row,
      text: `${row.text} ${fields?.pair}`,
    }));
    await writeDataset(texts.path, MATCHES, rows);
    const made = await runStep(trainTokenizer, {
      options: { vocabulary: 120 },
      inputs: { data: texts },
      root: join(folder, 'tokenizer'),
    });
    tokenizer = { kind: 'tokenizer', path: made.outputs.tokenizer as string };
    const { validation } = datasets;
    teacher = (await runStep(train, given({ stages: STAGES }, { validation }, 'teacher'))).outputs.model as string;
  }, 60_000);

  /** How well a model tells the test rows apart. */
  async function judged(model: string) {
    const predictor = await loadPredictor(model, 'onnx', 2);
    const logits = await predictor.predict(
      testRows.map(({ text }) => text),
      testRows.map(({ fields }) => fields?.pair as string),
    );
    const { labels, similarity } = predictor;
    await predictor.close();
    const pairs = testRows.map(({ text, label }, i) => {
      expect(logits[2 * i]).toBe(0);
      return { text, belongs: label === 'yes', score: logits[2 * i + 1] as number };
    });
    const right = pairs.filter(({ belongs, score }) => belongs === score > 0).length / pairs.length;
    return { ...rankingOf(pairs), auc: areaUnderCurve(pairs), right, labels, similarity };
  }

  it('finds what belongs together, and says from which cosine on', async () => {
    const found = await judged(teacher);
    expect(found).toMatchObject({ asked: 40, labels: MATCHES });
    expect(found.recallAt1).toBeGreaterThan(0.9);
    expect(found.auc).toBeGreaterThan(0.9);
    expect(found.right).toBeGreaterThan(0.9);
    const recipe = JSON.parse(await readFile(join(teacher, 'recipe.json'), 'utf8')) as JsonObject;
    expect(recipe).toMatchObject({
      type: 'bert',
      similarity: found.similarity,
      trained_on: { rows: 300, labelled: 300 },
    });
  });

  it('is a sentence encoder, with the vectors that are compared', async () => {
    const read = async (file: string) => JSON.parse(await readFile(join(teacher, file), 'utf8')) as JsonObject;
    expect(await read('config.json')).toMatchObject({ architectures: ['BertModel'] });
    expect(await read('1_Pooling/config.json')).toMatchObject({
      word_embedding_dimension: 16,
      pooling_mode_mean_tokens: true,
    });
    const encoder = await loadEmbedder(teacher, 'onnx', 2);
    const [row] = testRows as [Row];
    const vectors = await encoder.embed([row.text, row.fields?.pair as string]);
    await encoder.close();
    const dot = (a: number, b: number): number =>
      Array.from({ length: 16 }, (_, i) => (vectors[a * 16 + i] as number) * (vectors[b * 16 + i] as number)).reduce(
        (x, y) => x + y,
      );
    const cosine = dot(0, 1) / Math.sqrt(dot(0, 0) * dot(1, 1));
    const predictor = await loadPredictor(teacher, 'onnx', 2);
    const [, logit] = await predictor.predict([row.text], [row.fields?.pair as string]);
    await predictor.close();
    const { scale, bias } = predictor.similarity as { scale: number; bias: number };
    expect(logit).toBeCloseTo(scale * cosine + bias, 4);
  });

  it('teaches another by its cosines, its margins, its scores and its vectors', async () => {
    const kept = { dtype: 'float32', vectors: true } as const;
    const cached = await capture(join(folder, 'cache'), { data: datasets.data.path }, teacher, kept);
    const logits = { kind: 'logits', path: cached.outputs.logits as string };
    const cache = await LogitsCache.open(logits.path);
    const recipe = JSON.parse(await readFile(join(teacher, 'recipe.json'), 'utf8')) as JsonObject;
    expect(cache.index.teacher).toMatchObject({ name: 'bert', similarity: recipe.similarity });
    cache.close();
    for (const objective of ['cosine-mse', 'margin-mse', 'soft-label', 'in-batch-similarity']) {
      const stages = [{ objectives: [objective], updates: 60, learning_rate: 0.01 }];
      const options = { stages, model: { ...MODEL, dropout: 0 } };
      const student = await runStep(train, given(options, { teacher: logits }, objective));
      expect((await judged(student.outputs.model as string)).recallAt1, objective).toBeGreaterThan(0.9);
    }
  });

  it('is kept with its vectors, and these are fed with length 1', async () => {
    const few = join(folder, 'few');
    await mkdir(few);
    const rows = [pair('lunch', 'soup', 'yes'), pair('lunch', 'car', 'no'), pair('kettle', 'steam', null)];
    await writeDataset(few, MATCHES, rows);
    const { outputs } = await capture(join(folder, 'vectors'), { data: few }, teacher, { vectors: true });
    const cache = await LogitsCache.open(outputs.logits as string);
    const encoder = await loadEmbedder(teacher, 'onnx', 2);
    const of = (vectors: Float32Array | undefined, at: number): number[] => [
      ...(vectors ?? []).slice(at * 16, (at + 1) * 16),
    ];
    const expected = async (text: string, length?: number) => {
      const vector = await encoder.embed([text]);
      const norm = length ?? Math.hypot(...vector);
      return [...vector].map((x) => expect.closeTo(x / norm, 2));
    };
    expect(cache.index).toMatchObject({ vectors: 16, dtype: 'float16' });
    const stored = cache.pairVectors(rows[1]?.id as string);
    expect([of(stored, 0), of(stored, 1)]).toEqual([await expected('lunch', 1), await expected('car', 1)]);

    const config = { maxLength: 16, padId: 0 };
    const examples = await MatchExamples.encode(rows, ['no', 'yes'], await loadTokenizer(tokenizer.path), config);
    const wanted = { logits: false, hiddenStates: [], attention: [], vectors: true, temperature: 1 };
    const making = { caches: [cache], wanted: [wanted], partial: [false], random: () => new Random(1, 'none') };
    const { [teacherFeeds(0).texts]: texts, [teacherFeeds(0).candidates]: candidates } = examples.batch(
      { rows: [0, 1], length: 8 },
      3,
      making,
    );
    expect([texts?.shape, candidates?.shape]).toEqual([
      [3, 16],
      [6, 16],
    ]);
    const fed = (tensor: typeof texts, at: number) => of(tensor?.data as Float32Array, at);
    expect([fed(texts, 0), fed(texts, 1)]).toEqual([await expected('lunch'), await expected('kettle')]);
    expect([0, 1, 2].map((at) => fed(candidates, at))).toEqual([
      await expected('soup'),
      await expected('car'),
      await expected('steam'),
    ]);
    const nothing = new Array(16).fill(0);
    expect([fed(texts, 2), fed(candidates, 3), fed(candidates, 5)]).toEqual([nothing, nothing, nothing]);
    await encoder.close();
    cache.close();
  });

  it('can be a frozen encoder, of which the threshold alone is learnt', async () => {
    const probe = (options: JsonObject, inputs: Record<string, InputGiven>, root: string) =>
      runStep(train, {
        options: { task: 'matching', model: { type: 'logistic', features: 'similarity' }, ...options },
        inputs: { data: datasets.validation, ...inputs },
        root: join(folder, root),
      });
    const init = { kind: 'model', path: teacher };
    const found = await judged((await probe({}, { init }, 'probe')).outputs.model as string);
    const whole = await judged(teacher);
    expect(found).toMatchObject({ recallAt1: whole.recallAt1, auc: whole.auc, similarity: whole.similarity });
    await expect(probe({}, {}, 'no-init')).rejects.toMatchObject({ reason: 'no-init' });
    await expect(probe({ stages: STAGES }, { init, tokenizer }, 'unused')).rejects.toMatchObject({
      message: 'features: similarity takes no "stages", "tokenizer": the encoder stays as it is',
    });
    await expect(probe({ task: 'classification' }, { init }, 'task')).rejects.toMatchObject({ reason: 'task' });
  });

  it('stops when asked to, and goes on to the same bytes', async () => {
    const stages = [{ objectives: ['in-batch-negatives'], updates: 5 }];
    const options = withDefaults('train', given({ stages }, {}, '').options as JsonObject);
    const inputs = { data: datasets.data, tokenizer };
    const { run } = train as StepDefinition<never>;
    const straight = await makeContext({ options, inputs, root: join(folder, 'straight') });
    await run(straight.ctx);
    const root = join(folder, 'stopped');
    await mkdir(root);
    const stop = new AbortController();
    const { ctx } = await makeContext({ options, inputs, root, signal: stop.signal });
    let reports = 0;
    const progress: StepContext<never>['progress'] = async () => {
      if (++reports === 3) stop.abort();
    };
    await expect(run({ ...ctx, progress })).rejects.toThrow('abort');
    const last = await makeContext({ options, inputs, root });
    await run(last.ctx);
    expect(last.progress.length).toBe(2);
    expect(last.logs.at(-1)?.message).toMatch(/^from which cosine on .* give "validation"$/);
    expect(await digests(last.outputs.model as string)).toEqual(await digests(straight.outputs.model as string));
  });

  it('is fed which candidate belongs to which text', async () => {
    const rows = [
      pair('lunch', 'soup', 'yes'),
      pair('lunch', 'car', 'no'),
      pair('kettle', 'steam', 'yes'),
      pair('kettle', 'soup', null),
      pair('lunch', 'noon', 'yes'),
    ];
    const config = { maxLength: 16, padId: 0 };
    const examples = await MatchExamples.encode(rows, ['no', 'yes'], await loadTokenizer(tokenizer.path), config);
    expect(examples.rows.map(({ id }) => id)).toEqual([rows[0], rows[4], rows[2]].map((row) => row?.id));
    expect(examples.counts({ rows: [0, 1, 2], length: 8 })).toMatchObject({ rows: 3, labels: 3 });
    const making = { caches: [], wanted: [], partial: [], random: () => new Random(1, 'none') };
    const batch = examples.batch({ rows: [0, 1, 2], length: 8 }, 4, making);
    const lines = (name: string, width: number) =>
      Array.from({ length: 4 }, (_, b) => [...(batch[name]?.data.slice(b * width, (b + 1) * width) ?? [])].join(''));
    expect(batch.ids?.shape).toEqual([12, 8]);
    expect(lines(MATCH.real, 2)).toEqual(['11', '10', '11', '00']);
    expect(lines(MATCH.negatives, 2)).toEqual(['01', '00', '00', '00']);
    expect(lines(MATCH.targets, 8)).toEqual(['10000000', '00100000', '00001000', '00000000']);
    // soup and noon both belong to lunch; whether soup belongs to kettle nobody said.
    expect(lines(MATCH.compared, 8)).toEqual(['11001000', '01101000', '01101000', '00000000']);
  });

  it('says what it cannot learn from', async () => {
    const stages = [{ objectives: ['in-batch-negatives'], updates: 1 }];
    const refused = (name: string, options: JsonObject, inputs: Record<string, InputGiven> = {}) =>
      expect(runStep(train, given({ stages, ...options }, inputs, name))).rejects;
    const plain = { kind: 'dataset', path: join(folder, 'plain') };
    await mkdir(plain.path);
    await writeDataset(plain.path, LABELS, madeUpRows(9, 9));
    await refused('plain', {}, { data: plain }).toMatchObject({ reason: 'no-pair' });
    await writeDataset(plain.path, ['a', 'b', 'c'], []);
    await refused('labels', {}, { data: plain }).toMatchObject({ reason: 'labels' });
    await refused('hard', { stages: [{ objectives: ['hard-label'], updates: 1 }] }).toMatchObject({
      message: 'objective "hard-label" makes no sense for task "matching"',
      hint: 'A matching model learns by in-batch-negatives, margin-mse, soft-label, cosine-mse, in-batch-similarity.',
    });
    const scores = await capture(join(folder, 'scores'), { data: datasets.validation.path }, teacher, {});
    const logits = { kind: 'logits', path: scores.outputs.logits as string };
    await refused(
      'vectors',
      { stages: [{ objectives: ['in-batch-similarity'], updates: 1 }] },
      { teacher: logits },
    ).toMatchObject({
      message: 'objective "in-batch-similarity" needs the teacher\'s vectors of the texts, and the cache keeps none',
    });
    const classifier = join(folder, 'classifier');
    await mkdir(classifier);
    await writeFile(join(classifier, 'recipe.json'), '{"type": "logistic", "labels": ["a", "b"]}');
    await expect(
      capture(join(folder, 'no-vectors'), { data: datasets.validation.path }, classifier, { vectors: true }),
    ).rejects.toMatchObject({ reason: 'not-used', pointer: '/vectors' });
  });
});
