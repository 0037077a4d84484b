import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { writeDataset } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { loadTransformer, saveTransformer } from '../../src/models/checkpoint.js';
import { forward } from '../../src/models/forward.js';
import { padTokens } from '../../src/models/padding.js';
import type { JsonObject } from '../../src/util/json.js';
import { type TestContext, withDefaults } from '../steps/context.js';
import {
  type Corpus,
  capture,
  LABELS,
  madeUpRows,
  makeCorpus,
  makeTeacher,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from '../train/rig.js';

const WANTED = { logits: false, hiddenStates: [], attention: [] };

describe('cache-logits of a language model', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  const models: Record<string, string> = {};

  const save = async (name: string, config: TransformerConfig): Promise<string> => {
    const at = join(folder, `model ${name}`);
    await mkdir(at);
    const parameters = randomParameters(config, 9);
    const labels = config.head === 'classifier' ? LABELS : [];
    await saveTransformer(at, { config, labels, parameters }, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
    return at;
  };
  let runs = 0;
  const run = (teacher: string, options: JsonObject = {}, data: { data: string } = corpus): Promise<TestContext> =>
    capture(join(folder, `run ${++runs}`), data, teacher, options);
  const opened = async <T>(context: TestContext, work: (cache: LogitsCache) => T | Promise<T>): Promise<T> => {
    const cache = await LogitsCache.open(context.outputs.logits as string);
    try {
      return await work(cache);
    } finally {
      cache.close();
    }
  };

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(70, 30));
    const vocabulary = corpus.tokenizer.vocabularySize;
    for (const type of ['gpt2', 'llama', 'qwen2', 'qwen3']) {
      models[type] = await save(type, tinyConfig(vocabulary, { type, head: 'language-model', labels: 0, dropout: 0 }));
    }
  });

  /** softmax of the model's own logits for each token of a text, in float64. */
  async function distributions(model: string, ids: Int32Array, temperature: number): Promise<number[][]> {
    const { config, parameters } = await loadTransformer(model);
    const runner = await createRunner('onnx', 2);
    const { z } = await runner.forward(
      {
        key: 'own',
        call: (p, b) => ({
          z: forward(config, p, { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' })
            .logits,
        }),
      },
      parameters,
      padTokens([ids], 1, ids.length, config.padId),
    );
    await runner.release();
    return Array.from(ids, (_, t) => {
      const row = Array.from((z as Float32Array).subarray(t * config.vocabulary, (t + 1) * config.vocabulary));
      const top = row.reduce((a, b) => Math.max(a, b));
      const e = row.map((x) => Math.exp((x - top) / temperature));
      const total = e.reduce((a, b) => a + b, 0);
      return e.map((x) => x / total);
    });
  }
  const tokensOf = async (row: number): Promise<Int32Array> =>
    (await corpus.tokenizer.encode([corpus.rows[row]?.text as string], 40)).ids(0);
  const idOf = (row: number): string => corpus.rows[row]?.id as string;

  it.each(['gpt2', 'llama', 'qwen2', 'qwen3'])('keeps the most likely next tokens of %s by default', async (type) => {
    const context = await run(models[type] as string);
    await opened(context, async (cache) => {
      const { vocabularySize: vocabulary } = corpus.tokenizer;
      expect(cache.index).toMatchObject({
        teacher: { name: type },
        labels: [],
        tokens: { keep: 'top-k', vocabulary, k: 64, temperature: 1 },
        dtype: 'float16',
      });
      for (const row of [0, 69, 13]) {
        const ids = await tokensOf(row);
        const expected = await distributions(models[type] as string, ids, 1);
        const found = cache.nextTokens(idOf(row), ids, 1);
        if (found.keep !== 'top-k') throw new Error('another kind');
        // Every token, the last one too.
        expect(found.tail).toHaveLength(ids.length);
        expect(found.ids).toHaveLength(64 * ids.length);
        expected.forEach((p, t) => {
          let rest = 1;
          for (let i = t * 64; i < (t + 1) * 64; i++) {
            const own = p[found.ids[i] as number] as number;
            expect(Math.abs(Math.exp(found.logProbabilities[i] as number) - own)).toBeLessThan(0.004 * own + 1e-6);
            rest -= own;
          }
          expect(Math.abs(Math.exp(found.tail[t] as number) - rest)).toBeLessThan(0.004 * rest + 1e-6);
          const most = Math.max(...p);
          expect(p[found.ids[t * 64] as number]).toBeCloseTo(most, 5);
        });
      }
    });
  });

  it('says how much of the mass it keeps, and warns where that is little', async () => {
    const all = await run(models.gpt2 as string);
    expect(all.logs).toEqual([
      {
        level: 'info',
        message: expect.stringMatching(
          /^what is kept covers 9\d\.\d % of the teacher's next tokens on average, \d\d\.\d % in the text with the least$/,
        ),
      },
    ]);
    const few = await run(models.gpt2 as string, { tokens: { keep: 'top-k', k: 1 } });
    expect(few.logs[1]).toEqual({
      level: 'warning',
      message: 'k = 1 covers less than 90.0 %: raise k, or keep: sampled',
    });
    await opened(few, async (cache) => {
      const ids = await tokensOf(5);
      const p = await distributions(models.gpt2 as string, ids, 1);
      const mean = p.reduce((sum, row) => sum + Math.max(...row), 0) / p.length;
      const lines = await rowsOf(few);
      expect(lines[5]?.covered).toBeCloseTo(mean, 4);
      const least = Math.min(...lines.map(({ covered }) => covered));
      expect(cache.index.covered?.least).toBe(least);
      const tokens = lines.reduce((sum, line) => sum + line.tokens, 0);
      const weighted = lines.reduce((sum, line) => sum + line.covered * line.tokens, 0) / tokens;
      expect(cache.index.covered?.mean).toBeCloseTo(weighted, 6);
    });
    // Drawn tokens are unbiased however little mass they cover.
    const drawn = await run(models.gpt2 as string, { tokens: { keep: 'sampled', samples: 1 } });
    expect(drawn.logs.map(({ level }) => level)).toEqual(['info']);
  });

  it('keeps what a temperature needs to be taken back', async () => {
    const context = await run(models.llama as string, { tokens: { keep: 'top-k', k: 10, temperature: 3 } });
    await opened(context, async (cache) => {
      const ids = await tokensOf(3);
      for (const temperature of [1, 3]) {
        const expected = await distributions(models.llama as string, ids, temperature);
        const found = cache.nextTokens(idOf(3), ids, temperature);
        if (found.keep !== 'top-k') throw new Error('another kind');
        expected.forEach((p, t) => {
          for (let i = t * 10; i < (t + 1) * 10; i++) {
            const own = p[found.ids[i] as number] as number;
            expect(Math.abs(Math.exp(found.logProbabilities[i] as number) - own)).toBeLessThan(0.01 * own + 1e-6);
          }
        });
      }
      expect(() => cache.nextTokens(idOf(3), ids, 2)).toThrow('kept at temperature 1 and 3, not at 2');
    });
  });

  it('draws by its seed, and keeps all logits where it is told to', async () => {
    const [one, same, other] = await Promise.all(
      [7, 7, 8].map((seed) =>
        capture(join(folder, `run ${++runs}`), corpus, models.gpt2 as string, { tokens: 'sampled' }, { seed }),
      ),
    );
    const ids = await tokensOf(2);
    const read = (context: TestContext | undefined) =>
      opened(context as TestContext, (cache) => cache.nextTokens(idOf(2), ids, 1));
    expect(await read(same)).toEqual(await read(one));
    expect(await read(other)).not.toEqual(await read(one));

    const full = await run(models.gpt2 as string, { tokens: 'full', dtype: 'float32' });
    const p = await distributions(models.gpt2 as string, ids, 2);
    await opened(full, (cache) => {
      const found = cache.nextTokens(idOf(2), ids, 2);
      if (found.keep !== 'full') throw new Error('another kind');
      const row = Array.from(found.logits.subarray(0, found.vocabulary));
      const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
      for (const [id, z] of row.entries()) expect(Math.exp(z) / total).toBeCloseTo(p[0]?.[id] as number, 5);
    });
  });

  it('keeps layers beside next tokens', async () => {
    const context = await run(models.qwen2 as string, {
      hidden_states: [2],
      attention: [1],
      tokens: { keep: 'top-k', k: 3 },
    });
    await opened(context, async (cache) => {
      const ids = await tokensOf(1);
      const signal = cache.read(idOf(1), ids, { ...WANTED, hiddenStates: [2], attention: [1] });
      expect(signal.hiddenStates.get(2)).toHaveLength(ids.length * 8);
      expect(signal.attention.get(1)).toHaveLength(2 * ids.length ** 2);
    });
  });

  it('takes at most 300 bytes a token of a vocabulary of 128,256', async () => {
    const shape = { type: 'llama', head: 'language-model', labels: 0, dropout: 0 } as const;
    const large = await save('large', tinyConfig(128_256, shape));
    const data = join(folder, 'short');
    await mkdir(data);
    const rows = corpus.rows.map((row, i) => ({
      ...row,
      text: row.text.split(' ').slice(0, 3).join(' '),
      id: corpus.rows[i]?.id as string,
    }));
    await writeDataset(data, LABELS, rows);
    const context = await run(large, {}, { data });
    await opened(context, async (cache) => {
      const lines = await rowsOf(context);
      const tokens = lines.reduce((sum, line) => sum + line.tokens, 0);
      const made = context.outputs.logits as string;
      const shards = cache.index.shards.map(({ file }) => file);
      const sizes = await Promise.all(shards.map(async (file) => (await stat(join(made, file))).size));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      expect(bytes / tokens).toBeLessThan(300);
      const [text] = rows;
      const ids = (await corpus.tokenizer.encode([text?.text as string], 40)).ids(0);
      const expected = await distributions(large, ids, 1);
      const found = cache.nextTokens(text?.id as string, ids, 1);
      if (found.keep !== 'top-k') throw new Error('another kind');
      expect(Math.max(...found.ids)).toBeGreaterThan(65_535);
      expected.forEach((p, t) => {
        const order = p.map((_, id) => id).sort((a, b) => (p[b] as number) - (p[a] as number));
        expect([...found.ids.subarray(t * 64, t * 64 + 5)]).toEqual(order.slice(0, 5));
      });
    });
  });

  it('refuses next tokens of a teacher that says none', async () => {
    const classifier = await makeTeacher(folder, corpus);
    await expect(run(classifier, { tokens: 'top-k' })).rejects.toMatchObject({
      reason: 'not-used',
      message: '"tokens" is for language models, and the teacher, a bert, is a classifier',
    });
    const bare = await save(
      'bare',
      tinyConfig(corpus.tokenizer.vocabularySize, { type: 'gpt2', head: 'none', labels: 0 }),
    );
    await expect(run(bare, { tokens: { keep: 'sampled' } })).rejects.toThrow(
      'is without a head that says what comes next',
    );
  });

  it('knows what each way of keeping takes', () => {
    expect(withDefaults('cache-logits', { tokens: 'sampled' }).tokens).toEqual({
      keep: 'sampled',
      samples: 50,
      temperature: 1,
    });
    expect(withDefaults('cache-logits', { tokens: { keep: 'top-k' } }).tokens).toEqual({
      keep: 'top-k',
      k: 64,
      temperature: 1,
    });
    expect(withDefaults('cache-logits', {}).tokens).toBeUndefined();
    for (const wrong of [
      { keep: 'full', k: 3 },
      { keep: 'sampled', k: 3 },
      { keep: 'top-k', samples: 3 },
      { keep: 'full', temperature: 2 },
    ]) {
      expect(() => withDefaults('cache-logits', { tokens: wrong })).toThrow('cache-logits:');
    }
  });

  async function rowsOf(context: TestContext): Promise<{ id: string; tokens: number; covered: number }[]> {
    const made = context.outputs.logits as string;
    const text = await readFile(join(made, 'rows.jsonl'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }
});
