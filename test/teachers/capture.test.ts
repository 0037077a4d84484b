import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { writeDataset } from '../../src/data/dataset.js';
import { LogitsCache, type LogitsIndex } from '../../src/data/logits.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { Progress, StepDefinition } from '../../src/engine/step.js';
import { loadTransformer, saveTransformer } from '../../src/models/checkpoint.js';
import { forward } from '../../src/models/forward.js';
import { joinHeads } from '../../src/models/layers.js';
import { padTokens } from '../../src/models/padding.js';
import { cacheLogits } from '../../src/steps/cache-logits.js';
import { Examples, teacherFeeds } from '../../src/train/examples.js';
import { StepFailure } from '../../src/util/failure.js';
import { float32Of } from '../../src/util/float16.js';
import { expectClose } from '../backend/rig.js';
import { digestOf, digests, makeContext, withDefaults } from '../steps/context.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  makingOf,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from '../train/rig.js';

const TEACHER = teacherFeeds(0);

const OPTIONS = { hidden_states: [4, 0], attention: [3], values: [2] };
/** What float16 keeps of a number. */
const HALF = 1e-3;

describe('cache-logits', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let teacher: string;
  let made: string;
  let cache: LogitsCache;

  beforeAll(async () => {
    // More than one shard of 256 rows.
    corpus = await makeCorpus(folder, madeUpRows(300, 40));
    teacher = await makeTeacher(folder, corpus);
    made = (await capture(join(folder, 'straight'), corpus, teacher, OPTIONS)).outputs.logits as string;
    cache = await LogitsCache.open(made);
    return () => cache.close();
  });

  it('says what it holds', async () => {
    const shards = ['shard-00000.safetensors', 'shard-00001.safetensors'];
    const files = await digests(made);
    const sizes = await Promise.all(shards.map(async (file) => (await stat(join(made, file))).size));
    const index: LogitsIndex = {
      format: 2,
      teacher: { name: 'bert', revision: digestOf(teacher), layers: 4, hidden: 12, heads: 2 },
      labels: LABELS,
      tokenizer: (await loadTokenizer(teacher)).hash,
      maxLength: 40,
      hiddenStates: [0, 4],
      attention: [3],
      values: { layers: [2], heads: 2, width: 6 },
      dtype: 'float16',
      tokens: null,
      computed: { backend: 'onnx', precision: 'float32' },
      rows: 300,
      covered: null,
      rowsSha256: files['rows.jsonl'] as string,
      shards: shards.map((file, i) => ({
        file,
        bytes: sizes[i] as number,
        sha256: files[file] as string,
        rows: [256, 44][i] as number,
      })),
    };
    expect(cache.index).toEqual(index);
    expect(Object.keys(files)).toEqual(['index.json', 'rows.jsonl', ...shards]);
    expect([...cache.ids()]).toEqual(corpus.rows.map(({ id }) => id));
    expect(corpus.rows.every(({ id }) => cache.has(id))).toBe(true);
    expect(cache.has('0000000000000000')).toBe(false);
  });

  it('holds what the teacher says, and gives it padded to a student', async () => {
    const { config, parameters } = await loadTransformer(teacher);
    const examples = await Examples.encode(corpus.rows, LABELS, corpus.tokenizer, config);
    const tokens = await corpus.tokenizer.encode(
      corpus.rows.map((row) => row.text),
      config.maxLength,
    );
    const rows = [299, 0, 257, 128, 5];
    const [batch, length] = [7, config.maxLength];
    const wanted = { logits: true, hiddenStates: [0, 4], attention: [3], values: [2] };
    const fed = examples.batch({ rows, length }, batch, makingOf([cache], [wanted]));

    const texts = rows.map((row) => tokens.ids(row));
    const input = padTokens(texts, batch, length, corpus.tokenizer.padId);
    expect([fed.ids, fed.mask]).toEqual([input.ids, input.mask]);
    expect(fed.rows?.data).toEqual(Float32Array.of(1, 1, 1, 1, 1, 0, 0));
    const labels = rows.flatMap((row) => LABELS.map((label) => (corpus.rows[row]?.label === label ? 1 : 0)));
    expect(fed.labels?.data).toEqual(Float32Array.of(...labels, 0, 0, 0, 0));

    const runner = await createRunner('onnx', 2);
    const said = await runner.forward(
      {
        key: 'teacher',
        call: (p, b) => {
          const out = forward(config, p, {
            ids: b.ids as Tensor,
            mask: b.mask as Tensor,
            dropout: [],
            lastTokens: 'all',
          });
          const [first, last] = [out.hiddenStates[0] as Tensor, out.hiddenStates[4] as Tensor];
          const scores = out.attentionScores[2]?.() as Tensor;
          return { logits: out.logits, first, last, scores, values: joinHeads(out.values[1] as Tensor) };
        },
      },
      parameters,
      input,
    );
    await runner.release();
    const got = (name: string, shape: readonly number[]): Float32Array => {
      expect(fed[name]).toMatchObject({ dtype: 'float16', shape });
      return float32Of(fed[name]?.data as Uint16Array);
    };
    const logits = got(TEACHER.logits, [batch, 2]);
    expectClose(logits.subarray(0, 10), (said.logits as Float32Array).subarray(0, 10), 'logits', HALF);
    expect(logits.subarray(10)).toEqual(new Float32Array(4));

    // Zeros at padding; everything else as said.
    const masked = (x: Float32Array, real: (i: number) => boolean): Float32Array => x.map((v, i) => (real(i) ? v : 0));
    const token = (row: number, at: number): boolean => at < (texts[row]?.length ?? 0);
    const state = (i: number): boolean => token(Math.floor(i / (length * 12)), Math.floor(i / 12) % length);
    for (const [layer, name] of [
      [0, 'first'],
      [4, 'last'],
    ] as const) {
      const mine = got(TEACHER.hidden(layer), [batch, length, 12]);
      expectClose(mine, masked(said[name] as Float32Array, state), `layer ${layer}`, HALF);
    }
    const values = got(TEACHER.values(2), [batch, length, 12]);
    expectClose(values, masked(said.values as Float32Array, state), 'values', HALF);
    const score = (i: number): boolean => {
      const row = Math.floor(i / (2 * length * length));
      return token(row, Math.floor(i / length) % length) && token(row, i % length);
    };
    const scores = got(TEACHER.attention(3), [batch, 2, length, length]);
    expectClose(scores, masked(said.scores as Float32Array, score), 'scores', HALF);
  });

  it('reads only what is wanted', async () => {
    const tokens = await corpus.tokenizer.encode([corpus.rows[7]?.text as string], 40);
    const id = corpus.rows[7]?.id as string;
    const all = cache.read(id, tokens.ids(0), { logits: true, hiddenStates: [0, 4], attention: [3], values: [2] });
    const some = cache.read(id, tokens.ids(0), { logits: false, hiddenStates: [4], attention: [] });
    expect(some).toEqual({
      logits: undefined,
      hiddenStates: new Map([[4, all.hiddenStates.get(4)]]),
      attention: new Map(),
      values: new Map(),
    });
    expect(all.values.get(2)).toHaveLength(tokens.length(0) * 12);
  });

  it('refuses other tokens and unknown texts', async () => {
    const wanted = { logits: true, hiddenStates: [], attention: [] };
    const { id, text } = corpus.rows.find((row) => row.text.split(' ').length > 10) as { id: string; text: string };
    const own = (await corpus.tokenizer.encode([text], 40)).ids(0);
    expect(cache.read(id, own, wanted).logits).toHaveLength(2);
    const shorter = (await corpus.tokenizer.encode([text], 8)).ids(0);
    const misaligned = `the teacher saw other tokens of text ${id} than the student does`;
    expect(() => cache.read(id, shorter, wanted)).toThrow(misaligned);
    expect(() =>
      cache.read(
        id,
        own.map((t, i) => (i === 3 ? t + 1 : t)),
        wanted,
      ),
    ).toThrow(misaligned);
    expect(() => cache.read('ffffffffffffffff', own, wanted)).toThrow(
      "the teacher's logits have no row for text ffffffffffffffff",
    );
  });

  it('goes on after a stop at the next shard, to the same bytes', async () => {
    const root = join(folder, 'stopped');
    await mkdir(root);
    const stop = new AbortController();
    const given = {
      options: withDefaults('cache-logits', OPTIONS),
      inputs: { teacher: { kind: 'model', path: teacher }, data: { kind: 'dataset', path: corpus.data } },
      root,
    };
    const run = (cacheLogits as StepDefinition<never>).run;
    const first = await makeContext({ ...given, signal: stop.signal });
    const progress = async ({ phase }: Progress): Promise<void> => {
      if (phase === undefined) stop.abort();
    };
    await expect(run({ ...first.ctx, progress } as typeof first.ctx)).rejects.toThrow('abort');
    expect(first.saved).toEqual(['shard-0']);
    const second = await makeContext(given);
    await run(second.ctx);
    expect(second.saved).toEqual(['shard-1']);
    expect(await digests(second.outputs.logits as string)).toEqual(await digests(made));
  });

  it('computes with 8-bit integers, says how near that is, and only where it can', async () => {
    const at = join(folder, 'wide');
    await mkdir(at);
    const config = tinyConfig(corpus.tokenizer.vocabularySize, { intermediate: 64 });
    const model = { config, labels: LABELS, parameters: randomParameters(config) };
    await saveTransformer(at, model, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
    // Of 16 texts alone, what is compared and what is kept are of one shape and must not be taken for one another.
    const few = join(folder, 'few');
    await mkdir(few);
    await writeDataset(few, LABELS, corpus.rows.slice(0, 16));
    const kept = { precision: 'int8', hidden_states: [0, 2], attention: [1] };
    const first = await capture(join(folder, 'int8 few'), { data: few }, at, kept);
    const opened = await LogitsCache.open(first.outputs.logits as string);
    expect(opened.index.rows).toBe(16);
    opened.close();

    const { logs, outputs } = await capture(join(folder, 'int8'), corpus, at, {
      precision: 'int8',
      hidden_states: [2],
    });
    const said =
      /^int8 against float32 on 16 texts: (\d+) with the same label, hidden states differ by 0\.0\d+ on average/;
    expect(logs[0]?.message).toMatch(said);
    expect(Number(said.exec(logs[0]?.message ?? '')?.[1])).toBeGreaterThan(13);
    const exact = await capture(join(folder, 'exact'), corpus, at, { hidden_states: [2] });
    const bytes = (made: string): Promise<Buffer> => readFile(join(made, 'shard-00000.safetensors'));
    expect(await bytes(outputs.logits as string)).not.toEqual(await bytes(exact.outputs.logits as string));
    await expect(capture(join(folder, 'refused'), corpus, at, { precision: 'int8', backend: 'cpu' })).rejects.toThrow(
      'backend "cpu" computes in float32 only',
    );
  });

  it('notices what is no number, and what float16 cannot hold', async () => {
    const few = join(folder, 'one');
    await mkdir(few);
    await writeDataset(few, LABELS, corpus.rows.slice(0, 1));
    const config = tinyConfig(corpus.tokenizer.vocabularySize);
    const attempt = async (name: string, bias: number, options: { dtype?: string }) => {
      const at = join(folder, name);
      await mkdir(at);
      const parameters = randomParameters(config);
      parameters['classifier.bias']?.data.fill(bias);
      const model = { config, labels: LABELS, parameters };
      await saveTransformer(at, model, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
      return capture(join(folder, `${name} run`), { data: few }, at, options);
    };
    const id = corpus.rows[0]?.id;
    await expect(attempt('large', 1e5, {})).rejects.toMatchObject({
      reason: 'not-a-number',
      message: `the teacher's logits of text ${id} hold something that is no number, or one too large for float16`,
      hint: 'Give dtype: float32. If that does not help, the training of the teacher has probably diverged.',
    });
    await attempt('large enough', 1e5, { dtype: 'float32' });
    await expect(attempt('diverged', Number.NaN, { dtype: 'float32' })).rejects.toMatchObject({
      message: `the teacher's logits of text ${id} hold something that is no number`,
    });
  });

  it('refuses layers that the teacher has not', async () => {
    const attempt = (options: { hidden_states?: number[]; attention?: number[] }) =>
      capture(join(folder, 'refused'), corpus, teacher, options);
    await expect(attempt({ hidden_states: [0, 5] })).rejects.toThrow(
      'hidden_states names layer 5, but the teacher has layers 0 to 4',
    );
    await expect(attempt({ attention: [7] })).rejects.toThrow(
      'attention names layer 7, but the teacher has layers 1 to 4',
    );
    await rm(join(folder, 'refused'), { recursive: true, force: true });
  });

  it('refuses a cache that would be too large, before it runs', async () => {
    const names = Object.keys(await digests(made));
    const sizes = await Promise.all(names.map(async (file) => (await stat(join(made, file))).size));
    const size = sizes.reduce((sum, bytes) => sum + bytes, 0);
    const attempt = capture(join(folder, 'large'), corpus, teacher, { ...OPTIONS, max_bytes: size - 1 });
    await expect(attempt).rejects.toThrow(/^the cache of 300 texts would take .* more than max_bytes allows/);
    await expect(attempt).rejects.toBeInstanceOf(StepFailure);
    // The estimate is of the bytes that it takes, and a few per cent.
    await capture(join(folder, 'fits'), corpus, teacher, { ...OPTIONS, max_bytes: Math.ceil(1.05 * size) });
  });
});
