import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AnnotationFields } from '../../../src/data/sources/annotations.js';
import { jsonl } from '../../../src/data/sources/jsonl.js';
import type { Item } from '../../../src/data/sources/source.js';
import { temporaryFolder } from '../../steps/context.js';

async function read(fields: AnnotationFields, ...rows: object[]): Promise<Item[]> {
  const path = join(await temporaryFolder(), 'rows.jsonl');
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const items: Item[] = [];
  const options = { type: 'jsonl' as const, path, text: 'text', label: 'label', fields: [], ...fields };
  try {
    for await (const item of jsonl.read(options, { progress: async () => {}, log: () => {} }, [], '')) {
      if ('unreadable' in item && item.failure) throw item.failure;
      items.push(item);
    }
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    throw new Error(`${message}${hint ? ` | ${hint}` : ''}`.replaceAll(path, 'FILE'));
  }
  return items;
}
const wrong = (fields: AnnotationFields, ...rows: object[]): Promise<string> =>
  read(fields, ...rows).then(
    () => 'nothing',
    (error: Error) => error.message,
  );

it('makes a text of words, and gives each its tag', async () => {
  const fields = { words: 'tokens', tags: 'pos' };
  expect(await read(fields, { tokens: ['Hi', '😀', 'Bo'], pos: ['X', null, 'NP'] }, { tokens: ['Hi'] })).toEqual([
    {
      text: 'Hi 😀 Bo',
      label: null,
      annotations: {
        words: [
          { start: 0, end: 2, tag: 'X' },
          { start: 3, end: 5, tag: null },
          { start: 6, end: 8, tag: 'NP' },
        ],
      },
    },
    { text: 'Hi', label: null, annotations: { words: [{ start: 0, end: 2, tag: null }] } },
  ]);
});

it('reads spans in the order of the text, labels once each, and scores', async () => {
  const fields = { spans: 'names', labels: 'topics', score: 'stars' };
  const names = [
    { start: 4, end: 6, label: 'B' },
    { start: 0, end: 3, label: 'A' },
  ];
  expect(await read(fields, { text: 'Ann Bo', names, topics: ['b', 'a', 'b'], stars: -1.5 }, { text: 'x' })).toEqual([
    {
      text: 'Ann Bo',
      label: null,
      annotations: { spans: [names[1], names[0]], labels: ['a', 'b'], score: -1.5 },
    },
    { text: 'x', label: null },
  ]);
  expect(await read(fields, { text: 'x', names: [], topics: [], stars: 0 })).toMatchObject([
    { annotations: { spans: [], labels: [], score: 0 } },
  ]);
});

it('says what is wrong with a row, and where', async () => {
  const words = { words: 'words', tags: 'tags' };
  const fine = { words: ['a'], tags: ['X'] };
  expect(await wrong(words, fine, { words: ['a', 'b', 'c'], tags: ['X', 'Y'] })).toBe(
    'FILE:2: 3 words in "words" and 2 tags in "tags" | Each word has one.',
  );
  expect(await wrong(words, { words: 'a b', tags: [] })).toBe(
    'FILE:1: field "words" has to be a list of words, got a string',
  );
  expect(await wrong(words, { words: ['a', ' '], tags: ['X', 'X'] })).toBe(
    'FILE:1: field "words" has to be a list of words, and number 2 is an empty string',
  );
  expect(await wrong(words, { words: ['a', 7], tags: ['X', 'X'] })).toContain('and number 2 is a number');
  expect(await wrong(words, { words: ['a'], tags: [1] })).toBe(
    'FILE:1: tag 1 in "tags" has to be a string or null, got a number',
  );
  expect(await wrong({ tags: 'tags' }, fine)).toContain('the option "tags" needs "words"');
  const spans = { spans: 'spans' };
  const text = 'Ann Bo';
  expect(await wrong(spans, { text, spans: [{ start: 0, end: 7, label: 'A' }] })).toBe(
    'FILE:1: span 1 in "spans" is from 0 to 7, and the text has 6 characters',
  );
  expect(await wrong(spans, { text, spans: [{ start: 0, end: 3 }] })).toBe(
    'FILE:1: span 1 in "spans" has to be {"start": …, "end": …, "label": "…"}',
  );
  const overlapping = [
    { start: 0, end: 4, label: 'A' },
    { start: 3, end: 6, label: 'B' },
  ];
  expect(await wrong(spans, { text, spans: overlapping })).toBe(
    'FILE:1: two spans in "spans" overlap: 0 to 4 and 3 to 6',
  );
  expect(await wrong({ labels: 'labels' }, { text, labels: 'a' })).toBe(
    'FILE:1: field "labels" has to be a list of labels, got a string',
  );
  expect(await wrong({ score: 'score' }, { text, score: 1 }, { text, score: '5' })).toBe(
    'FILE:2: field "score" has to be a number or null, got a string',
  );
});
