import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeDataset } from '../../src/data/dataset.js';
import { LogitsCache, writeClassLogits } from '../../src/data/logits.js';
import { loadPredictor } from '../../src/models/index.js';
import { train } from '../../src/steps/train.js';
import { Examples, teacherFeeds } from '../../src/train/examples.js';
import { float32Of } from '../../src/util/float16.js';
import { digests, runStep } from '../steps/context.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  makingOf,
  sharedFolder,
} from '../train/rig.js';

const TEACHER = teacherFeeds(0);

const STUDENT = { type: 'bert', layers: 1, hidden: 8, heads: 2, max_length: 24 };
const STAGES = [{ objectives: ['soft-label'], updates: 4 }];

describe('a teacher that reads texts and not tokens', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let teacher: string;
  let cached: string;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(1100, 20));
    const data = { kind: 'dataset', path: corpus.data };
    const trained = await runStep(train, {
      options: { model: { type: 'logistic' } },
      inputs: { data },
      root: join(folder, 'trained'),
    });
    teacher = trained.outputs.model as string;
    cached = (await capture(join(folder, 'cached'), corpus, teacher, { dtype: 'float32' })).outputs.logits as string;
  });

  it('is asked through its answers', async () => {
    const predictor = await loadPredictor(teacher, 'onnx', 2);
    const said = await predictor.predict(corpus.rows.map(({ text }) => text));
    const cache = await LogitsCache.open(cached);
    expect(cache.index).toMatchObject({
      teacher: { name: 'logistic', layers: 0 },
      tokenizer: null,
      labels: LABELS,
      rows: 1100,
    });
    expect(cache.index.shards.map(({ rows }) => rows)).toEqual([1024, 76]);
    for (const [i, { id }] of corpus.rows.entries()) {
      expect(cache.classLogits(id)).toEqual(said.slice(2 * i, 2 * i + 2));
    }
    cache.close();
    const half = await LogitsCache.open(
      (await capture(join(folder, 'half'), corpus, teacher, {})).outputs.logits as string,
    );
    expect(half.classLogits(corpus.rows[3]?.id as string)[1]).toBeCloseTo(said[7] as number, 2);
    half.close();
  });

  it('goes on where it was stopped, and with what is new', async () => {
    const few = join(folder, 'few');
    await mkdir(few);
    await writeDataset(few, LABELS, corpus.rows.slice(0, 60));
    const shared = join(folder, 'shared');
    await capture(join(folder, 'first'), { data: few }, teacher, {}, { shared });
    const { progress, outputs } = await capture(join(folder, 'second'), corpus, teacher, {}, { shared });
    expect(progress.find(({ phase }) => phase === undefined)).toMatchObject({ done: 60, total: 1100 });
    const cache = await LogitsCache.open(outputs.logits as string);
    expect(cache.index.rows).toBe(1100);
    cache.close();
  });

  it('has nothing but class logits', async () => {
    const attempt = (options: Parameters<typeof capture>[3]) =>
      capture(join(folder, 'refused'), corpus, teacher, options);
    await expect(attempt({ hidden_states: [1], tokens: 'top-k' })).rejects.toMatchObject({
      reason: 'not-used',
      message:
        'a logistic model is no transformer: of what it says only class logits can be kept, and no hidden_states, no tokens',
      hint: 'Leave them out.',
    });
    await expect(attempt({ precision: 'int8' })).rejects.toThrow('and no precision: int8');
  });

  it('teaches a student of any tokenizer', async () => {
    const inputs = {
      data: { kind: 'dataset', path: corpus.data },
      tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
      teacher: { kind: 'logits', path: cached },
    };
    const root = join(folder, 'student');
    const { progress } = await runStep(train, { options: { model: STUDENT, stages: STAGES }, inputs, root });
    expect(progress.at(-1)?.loss).toBeGreaterThan(0);
    const layers = runStep(train, {
      options: { model: STUDENT, stages: [{ objectives: ['hidden-states'], updates: 1 }] },
      inputs,
      root,
    });
    await expect(layers).rejects.toThrow(
      "learns from a teacher's layers, and of this one (logistic) only class logits are known",
    );
  });

  it('may know the labels in another order', async () => {
    const turned = join(folder, 'turned');
    await mkdir(turned);
    const cache = await LogitsCache.open(cached);
    async function* rows() {
      for (const id of cache.ids()) yield { id, logits: cache.classLogits(id).reverse() };
    }
    await writeClassLogits(turned, { labels: ['spam', 'ham'], teacher: { name: 'turned', revision: '1' } }, rows());
    const other = await LogitsCache.open(turned);
    expect(other.classLogits(corpus.rows[0]?.id as string)).toEqual(
      cache.classLogits(corpus.rows[0]?.id as string).reverse(),
    );
    const wanted = { logits: true, hiddenStates: [], attention: [] };
    const examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, { maxLength: 24, padId: 0 });
    const batch = { rows: [5, 0, 9], length: 24 };
    const [straight, back] = [cache, other].map(
      (from) => examples.batch(batch, 4, makingOf([from], [wanted]))[TEACHER.logits],
    );
    expect(back).toEqual(straight);
    expect(straight).toMatchObject({ dtype: 'float32', shape: [4, 2] });
    const own = cache.classLogits(corpus.rows[0]?.id as string);
    expect([...(straight?.data ?? [])].slice(2, 4)).toEqual([...own]);
    cache.close();
    other.close();

    // A student learns the same of either.
    const inputs = {
      data: { kind: 'dataset', path: corpus.data },
      tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
    };
    const students = [];
    for (const path of [cached, turned]) {
      const root = join(folder, `from ${students.length}`);
      await mkdir(root);
      const given = { ...inputs, teacher: { kind: 'logits', path } };
      const { outputs } = await runStep(train, { options: { model: STUDENT, stages: STAGES }, inputs: given, root });
      students.push(await digests(outputs.model as string));
    }
    expect(students[1]).toEqual(students[0]);
  });

  it('of float16 gives what float32 gives, to a student of a transformer too', async () => {
    const bert = await makeTeacher(folder, corpus);
    const data = join(folder, 'some');
    await mkdir(data);
    await writeDataset(data, LABELS, corpus.rows.slice(0, 40));
    const wanted = { logits: true, hiddenStates: [1], attention: [2] };
    const feeds = [];
    for (const dtype of ['float16', 'float32']) {
      const kept = { hidden_states: [1], attention: [2], dtype };
      const { outputs } = await capture(join(folder, dtype), { data }, bert, kept);
      const cache = await LogitsCache.open(outputs.logits as string);
      const examples = await Examples.encode(corpus.rows.slice(0, 40), LABELS, corpus.tokenizer, {
        maxLength: 40,
        padId: 0,
      });
      feeds.push(examples.batch({ rows: [1, 7], length: 40 }, 2, makingOf([cache], [wanted])));
      cache.close();
    }
    for (const name of [TEACHER.logits, TEACHER.hidden(1), TEACHER.attention(2)]) {
      const [half, whole] = feeds.map((feed) => feed[name]);
      expect([half?.dtype, whole?.dtype]).toEqual(['float16', 'float32']);
      float32Of(half?.data as Uint16Array).forEach((x, i) => {
        const exact = whole?.data[i] as number;
        expect(Math.abs(x - exact)).toBeLessThanOrEqual(Math.abs(exact) * 2 ** -11 + 2 ** -24);
      });
    }
  });
});
