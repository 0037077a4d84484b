import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { badOnes, failure, files, goodOnes, parquetBytes, readAll } from './reading.js';
import { type Odd, zipped } from './zipped.js';

const read = async (type: string, archive: Uint8Array, more: object = {}) =>
  readAll({ type, path: join(await files({ 'rows.zip': archive }), 'rows.zip'), ...more });
const texts = async (...given: Parameters<typeof read>) =>
  goodOnes(await read(...given)).map(({ text, label }) => [text, label]);

describe('the one file of a ZIP archive', () => {
  it('is read as it would be by itself, whatever packs it and lies beside it', async () => {
    const csv = 'text\tlabel\none\ta\ntwo\tb\n';
    const rows = [
      ['one', 'a'],
      ['two', 'b'],
    ];
    const junk = { '__MACOSX/._rows.tsv': 'x', '.DS_Store': 'x', 'data/': '' };
    expect(await texts('csv', zipped({ ...junk, 'data/rows.tsv': csv }))).toEqual(rows);
    expect(await texts('csv', zipped({ 'rows.tsv': csv }, { 'rows.tsv': { method: 0 } }))).toEqual(rows);
    const jsonl = '{"text":"one","label":"a"}\n{"text":"two","label":"b"}\n';
    expect(await texts('jsonl', zipped({ 'rows.jsonl': jsonl }))).toEqual(rows);
    expect(await texts('text', zipped({ 'rows.txt': Buffer.from('\ufeffäöü\nß', 'utf16le') }))).toEqual([
      ['äöü', null],
      ['ß', null],
    ]);
    const table = parquetBytes([
      { name: 'text', data: ['one', 'two'], type: 'STRING' },
      { name: 'label', data: ['a', 'b'], type: 'STRING' },
    ]);
    expect(await texts('parquet', zipped({ 'rows.parquet': table }))).toEqual(rows);
    const root = await files({ 'rows.json.zip': zipped({ 'rows.json': JSON.stringify(['one']) }) });
    expect(goodOnes(await readAll({ type: 'npm', package: root, file: 'rows.json.zip' }))).toEqual([
      { text: 'one', label: null },
    ]);
  });

  it('says which line of which file is bad', async () => {
    const items = await read('jsonl', zipped({ 'rows.jsonl': '{"text":"one"}\n{"text":2}\n' }), { label: 'label' });
    expect(badOnes(items)).toEqual([expect.stringMatching(/^rows\.jsonl:2: field "text" has to be/)]);
  });

  it('is refused where there are several, where it cannot be unpacked, and where it unpacks without end', async () => {
    const wrong = async (contents: Record<string, string | Uint8Array>, odd: Record<string, Odd> = {}) => {
      const root = await files({ 'rows.zip': zipped(contents, odd) });
      return failure(readAll({ type: 'text', path: join(root, 'rows.zip') }), root);
    };
    const one = { 'a.txt': 'some words, and some words again' };
    expect(await wrong({ 'a.txt': 'a', 'b/c.txt': 'b' })).toBe(
      'ROOT/rows.zip: there are 2 files in it, and one is read: "a.txt", "b/c.txt" | Unpack it, and name the file that is meant. | /source',
    );
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`${i}.txt`, 'x']));
    expect(await wrong(many)).toContain('"7.txt" and 3 more | Unpack it');
    expect(await wrong({})).toBe('ROOT/rows.zip: there is no file in it |  | /source');
    expect(await wrong(one, { 'a.txt': { flags: 1 } })).toBe(
      'ROOT/rows.zip: "a.txt" in it is encrypted | Unpack it yourself: a recipe has no place for its password. | /source',
    );
    expect(await wrong(one, { 'a.txt': { method: 93 } })).toContain(
      'ROOT/rows.zip: "a.txt" in it is packed by method 93, and only deflate (8) is read | Unpack it yourself.',
    );
    const damaged = 'cannot be unpacked: ';
    expect(await wrong(one, { 'a.txt': { sum: 1 } })).toContain(
      `ROOT/rows.zip/a.txt: ${damaged}its checksum is another`,
    );
    expect(await wrong(one, { 'a.txt': { size: 5 } })).toContain(`ROOT/rows.zip/a.txt: ${damaged}too many bytes`);
    expect(await wrong(one, { 'a.txt': { name: '../a.txt' } })).toBe(
      `ROOT/rows.zip: ${damaged}invalid relative path: ../a.txt | Fetch or pack it again. | /source`,
    );
    expect(await wrong({ 'a.txt': 'a', 'b.txt': 'b' }, { 'b.txt': { name: 'a.txt' } })).toContain(
      'two files in it are called "a.txt"',
    );
    const whole = zipped(one);
    const root = await files({ 'cut.zip': whole.subarray(0, whole.length - 30) });
    expect(await failure(readAll({ type: 'text', path: join(root, 'cut.zip') }), root)).toContain(
      `ROOT/cut.zip: ${damaged}End of central directory record signature not found`,
    );
    expect(await wrong({ 'a.txt': Buffer.alloc(96 * 2 ** 20, 'a') })).toBe(
      'ROOT/rows.zip: it unpacks to 96 MiB, more than 100 times its size, as no text does | Unpack it yourself if it is no zip bomb. | /source',
    );
    // What it says of itself is held to.
    const lies = await wrong({ 'a.txt': Buffer.alloc(96 * 2 ** 20, 'a') }, { 'a.txt': { size: 1000 } });
    expect(lies).toContain('too many bytes');
    expect(await wrong({ 'a.csv.gz': gzipSync('a\n') })).toContain('rows.zip/a.csv.gz: byte');
  });

  it('is unpacked into a file only while it is read, also where it is no table', async () => {
    const root = await files({ 'rows.zip': zipped({ 'a.parquet': 'PAR1 no table', 'b/': '' }) });
    const message = await failure(readAll({ type: 'parquet', path: join(root, 'rows.zip') }), root);
    expect(message).toMatch(/^ROOT\/rows\.zip\/a\.parquet: cannot be read as Parquet/);
  });
});

