import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { loadWordTokenizer } from '../../src/data/word-pieces.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import { runStep, temporaryFolder } from '../steps/context.js';

const TEXTS = ['the red lamp and the blue cup', 'a new chair and the old house', 'the cups and lamps'];

async function tokenizerOf(type: string, vocabulary: number) {
  const data = await temporaryFolder();
  const rows = TEXTS.map((text): Row => ({ id: rowId(text), text, label: null }));
  await writeDataset(data, [], rows);
  const { outputs } = await runStep(trainTokenizer, {
    options: { type, vocabulary },
    inputs: { data: { kind: 'dataset', path: data } },
    root: join(data, 'out'),
  });
  return loadWordTokenizer(outputs.tokenizer as string);
}

describe.each([
  ['wordpiece', 100],
  ['byte-bpe', 300],
] as const)('words as tokens, %s', (type, vocabulary) => {
  it('finds each word’s tokens, behind signs of any width and as far as the text is read', async () => {
    const tokenizer = await tokenizerOf(type, vocabulary);
    const text = 'red 😀 lamp, cup 24 xyzzy';
    const [found] = await tokenizer.split([text], 64);
    const words = found?.words ?? [];
    // WordPiece knows no z: what is no word to it is none here.
    const known = type === 'wordpiece' ? ['red', 'lamp', 'cup'] : ['red', 'lamp', 'cup', 'xyzzy'];
    expect(words.map(({ start, end }) => text.slice(start, end))).toEqual(known);
    for (const { start, end, first, pieces } of words) {
      const ids = found?.ids.subarray(first, first + pieces) as Int32Array;
      expect(await tokenizer.spelling(ids)).toBe(text.slice(start, end));
      const [own] = await tokenizer.piecesOf([text.slice(start, end)]);
      // In BPE a space before letters that it never saw is a token by itself.
      if (start > 0) expect([...(own as Int32Array)].slice(-pieces)).toEqual([...ids]);
    }
    // A word that is cut in two is none.
    const all = found?.ids.length as number;
    const last = words.at(-1);
    const length = (last?.first as number) + (last?.pieces as number) - 1 + (found?.closing as number);
    const [cut] = await tokenizer.split([text], length);
    expect([cut?.ids.length, cut?.words]).toEqual([length, words.slice(0, -1)]);
    expect(length).toBeLessThan(all);
  });

  it('knows which tokens are words', async () => {
    const { wordOf } = await tokenizerOf(type, vocabulary);
    expect(wordOf).toContain('the');
    expect(wordOf.filter((word) => word !== undefined && !/^\p{L}+$/u.test(word))).toEqual([]);
    expect(new Set(wordOf.filter(Boolean)).size).toBe(wordOf.filter(Boolean).length);
  });
});
