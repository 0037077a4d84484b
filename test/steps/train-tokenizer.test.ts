import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { digests, runStep, temporaryFolder } from './context.js';

/** Texts of made-up words, many of them equally frequent, so that an order left to chance would show. */
function texts(): string[] {
  const random = new Random(3, 'texts');
  const syllable = (): string => 'ka lo mi Tü ré n sa. to-'.split(' ')[random.below(8)] as string;
  const words = Array.from({ length: 1000 }, () => Array.from({ length: 1 + random.below(5) }, syllable).join(''));
  return Array.from({ length: 120 }, () =>
    Array.from({ length: 5 + random.below(400) }, () => words[random.below(words.length)]).join(
      random.below(9) ? ' ' : '\n',
    ),
  );
}

async function dataset(given: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  const rows: Row[] = given.map((text) => ({ id: rowId(text), text, label: null }));
  await writeDataset(folder, [], rows);
  return folder;
}

const train = async (given: readonly string[], options: JsonObject) =>
  runStep(trainTokenizer, { options, inputs: { data: { kind: 'dataset', path: await dataset(given) } } });

describe('train-tokenizer', () => {
  it('makes exactly the vocabulary asked for, special tokens first', async () => {
    const { outputs, logs } = await train(texts(), { vocabulary: 300 });
    const folder = outputs.tokenizer as string;
    const vocabulary = (await readFile(join(folder, 'vocab.txt'), 'utf8')).trimEnd().split('\n');
    expect(vocabulary).toHaveLength(300);
    expect(vocabulary.slice(0, 5)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
    expect(Object.keys(await digests(folder))).toEqual([
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const tokenizer = await loadTokenizer(folder);
    expect([tokenizer.vocabularySize, tokenizer.padId]).toEqual([300, 0]);
    expect(tokenizer.hash).toBe((await digests(folder))['tokenizer.json']);
    expect(logs).toEqual([
      { level: 'info', message: expect.stringMatching(/^300 pieces from \d+ different words; 0.00 % of the words/) },
    ]);
  });

  it('gives the same bytes in every process', { timeout: 30_000 }, async () => {
    const data = await dataset(texts());
    const module = new URL('../../dist/data/train-tokenizer.js', import.meta.url).href;
    const run = async (): Promise<Record<string, string>> => {
      const folder = await temporaryFolder();
      const code = `import {trainTokenizer} from ${JSON.stringify(module)};
        await trainTokenizer({type: 'wordpiece', vocabulary: 400, lowercase: true}, [${JSON.stringify(data)}],
          ${JSON.stringify(folder)}, {progress: async () => {}, log: () => {}});`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code]);
      expect(stdout).toBe('');
      return digests(folder);
    };
    const first = await run();
    expect(Object.keys(first)).toHaveLength(4);
    expect(await run()).toEqual(first);
    expect(await run()).toEqual(first);
  });

  it('encodes known words back and forth, unknown ones as [UNK], and keeps [CLS] and [SEP] when it cuts', async () => {
    const { outputs } = await train(['the cat sat on the mat', 'the cat sat', 'The Cát!'], { vocabulary: 100 });
    const folder = outputs.tokenizer as string;
    const tokenizer = await loadTokenizer(folder);
    const vocabulary = (await readFile(join(folder, 'vocab.txt'), 'utf8')).trimEnd().split('\n');
    const pieces = async (text: string, length = 64): Promise<string[]> => {
      const batch = await tokenizer.encode([text], length);
      return Array.from(batch.ids(0), (id) => vocabulary[id] as string);
    };
    expect(await pieces('The CÁT sat')).toEqual(['[CLS]', 'the', 'cat', 'sat', '[SEP]']);
    expect(await pieces('the 猫 cat xyz')).toEqual(['[CLS]', 'the', '[UNK]', 'cat', '[UNK]', '[SEP]']);
    expect(await pieces('the cat sat the cat', 4)).toEqual(['[CLS]', 'the', 'cat', '[SEP]']);
    expect(await pieces('')).toEqual(['[CLS]', '[SEP]']);
  });

  it('reads only the head of long texts, and finds the same tokens', async () => {
    const given = texts();
    const { outputs } = await train(given, { vocabulary: 200 });
    const tokenizer = await loadTokenizer(outputs.tokenizer as string);
    // Also texts with long words, with many spaces, and without any place to cut.
    given.push(`${'x'.repeat(3000)} kalo`, `ka${' '.repeat(3000)}lo mi`, '.'.repeat(5000), 'kalomi'.repeat(1000), '');
    const [whole, cut] = [await tokenizer.encode(given, 1_000_000), await tokenizer.encode(given, 24)];
    given.forEach((_, i) => {
      const all = [...whole.ids(i)];
      expect([...cut.ids(i)]).toEqual(all.length <= 24 ? all : [...all.slice(0, 23), 3]);
      expect(cut.length(i)).toBe(cut.ids(i).length);
    });
    expect([cut.texts, cut.offsets.length]).toEqual([given.length, given.length + 1]);
  });

  it('learns what there is where the texts are few, and says so', async () => {
    const { logs } = await train(['ab ab'], { vocabulary: 100 });
    expect(logs).toEqual([
      { level: 'info', message: '8 pieces from 1 different words; 0.00 % of the words become [UNK]' },
      { level: 'warning', message: 'the vocabulary has 8 entries, not 100: the texts have no more pairs that repeat' },
    ]);
    await expect(train([], {})).rejects.toThrow('there are no words to train a tokenizer on');
  });

  it('refuses a folder without a tokenizer', async () => {
    const folder = await temporaryFolder();
    await expect(loadTokenizer(folder)).rejects.toThrow('tokenizer.json: not a tokenizer: ENOENT');
    await writeFile(join(folder, 'tokenizer.json'), '{}');
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ name: 'StepFailure', reason: 'corrupt-tokenizer' });
  });
});