describe('folders in a ZIP archive', () => {
  const contents = {
    'texts/a/2.txt': 'two',
    'texts/a/1.txt': 'one',
    'texts/a/x.md': '-',
    'texts/b/3.txt': 'Grüße',
    'texts/b/.hidden.txt': '-',
    'texts/b/link.txt': '/etc/passwd',
    'texts/0.txt': 'zero',
  };
  const archive = () => zipped(contents, { 'texts/b/link.txt': { mode: 0o120777 } });

  it('have a row a file, its label by the folder', async () => {
    const expected = [
      { text: 'zero', label: null },
      { text: 'one', label: 'a' },
      { text: 'two', label: 'a' },
      { text: 'Grüße', label: 'b' },
    ];
    expect(await read('folder', archive(), { folder: 'texts' })).toEqual(expected);
    expect(await read('folder', archive(), { folder: './texts/' })).toEqual(expected);
    expect(await read('folder', archive(), { folder: 'texts', labels: { a: 'x' }, extensions: ['.md'] })).toEqual([
      { text: '-', label: 'x' },
    ]);
  });

  it('are named where something in them is not as it should be', async () => {
    const root = await files({ 'rows.zip': archive() });
    const wrong = (more: object) => failure(readAll({ type: 'folder', path: join(root, 'rows.zip'), ...more }), root);
    expect(await wrong({ folder: 'other' })).toContain('no folder ROOT/rows.zip/other');
    expect(await wrong({ folder: 'texts', labels: { c: 'x' } })).toBe(
      'no folder "c" in ROOT/rows.zip/texts | It has "a", "b". | /source/labels',
    );
    expect(await wrong({ folder: '../x' })).toContain('the folder "../x" has to lie in ROOT/rows.zip');
    const latin = zipped({ 'a/1.txt': Buffer.from('Gr\xfc\xdfe', 'latin1') });
    expect(badOnes(await read('folder', latin))).toEqual([
      expect.stringContaining('a/1.txt: byte 3 of the line, 0xfc, is not valid UTF-8'),
    ]);
  });

  it('may be mails, and an mbox file may be packed by itself', async () => {
    const message = (subject: string): string => `From a@b Thu Aug 22 13:17:22 2002\nSubject: ${subject}\n\nbody\n\n`;
    const mbox = message('One') + message('Two');
    const labels = { 'inbox.mbox': 'ham', 'note.eml': 'ham', spam: 'spam' };
    const mails = { 'inbox.mbox': mbox, 'note.eml': 'Subject: Three\n\nbody\n', 'spam/1': 'Subject: Four\n\nbody\n' };
    const rows = ['One', 'Two', 'Three', 'Four'].map((subject, i) => [`${subject}\nbody`, i === 3 ? 'spam' : 'ham']);
    expect(await texts('mail', zipped(mails), { labels })).toEqual(rows);
    const root = await files({ 'rows.zip': zipped(mails, { 'spam/1': { flags: 1 } }) });
    expect(await failure(readAll({ type: 'mail', path: join(root, 'rows.zip'), labels }), root)).toContain(
      'ROOT/rows.zip: "spam/1" in it is encrypted',
    );
    const path = await files({ 'inbox.zip': zipped({ 'inbox.mbox': mbox }), 'inbox.mbox.gz': gzipSync(mbox) });
    for (const name of ['inbox.zip', 'inbox.mbox.gz']) {
      const items = goodOnes(await readAll({ type: 'mail', path, labels: { [name]: 'ham' } }));
      expect(items.map(({ text }) => text)).toEqual(['One\nbody', 'Two\nbody']);
    }
  });
});
