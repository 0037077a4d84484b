import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { badOnes, failure, files, goodOnes, readAll } from './reading.js';

async function read(content: string | Uint8Array, options: Record<string, unknown> = {}, name = 'rows.csv') {
  const root = await files({ [name]: content });
  return readAll({ type: 'csv', path: join(root, name), ...options });
}
async function wrong(content: string | Uint8Array, options: Record<string, unknown> = {}): Promise<string> {
  const root = await files({ 'rows.csv': content });
  return failure(readAll({ type: 'csv', path: join(root, 'rows.csv'), ...options }), root);
}

describe('csv', () => {
  it('reads quotes, doubled quotes, line ends in cells, CRLF, a byte order mark and empty cells', async () => {
    const content = '\ufefftext,label\r\n"a, ""b""\r\nc",x\r\n\r\nd,\r\n';
    expect(await read(content)).toEqual([
      { text: 'a, "b"\r\nc', label: 'x' },
      { text: 'd', label: null },
    ]);
  });

  it('takes tabs in .tsv, other delimiters, names of columns, numbers, fields, responses and renamed labels', async () => {
    expect(await read('text\tlabel\na,b\tx\n', {}, 'rows.tsv')).toEqual([{ text: 'a,b', label: 'x' }]);
    const options = {
      delimiter: ';',
      columns: ['class', 'body', 'stars', 'reply'],
      text: 'body',
      label: 'class',
      score: 'stars',
      fields: ['stars'],
      response: 'reply',
      label_names: { '1': 'World', '2': null },
    };
    const items = await read('1;a;2.5;r\n2;b;;\n3;c;1;\n2;d;x;\n', { ...options, fields: [] });
    expect(goodOnes(items)).toEqual([
      { text: 'a', label: 'World', responses: ['r'], annotations: { score: 2.5 } },
      { text: 'b', label: null },
    ]);
    expect(badOnes(items)).toEqual([
      'rows.csv:3: the label "3" is not in label_names',
      'rows.csv:4: column "stars" has to be a number, got "x"',
    ]);
  });

  it('unpacks gzip, decodes UTF-16 with a byte order mark, and other character sets where they are named', async () => {
    expect(await read(gzipSync('text\nä\n'), {}, 'rows.csv.gz')).toEqual([{ text: 'ä', label: null }]);
    expect(await read(Buffer.from('\ufefftext\nä\n', 'utf16le'))).toEqual([{ text: 'ä', label: null }]);
    const latin = Buffer.from('text\nGr\xfc\xdfe\n', 'latin1');
    expect(await read(latin, { encoding: 'windows-1252' })).toEqual([{ text: 'Grüße', label: null }]);
  });

  it('says which rows are bad, by the line that they begin on, and reads on', async () => {
    const items = await read('text,label\n"a\nb",x\nonly\nd,w\n');
    expect(goodOnes(items).map(({ text }) => text)).toEqual(['a\nb', 'd']);
    expect(badOnes(items)).toEqual(['rows.csv:4: 1 cells, and there are 2 columns']);
  });

  it('says what is wrong with a file', async () => {
    expect(await wrong('')).toBe('ROOT/rows.csv: the file has no rows |  | /source');
    expect(await wrong('text,label\n')).toBe('ROOT/rows.csv: the file has no rows |  | /source');
    expect(await wrong('body,label\na,b\n')).toBe(
      'ROOT/rows.csv:1: no column "text" | The file has "body", "label"; name the one with the text in the option "text". | /source/text',
    );
    expect(await wrong('text,text\na,b\n')).toContain('ROOT/rows.csv:1: two columns are called "text"');
    expect(await wrong('text\nok\n"a\nb\n')).toMatch(
      /^ROOT\/rows\.csv:3: a quote is not closed \| .*Where quotes mean nothing, say quote: null\. \| \/source$/,
    );
    expect(await wrong('text\n"a"b\n')).toContain('ROOT/rows.csv:2: something stands behind a closing quote');
    expect(await wrong('text\na"b\n')).toContain('ROOT/rows.csv:2: a quote stands within a cell');
    expect(await wrong(Buffer.from('text\nok\nGr\xfc\xdfe aus K\xf6ln\n', 'latin1'))).toMatch(
      /^ROOT\/rows\.csv:3: byte 3 of the line, 0xfc, is not valid UTF-8 \| .*it may be encoding: (iso-8859-1|windows-1252)/,
    );
    expect(await wrong('text\na\n', { encoding: 'latin-9000' })).toContain(
      'no character set is called "latin-9000" | Use a name of the WHATWG Encoding Standard, such as windows-1252. | /source/encoding',
    );
  });

  it('does not read a row of more than 8 MiB, nor a quote that is never closed to the end', async () => {
    const long = 'x'.repeat(9 * 2 ** 20);
    expect(await wrong(`text\n${long}\nok\n`)).toContain('ROOT/rows.csv:2: a row is longer than 8 MiB');
  });
});
