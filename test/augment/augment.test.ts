import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, readDataset, rowId, writeDataset } from '../../src/data/dataset.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { augmentData } from '../../src/steps/augment-data.js';
import { evaluate } from '../../src/steps/evaluate.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, makeContext, runStep, withDefaults } from '../steps/context.js';
import {
  type Corpus,
  LABELS,
  makeCorpus,
  makeTeacher,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from '../train/rig.js';

const TEXTS = [
  'The lunch notes: thanks, agenda!',
  'money for cheap pills 😀 winner money',
  'agenda of lunch 24 extraordinarily thankful',
];

describe('augment-data', async () => {
  const folder = await sharedFolder();
  // Words that occur once stay in pieces: the vocabulary is small.
  const rows = Array.from({ length: 40 }, (_, i): Row => {
    const text = `${TEXTS[i % 3]} ${i}`;
    return { id: rowId(text, { kind: 'mail' }), text, label: LABELS[i % 2] as string, fields: { kind: 'mail' } };
  });
  let corpus: Corpus;
  let inputs: Record<string, { kind: string; path: string }>;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, rows);
    const config = tinyConfig(corpus.tokenizer.vocabularySize, { head: 'masked-language-model', labels: 0 });
    const path = join(folder, 'masked');
    await mkdir(path);
    const parameters = randomParameters(config);
    await saveTransformer(path, { config, labels: [], parameters }, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
    inputs = { data: { kind: 'dataset', path: corpus.data }, model: { kind: 'model', path } };
  });
  const run = (options: JsonObject = {}, given = inputs) =>
    runStep(augmentData, { options: { copies: 3, ...options }, inputs: given });
  const made = async (options: JsonObject = {}) =>
    (await readDataset((await run(options)).outputs.data as string)).rows;
  /** Letters of a text become one sign: what is left is what no copy may change. */
  const frame = (text: string): string => text.replace(/[\p{L}\p{M}]+/gu, '_');

  it.each(['copy', 'original'])('replaces words and nothing else, context %s', async (context) => {
    const found = await made({ context, probability: 0.5 });
    const [first, ...others] = found.filter((row) => row.id === rows[0]?.id || row.augmented_from === rows[0]?.id);
    expect(first).toEqual(rows[0]);
    expect(others.length).toBeGreaterThan(1);
    const copies = found.filter(({ augmented_from: from }) => from !== undefined);
    expect(copies.length).toBeGreaterThan(90);
    for (const { id, text, label, fields, augmented_from: from } of copies) {
      const source = rows.find((row) => row.id === from) as Row;
      expect(frame(text)).toBe(frame(source.text));
      expect(text).not.toBe(source.text);
      expect([label, fields, id]).toEqual([null, { kind: 'mail' }, rowId(text, { kind: 'mail' })]);
    }
    const words = (text: string) => text.match(/[\p{L}\p{M}]+/gu) ?? [];
    const share = copies.flatMap(({ text, augmented_from: from }) => {
      const source = words(rows.find((row) => row.id === from)?.text as string);
      return words(text).map((word, i) => (word === source[i] ? 0 : 1) as number);
    });
    // Of the half that is drawn a few are replaced by themselves.
    expect(share.reduce((a, b) => a + b) / share.length).toBeGreaterThan(0.35);
    expect(share.reduce((a, b) => a + b) / share.length).toBeLessThan(0.55);
  });

  it('gives the copies alone, with their labels, where it is asked to', async () => {
    const found = await made({ originals: false, keep_label: true });
    expect(found.every(({ augmented_from: from }) => from !== undefined)).toBe(true);
    for (const { label, augmented_from: from } of found) {
      expect(label).toBe(rows.find(({ id }) => id === from)?.label);
    }
  });

  it.each(['copy', 'original'])('stops when asked to, and goes on to the same bytes, context %s', async (context) => {
    const straight = await run({ context });
    const options = withDefaults('augment-data', { copies: 3, context });
    const root = join(folder, `stopped ${context}`);
    await mkdir(root);
    const stop = new AbortController();
    const { ctx, saved } = await makeContext({ options, inputs, root, signal: stop.signal });
    const progress: StepContext<never>['progress'] = async ({ done }) => {
      if (done >= 16) stop.abort();
    };
    const step = (augmentData as StepDefinition<never>).run;
    await expect(step({ ...ctx, progress })).rejects.toThrow('abort');
    expect(saved).toEqual(['shard-0']);
    const last = await makeContext({ options, inputs, root });
    await step(last.ctx);
    expect(last.progress[0]).toMatchObject({ done: 16, total: 40, unit: 'rows' });
    expect(await digests(last.outputs.data as string)).toEqual(await digests(straight.outputs.data as string));
    expect(await digests((await run({ context }, inputs)).outputs.data as string)).toEqual(
      await digests(straight.outputs.data as string),
    );
  });

  it('takes the nearest words of a file for words of several pieces', async () => {
    const file = join(folder, 'glove.txt');
    const lines = ['extraordinarily 1 0 0', 'very 0.9 0.1 0', 'hugely 5 1 0.1', 'cup 0 0 1', '24 1 0 0'];
    await writeFile(file, `${lines.join('\n')}\n`);
    const found = await made({ embeddings: file, candidates: 2, probability: 1 });
    const third = found.filter(({ augmented_from: from }) => from === rows[2]?.id).map(({ text }) => text);
    expect(third.length).toBeGreaterThan(0);
    for (const text of third) expect(text).toMatch(/ 24 (very|hugely) thankful 2$/);

    await writeFile(file, `${lines.join('\n')}\nlamp 1 2\n`);
    await expect(run({ embeddings: file })).rejects.toThrow(
      `${file}:6: expected a word and 3 numbers, but there are 2`,
    );
    await writeFile(file, 'a 1 x\n');
    await expect(run({ embeddings: file })).rejects.toThrow(
      `${file}:1: expected a word and 2 numbers, but one of them`,
    );
  });

  it('never judges by copies, and makes none of copies', async () => {
    const { outputs } = await run();
    const data = { kind: 'dataset', path: outputs.data as string };
    await expect(run({}, { ...inputs, data })).rejects.toThrow(/^\d+ of the \d+ rows are copies already$/);
    const students = { kind: 'model', path: await makeTeacher(folder, corpus), from: 'student' };
    await expect(runStep(evaluate, { options: {}, inputs: { data, students } })).rejects.toThrow(
      /^\d+ of the \d+ rows of the input "data" are copies that augment-data made$/,
    );
    await expect(run({}, { ...inputs, model: students })).rejects.toMatchObject({ reason: 'no-masked-model' });
  });

  it('says so where nothing is replaced', async () => {
    const path = join(folder, 'numbers');
    await mkdir(path);
    await writeDataset(path, [], [{ id: rowId('1 2'), text: '1 2', label: null }]);
    await expect(run({ originals: false }, { ...inputs, data: { kind: 'dataset', path } })).rejects.toThrow(
      'no word of any row was replaced',
    );
    const info = JSON.parse(await readFile(join(corpus.data, 'dataset.json'), 'utf8'));
    expect(info.rows).toBe(40);
  });
});
