import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { badOnes, failure, files, goodOnes, parquetBytes, readAll } from './reading.js';

const strings = (name: string, data: (string | null)[]) => ({ name, data, type: 'STRING' as const });

describe('parquet', () => {
  it('reads a folder of files in the order of their names, across row groups', async () => {
    const first = Array.from({ length: 50 }, (_, i) => `text ${i}`);
    const path = await files({
      'b.parquet': parquetBytes([strings('text', ['last'])]),
      'a.parquet': parquetBytes(
        [
          strings('text', first),
          strings(
            'label',
            first.map((_, i) => (i % 2 ? 'x' : null)),
          ),
        ],
        {
          rowGroupSize: 20,
        },
      ),
      'notes.md': '-',
    });
    const items = goodOnes(await readAll({ type: 'parquet', path }));
    expect(items.map(({ text }) => text)).toEqual([...first, 'last']);
    expect(items.map(({ label }) => label).slice(0, 3)).toEqual([null, 'x', null]);
  });

  it('names classes as the Hugging Face library does, and takes numbers, lists and fields', async () => {
    const features = { label: { names: ['neg', 'pos'], _type: 'ClassLabel' } };
    const path = join(
      await files({
        'rows.parquet': parquetBytes(
          [
            strings('text', ['a', 'b', 'c']),
            { name: 'label', data: [1n, 0n, -1n], type: 'INT64' },
            strings('title', ['A', 'B', 'C']),
            { name: 'stars', data: [1.5, 2, 3], type: 'DOUBLE' },
          ],
          { kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }] },
        ),
      }),
      'rows.parquet',
    );
    const items = await readAll({ type: 'parquet', path, fields: ['title'], score: 'stars' }, ['label']).catch(String);
    expect(items).toEqual([
      { text: 'a', label: 'pos', fields: { title: 'A' }, annotations: { score: 1.5 }, keys: { label: 'pos' } },
      { text: 'b', label: 'neg', fields: { title: 'B' }, annotations: { score: 2 }, keys: { label: 'neg' } },
      expect.objectContaining({ unreadable: 'field "label" has to be a string or number, got null' }),
    ]);
    expect(goodOnes(await readAll({ type: 'parquet', path })).map(({ label }) => label)).toEqual(['pos', 'neg', null]);
  });

  it('says what is wrong with a file, and with a row', async () => {
    const root = await files({
      'rows.parquet': parquetBytes([{ name: 'text', data: [1, 2], type: 'INT32' }, strings('body', ['a', null])]),
      'empty.parquet': parquetBytes([strings('text', [])]),
      'text.parquet': 'text,label\n',
    });
    const wrong = (name: string, more: object = {}) =>
      failure(readAll({ type: 'parquet', path: join(root, name), ...more }), root);
    expect(await wrong('rows.parquet')).toBe(
      'ROOT/rows.parquet: the column "text" is INT32, and cannot be a text | Texts are BYTE_ARRAY (STRING). | /source/text',
    );
    expect(await wrong('rows.parquet', { text: 'words' })).toBe(
      'ROOT/rows.parquet: no column "words" | The file has "text", "body"; name the right one in the option "text". | /source/text',
    );
    expect(await wrong('empty.parquet')).toContain('ROOT/empty.parquet: the file has no rows');
    expect(await wrong('text.parquet')).toContain('ROOT/text.parquet: cannot be read as Parquet: ');
    expect(await wrong('none.parquet')).toContain('ROOT/none.parquet: cannot be read as Parquet: ');
    const items = await readAll({ type: 'parquet', path: join(root, 'rows.parquet'), text: 'body' });
    expect(badOnes(items)).toEqual(['rows.parquet:2: field "body" has to be a string, got null']);
  });
});

describe('npm', () => {
  it('reads a file of a package as what its name says', async () => {
    const root = await files({
      'data/rows.json': '[{"text": "a", "label": "x"}, "b", 3]',
      'rows.csv': 'text,label\nc,y\n',
      'rows.jsonl': '{"text": "d"}\n',
      'rows.txt': 'e\n',
      'rows.parquet': parquetBytes([strings('text', ['f'])]),
      'no.json': '{"a": 1}',
    });
    const read = (file: string) => readAll({ type: 'npm', package: root, file });
    const texts = async (file: string) => goodOnes(await read(file)).map(({ text }) => text);
    expect(await texts('data/rows.json')).toEqual(['a', 'b']);
    expect(badOnes(await read('data/rows.json'))).toEqual([
      'data/rows.json:3: expected a JSON object or a text, got a number',
    ]);
    for (const [file, text] of [
      ['rows.csv', 'c'],
      ['rows.jsonl', 'd'],
      ['rows.txt', 'e'],
      ['rows.parquet', 'f'],
    ] as const) {
      expect(await texts(file), file).toEqual([text]);
    }
    expect(await failure(read('no.json'), root)).toContain('has to be a list of objects or texts, got an object');
    expect(await failure(read('../x.json'), root)).toContain('the file "../x.json" has to lie in ROOT');
    expect(await failure(read('rows.xml'), root)).toContain('rows.xml has no end that says what it is');
    expect(await failure(read('none.json'), root)).toContain('ROOT/none.json: no such file in the package');
  });
});
