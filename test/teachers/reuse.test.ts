import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, writeDataset } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import { float32Of } from '../../src/util/float16.js';
import type { JsonObject } from '../../src/util/json.js';
import { expectClose } from '../backend/rig.js';
import { digests, type TestContext } from '../steps/context.js';
import { type Corpus, capture, LABELS, madeUpRows, makeCorpus, makeTeacher, sharedFolder } from '../train/rig.js';

const OPTIONS = { hidden_states: [4], attention: [3] };

describe('a text that was answered before', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let teacher: string;
  let scratch: string;
  let count = 0;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(700, 20));
    teacher = await makeTeacher(folder, corpus);
    scratch = (await capture(join(folder, 'scratch'), corpus, teacher, OPTIONS)).outputs.logits as string;
  });

  const dataOf = async (rows: readonly Row[]): Promise<{ data: string }> => {
    const data = join(folder, `data ${++count}`);
    await mkdir(data);
    await writeDataset(data, LABELS, rows);
    return { data };
  };
  /** A workplace: runs in it share a folder. */
  const place = () => {
    const shared = join(folder, `shared ${++count}`);
    const run = async (rows: readonly Row[], options: JsonObject = OPTIONS, model = teacher): Promise<TestContext> =>
      capture(join(folder, `run ${++count}`), await dataOf(rows), model, options, { shared });
    const files = (): string[] =>
      readdirSync(join(shared, 'logits'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.safetensors'))
        .map((path) => join(shared, 'logits', path));
    return { shared, run, files };
  };
  /** Texts that a run computed. */
  const computed = ({ progress }: TestContext): number => {
    const [first] = progress.filter(({ phase }) => phase === undefined);
    return (first?.total as number) - (first?.done as number);
  };
  const made = ({ outputs }: TestContext): string => outputs.logits as string;
  const shardsOf = async (context: TestContext): Promise<string[]> => {
    const cache = await LogitsCache.open(made(context));
    cache.close();
    return cache.index.shards.map(({ sha256 }) => sha256);
  };

  /** Every row is there with what a run from scratch says of it; with other texts beside it, up to rounding. */
  async function expectAnswers(context: TestContext, rows: readonly Row[]): Promise<void> {
    const [mine, theirs] = [await LogitsCache.open(made(context)), await LogitsCache.open(scratch)];
    expect([...mine.ids()]).toEqual(rows.map(({ id }) => id));
    const tokens = await corpus.tokenizer.encode(
      rows.map(({ text }) => text),
      40,
    );
    const wanted = { logits: true, hiddenStates: [4], attention: [3] };
    for (const [i, { id }] of rows.entries()) {
      const [a, b] = [mine, theirs].map((cache) => cache.read(id, tokens.ids(i), wanted));
      const numbers = (data: Float32Array | Uint16Array | undefined): Float32Array => float32Of(data as Uint16Array);
      expectClose(numbers(a?.logits), numbers(b?.logits), `logits of ${id}`, 2e-3);
      expectClose(numbers(a?.hiddenStates.get(4)), numbers(b?.hiddenStates.get(4)), `state of ${id}`, 2e-3);
      expectClose(numbers(a?.attention.get(3)), numbers(b?.attention.get(3)), `scores of ${id}`, 2e-3);
    }
    mine.close();
    theirs.close();
  }

  it('is not computed again when rows are added, wherever they are', async () => {
    const { run, files } = place();
    const { rows } = corpus;
    const some = rows.filter((_, i) => i % 7 !== 3);
    const first = await run(some);
    expect(computed(first)).toBe(600);
    const before = new Map(files().map((path) => [path, statSync(path).mtimeMs]));

    const second = await run(rows);
    expect(computed(second)).toBe(100);
    expect(second.logs[0]?.message).toBe('600 of 700 texts were computed in an earlier run');
    await expectAnswers(second, rows);
    const shards = await shardsOf(first);
    expect(await shardsOf(second)).toEqual([...shards.slice(0, 1), expect.any(String), ...shards.slice(1)]);
    // The old shards are the same files, neither written nor copied.
    for (const [path, time] of before) expect(statSync(path)).toMatchObject({ mtimeMs: time, nlink: 3 });

    // And none when rows go, or stand in another order.
    const turned = rows.filter((_, i) => i % 2 === 0).reverse();
    const third = await run(turned);
    expect(computed(third)).toBe(0);
    await expectAnswers(third, turned);
  });

  it('is computed once where a dataset has it twice', async () => {
    const { run } = place();
    const rows = corpus.rows.slice(0, 20);
    const twice = await run([...rows.slice(0, 5), ...rows]);
    expect(computed(twice)).toBe(20);
    await expectAnswers(twice, rows);
  });

  it('comes to the same bytes where nothing is shared', async () => {
    const { run, shared } = place();
    const one = await run(corpus.rows);
    expect(await digests(made(one))).toEqual(await digests(scratch));
    // What is shared may be gone tomorrow.
    await rm(shared, { recursive: true });
    const two = await run(corpus.rows);
    expect(computed(two)).toBe(700);
    expect(await digests(made(two))).toEqual(await digests(scratch));
    const three = await run(corpus.rows);
    expect(computed(three)).toBe(0);
    expect(await digests(made(three))).toEqual(await digests(scratch));
  });

  it('is computed again for another teacher, and for whatever changes the numbers', async () => {
    const { run } = place();
    const rows = corpus.rows.slice(0, 40);
    await run(rows);
    const other = join(folder, 'other teacher');
    await mkdir(other, { recursive: true });
    for (const file of readdirSync(teacher)) await writeFile(join(other, file), await readFile(join(teacher, file)));
    expect(computed(await run(rows, OPTIONS, other))).toBe(40);
    for (const changed of [{ hidden_states: [3] }, { dtype: 'float32' }, { backend: 'cpu' }, { precision: 'int8' }]) {
      expect(computed(await run(rows, { ...OPTIONS, ...changed })), JSON.stringify(changed)).toBe(40);
    }
    expect(computed(await run(rows, { ...OPTIONS, max_bytes: 10 ** 8 }))).toBe(0);
  });

  it('is computed again, it and its shard alone, where a byte of it is wrong', async () => {
    const { run, files } = place();
    const whole = await digests(made(await run(corpus.rows)));
    expect(files()).toHaveLength(3);
    const sizes = await Promise.all(files().map(async (path) => (await readFile(path)).length));
    // The header's length, the header, the tensors, and at the end the ids and hashes.
    for (const at of [
      0,
      30,
      Math.floor((sizes[1] as number) / 2),
      (sizes[1] as number) - 1,
      (sizes[1] as number) - 4000,
    ]) {
      const path = files()[1] as string;
      const bytes = await readFile(path);
      bytes[at] = (bytes[at] as number) ^ 4;
      await writeFile(path, bytes);
      const again = await run(corpus.rows);
      expect(again.logs[0]).toMatchObject({
        level: 'warning',
        message: expect.stringMatching(/^a shard of an earlier run was damaged/),
      });
      expect([256, 188]).toContain(computed(again));
      expect(await digests(made(again)), `byte ${at}`).toEqual(whole);
      expect(computed(await run(corpus.rows))).toBe(0);
    }
    // A shard that is cut off, and one that is empty.
    for (const length of [1000, 0]) {
      const path = files()[0] as string;
      await writeFile(path, (await readFile(path)).subarray(0, length));
      expect(await digests(made(await run(corpus.rows)))).toEqual(whole);
    }
    expect(files()).toHaveLength(3);
  });

  it('takes the place of a shard whose damage hides what it holds', async () => {
    const { run, files } = place();
    const rows = corpus.rows.slice(0, 1);
    const whole = await digests(made(await run(rows)));
    const [path] = files() as [string];
    const bytes = await readFile(path);
    // The last byte is of the id: no text is looked for under what it is now.
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(path, bytes);
    const again = await run(rows);
    expect(computed(again)).toBe(1);
    expect(await digests(made(again))).toEqual(whole);
    expect(files()).toEqual([path]);
    expect(computed(await run(rows))).toBe(0);
  });

  it('survives runs at the same time', async () => {
    const { run, files } = place();
    const { rows } = corpus;
    const parts = [rows.slice(0, 400), rows.slice(200), rows.slice(0, 400), rows];
    const runs = await Promise.all(parts.map((part) => run(part)));
    for (const [i, context] of runs.entries()) await expectAnswers(context, parts[i] as readonly Row[]);
    expect(await digests(made(runs[2] as TestContext))).toEqual(await digests(made(runs[0] as TestContext)));
    const after = await run(rows);
    expect(computed(after)).toBe(0);
    await expectAnswers(after, rows);
    for (const path of files()) expect(path).toMatch(/\/[0-9a-f]{32}\/[0-9a-f]{64}\.safetensors$/);
  });
});
