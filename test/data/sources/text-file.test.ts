import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { badOnes, failure, files, goodOnes, readAll } from './reading.js';

const read = async (content: string | Uint8Array, more: Record<string, unknown> = {}, name = 'rows.txt') => {
  const root = await files({ [name]: content });
  return readAll({ type: 'text', path: join(root, name), ...more });
};
const wrong = async (content: string | Uint8Array, name = 'rows.txt'): Promise<string> => {
  const root = await files({ [name]: content });
  return failure(readAll({ type: 'text', path: join(root, name) }), root);
};
const texts = async (...args: Parameters<typeof read>) => goodOnes(await read(...args)).map(({ text }) => text);

describe('text', () => {
  it('has a row a line, or a paragraph', async () => {
    const content = 'one\ntwo\n\n \nthree\n';
    expect(await texts(content)).toEqual(['one', 'two', 'three']);
    expect(await texts(content, { rows: 'paragraph' })).toEqual(['one\ntwo', 'three']);
  });

  it('decodes UTF-16 of either order, and unpacks gzip', async () => {
    const little = Buffer.from('\ufeffäöü\nß', 'utf16le');
    expect(await texts(little)).toEqual(['äöü', 'ß']);
    expect(await texts(Buffer.from(little).swap16())).toEqual(['äöü', 'ß']);
    expect(await texts(gzipSync(little))).toEqual(['äöü', 'ß']);
  });

  it('leaves out a line of 10 MB and one that is no UTF-8, and reads on', async () => {
    const content = Buffer.concat([
      Buffer.from('first\n'),
      Buffer.alloc(10_000_000, 'x'),
      Buffer.from('\nGr\xfc\xdfe\nlast\n', 'latin1'),
    ]);
    const items = await read(content);
    expect(goodOnes(items).map(({ text }) => text)).toEqual(['first', 'last']);
    expect(badOnes(items)).toEqual([
      'rows.txt:2: the line is longer than 8 MiB',
      'rows.txt:3: byte 3 of the line, 0xfc, is not valid UTF-8',
    ]);
  });

  it('refuses what is no text, and a zip bomb before it fills memory', async () => {
    expect(await wrong('')).toBe('ROOT/rows.txt: the file has no rows |  | /source');
    expect(await wrong('PK\x03\x04...')).toContain(
      'ROOT/rows.txt: cannot be unpacked: End of central directory record',
    );
    expect(await wrong('PAR1...')).toContain('it is a Parquet file | Its source has type: parquet.');
    expect(await wrong(Buffer.from('a\0b\n'))).toContain('ROOT/rows.txt: byte 1 is 0, as in no text');
    expect(await wrong(Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]))).toContain('ROOT/rows.txt: cannot be unpacked');
    const bomb = gzipSync(Buffer.alloc(96 * 2 ** 20, 'a'), { level: 9 });
    expect(bomb.length).toBeLessThan(200_000);
    expect(await wrong(bomb)).toMatch(
      /^ROOT\/rows\.txt: it unpacks to more than 100 times its size, as no text does; stopped after 6\d MiB \|/,
    );
    expect(await failure(readAll({ type: 'text', path: '/nowhere/rows.txt' }), '-')).toContain(
      'cannot read /nowhere/rows.txt: ENOENT',
    );
  });
});

describe('folder', () => {
  it('has a row a file, its label by the folder', async () => {
    const path = await files({
      'a/2.txt': 'two',
      'a/1.txt': 'one',
      'a/x.md': '-',
      'b/3.txt': 'Gr\xfc\xdfe',
      '0.txt': 'zero',
    });
    expect(await readAll({ type: 'folder', path })).toEqual([
      { text: 'zero', label: null },
      { text: 'one', label: 'a' },
      { text: 'two', label: 'a' },
      { text: 'Grüße', label: 'b' },
    ]);
    expect(
      await readAll({ type: 'folder', path, labels: { a: 'x' }, extensions: ['.md'] }, ['file', 'folder']),
    ).toEqual([{ text: '-', label: 'x', keys: { file: 'a/x.md', folder: 'a' } }]);
    const wrong = (more: object) => failure(readAll({ type: 'folder', path, ...more }), path);
    expect(await wrong({ labels: { c: 'x' } })).toBe('no folder "c" in ROOT | It has "a", "b". | /source/labels');
    expect(await wrong({ extensions: ['.rst'] })).toContain('no .rst files in ROOT');
    expect(await wrong({ folder: '../x' })).toContain('the folder "../x" has to lie in ROOT');
  });

  it('says which file is no text', async () => {
    const path = await files({ 'a/1.txt': Buffer.from('Gr\xfc\xdfe', 'latin1'), 'a/2.txt': 'fine' });
    const items = await readAll({ type: 'folder', path });
    expect(badOnes(items)).toEqual([expect.stringContaining('a/1.txt: byte 3 of the line, 0xfc, is not valid UTF-8')]);
    expect(goodOnes(items)).toHaveLength(1);
    expect((await readAll({ type: 'folder', path, encoding: 'windows-1252' }))[0]).toEqual({
      text: 'Grüße',
      label: 'a',
    });
  });
});
