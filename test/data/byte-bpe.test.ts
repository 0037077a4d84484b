import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { learnBytePairs } from '../../src/data/byte-bpe.js';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { loadTokenizer, type TextTokenizer } from '../../src/data/tokenizer.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, runStep, temporaryFolder } from '../steps/context.js';
import { sharedFolder } from '../train/rig.js';

const TEXTS = ['the cat sat on the mat', "it's the cat's mat  of\n\nstraw", 'ein Kätzchen saß da: 猫 🐈'];

const train = async (
  root: string,
  options: JsonObject,
  rows: readonly Partial<Row>[] = TEXTS.map((text) => ({ text })),
) => {
  const path = await temporaryFolder();
  const whole = rows.map(({ text = '', ...more }) => ({ id: rowId(text), text, label: null, ...more }));
  await writeDataset(path, [], whole);
  return runStep(trainTokenizer, {
    options: { type: 'byte-bpe', ...options },
    inputs: { data: { kind: 'dataset', path } },
    root,
  });
};

describe('byte-level BPE', async () => {
  const root = await sharedFolder();
  let folder: string;
  let tokenizer: TextTokenizer;
  beforeAll(async () => {
    const path = join(root, 'data');
    await mkdir(path);
    await writeDataset(
      path,
      [],
      TEXTS.map((text) => ({ id: rowId(text), text, label: null })),
    );
    const inputs = { data: { kind: 'dataset', path } };
    const { outputs } = await runStep(trainTokenizer, { options: { type: 'byte-bpe', vocabulary: 265 }, inputs, root });
    folder = outputs.tokenizer as string;
    tokenizer = await loadTokenizer(folder);
  });

  it('is written as Hugging Face has it', async () => {
    expect(Object.keys(await digests(folder))).toEqual([
      'merges.txt',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.json',
    ]);
    const vocabulary = JSON.parse(await readFile(join(folder, 'vocab.json'), 'utf8')) as Record<string, number>;
    const merges = (await readFile(join(folder, 'merges.txt'), 'utf8')).trimEnd().split('\n');
    expect(merges[0]).toBe('#version: 0.2');
    // Each merge makes the next piece, of pieces that are there.
    merges.slice(1).forEach((line, i) => {
      const [left, right] = line.split(' ') as [string, string];
      expect(vocabulary[left + right]).toBe(257 + i);
      expect(Math.max(vocabulary[left] as number, vocabulary[right] as number)).toBeLessThan(257 + i);
    });
    expect(vocabulary['<|endoftext|>']).toBe(0);
    expect([tokenizer.vocabularySize, tokenizer.padId, tokenizer.endId]).toEqual([265, 0, 0]);
  });

  it('reads back what it wrote, whatever it is', async () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(...TEXTS),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 4 }), async (parts) => {
        const text = parts.join('');
        const [ids] = await tokenizer.encodeWhole([text], 'continuation');
        expect(await tokenizer.decode([...(ids as Int32Array)])).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('joins what stands together most often', async () => {
    const [ids] = await tokenizer.encodeWhole(['at'], 'continuation');
    expect(ids).toHaveLength(1);
    expect((await tokenizer.encodeWhole(['the cat'], 'prompt'))[0]).toEqual(
      (await tokenizer.encode(['the cat'], 100)).ids(0),
    );
    const { pieces, pairs } = learnBytePairs(
      new Map([
        ['abab', 3],
        ['ab', 1],
        ['b', 9],
      ]),
      258,
    );
    expect(pieces.slice(256)).toEqual(['ab', 'abab']);
    expect(pairs.map((pair) => pair.map((id) => pieces[id]))).toEqual([
      ['a', 'b'],
      ['ab', 'ab'],
    ]);
  });

  it('gives the same bytes again, and learns of responses too', async () => {
    const first = await train(await temporaryFolder(), { vocabulary: 265 });
    expect(await digests(first.outputs.tokenizer as string)).toEqual(await digests(folder));
    const said = [{ text: 'a', responses: ['zqx zqx zqx', 'zqx'] }];
    const more = await train(await temporaryFolder(), { vocabulary: 300 }, said);
    const ids = await (await loadTokenizer(more.outputs.tokenizer as string)).encodeWhole(['zqx'], 'continuation');
    expect(ids[0]).toHaveLength(1);
    expect(more.logs.map(({ level }) => level)).toEqual(['info', 'warning']);
  });

  it('has no lower case, and room for every byte', () => {
    const { problems } = trainTokenizer as unknown as { problems(options: object): readonly { pointer: string }[] };
    expect(problems({ type: 'byte-bpe', vocabulary: 300, lowercase: true })).toMatchObject([{ pointer: '/lowercase' }]);
    expect(problems({ type: 'byte-bpe', vocabulary: 256 })).toMatchObject([{ pointer: '/vocabulary' }]);
    expect(problems({ type: 'wordpiece', vocabulary: 300, lowercase: false })).toEqual([]);
  });

  it('leaves the end out of a prompt', async () => {
    const at = await temporaryFolder();
    const path = join(root, 'data');
    const { outputs } = await runStep(trainTokenizer, {
      options: { vocabulary: 100 },
      inputs: { data: { kind: 'dataset', path } },
      root: at,
    });
    const pieces = await loadTokenizer(outputs.tokenizer as string);
    expect(pieces.endId).toBeNull();
    const whole = [...(await pieces.encode(['the cat'], 9)).ids(0)];
    const [prompt, continuation] = [
      ...(await pieces.encodeWhole(['the cat'], 'prompt')),
      ...(await pieces.encodeWhole(['the cat'], 'continuation')),
    ];
    expect([...(prompt as Int32Array)]).toEqual(whole.slice(0, -1));
    expect([...(continuation as Int32Array)]).toEqual(whole.slice(1, -1));
  });
});
