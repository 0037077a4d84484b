import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Row, Span } from '../../src/data/dataset.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import { bioTags, checkTags, firstPieces, splitWords, tagSet, wordsOf } from '../../src/data/words.js';
import { goldenJson } from '../models/tiny.js';
import { temporaryFolder } from '../steps/context.js';

const words = (text: string): string[] => splitWords(text).map(({ start, end }) => text.slice(start, end));

test('words are runs of letters and digits, and any other character', () => {
  expect(words("He's in San José, isn't  he?\n")).toEqual([
    ...['He', "'", 's', 'in', 'San', 'José', ',', 'isn', "'", 't', 'he', '?'],
  ]);
  expect(words('a 😀b na\u0301 12.5 snake_case')).toEqual(['a', '😀', 'b', 'na\u0301', '12', '.', '5', 'snake_case']);
  expect(words(' \n')).toEqual([]);
});

describe('spans as BIO tags', () => {
  const text = 'Ann Lee met Bo in New York.';
  const tagsOf = (spans: readonly Span[]): string[] => bioTags(splitWords(text), spans);
  const span = (of: string, label: string): Span => ({
    start: text.indexOf(of),
    end: text.indexOf(of) + of.length,
    label,
  });

  test('the first word begins one', () => {
    expect(tagsOf([span('Ann Lee', 'PER'), span('Bo', 'PER'), span('New York', 'LOC')])).toEqual([
      ...['B-PER', 'I-PER', 'O', 'B-PER', 'O', 'B-LOC', 'I-LOC', 'O'],
    ]);
  });

  test('two that touch are two', () => {
    expect(tagsOf([span('Ann', 'PER'), span('Lee', 'PER')]).slice(0, 3)).toEqual(['B-PER', 'B-PER', 'O']);
  });

  test('part of a word is that word; one that two share is the first one’s', () => {
    expect(tagsOf([span('Lee', 'A'), span('et', 'B')]).slice(0, 4)).toEqual(['O', 'B-A', 'B-B', 'O']);
    expect(tagsOf([span('Y', 'A'), span('ork', 'B')]).slice(-3)).toEqual(['O', 'B-A', 'O']);
  });
});

interface Alignment {
  readonly tokenizer: object;
  readonly cases: readonly { words: string[]; max_length: number; ids: number[]; first: number[] }[];
}

test("the token of each word is that of transformers' is_split_into_words", async () => {
  const { tokenizer: json, cases } = goldenJson<Alignment>('alignment.json');
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  const tokenizer = await loadTokenizer(folder);
  for (const { words, max_length, ids, first } of cases) {
    let start = 0;
    const placed = words.map((word) => {
      const at = { start, end: start + word.length };
      start = at.end + 1;
      return at;
    });
    const { tokens, places } = await tokenizer.locate([words.join(' ')], max_length);
    expect([...tokens.ids(0)]).toEqual(ids);
    expect([...firstPieces(placed, places[0] as (typeof places)[number])]).toEqual(first);
    expect([...(await tokenizer.encode([words.join(' ')], max_length)).ids(0)]).toEqual(ids);
  }
});

test('a word without a token of its own has none, and no other word’s', () => {
  const at = (...places: [number, number][]) => ({
    starts: Int32Array.from(places, ([start]) => start),
    ends: Int32Array.from(places, ([, end]) => end),
  });
  const words = [at([0, 1]), at([1, 3]), at([3, 4])].map(({ starts, ends }) => ({
    start: starts[0] as number,
    end: ends[0] as number,
  }));
  expect([...firstPieces(words, at([0, 0], [1, 2], [2, 3], [0, 0]))]).toEqual([-1, 1, -1]);
  // One token for the first two words.
  expect([...firstPieces(words, at([0, 0], [0, 3], [3, 4], [0, 0]))]).toEqual([1, -1, 2]);
});

test('a row without tags has the words of its text', () => {
  expect(wordsOf({ text: 'Hi Bo' })).toEqual([
    { start: 0, end: 2, tag: null },
    { start: 3, end: 5, tag: null },
  ]);
  expect(wordsOf({ text: 'Hi Bo', spans: [{ start: 3, end: 5, label: 'PER' }] }).map(({ tag }) => tag)).toEqual([
    'O',
    'B-PER',
  ]);
});

test('tags of a dataset, and what is wrong with them', () => {
  const info = { labels: [], rows: 1, labelled: 0 };
  expect(tagSet({ ...info, tags: ['NOUN', 'VERB'] }, 'data')).toEqual(['NOUN', 'VERB']);
  expect(tagSet({ ...info, span_labels: ['A', 'B'] }, 'data')).toEqual(['O', 'B-A', 'I-A', 'B-B', 'I-B']);
  expect(() => tagSet(info, 'data')).toThrow('no row of the input "data" has words with tags, or spans');
  expect(() => tagSet({ ...info, tags: ['X'], span_labels: ['A'] }, 'data')).toThrow('some rows of the input "data"');
  const row: Row = { id: 'abc', text: 'Hi Bo', label: null, words: [{ start: 3, end: 5, tag: 'NOUN' }] };
  expect(() => checkTags([row], ['VERB'], 'validation', 'the training data')).toThrow(
    'row abc of the input "validation": the word "Bo" has the tag "NOUN", which the training data does not know',
  );
});
