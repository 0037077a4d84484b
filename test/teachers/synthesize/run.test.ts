import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DatasetInfo, type Row, rowId } from '../../../src/data/dataset.js';
import { evaluate } from '../../../src/steps/evaluate.js';
import { sampleData } from '../../../src/steps/sample-data.js';
import { synthesizeData } from '../../../src/steps/synthesize-data.js';
import { train } from '../../../src/steps/train.js';
import type { Rejected } from '../../../src/teachers/synthesize/making.js';
import type { SynthesisReport } from '../../../src/teachers/synthesize/report.js';
import { digests, makeContext, runStep, temporaryFolder, withDefaults } from '../../steps/context.js';
import { dataset, lines, serve } from '../query/rig.js';
import { asked } from '../query/server.js';
import { isJudge, synthesize, textOf, wishIn, word, writerAndJudge } from './rig.js';

const teacher = (url: string) => ({ base_url: url, model: 'm' });
const json = async <T>(folder: string | undefined, file: string): Promise<T> =>
  JSON.parse(await readFile(join(folder as string, file), 'utf8')) as T;

describe('synthesize-data', () => {
  it('asks for as many texts of each label and topic, shows seeds, and marks what is written', async () => {
    const server = await serve({ answer: writerAndJudge() });
    const seeds = await dataset([
      { text: 'a real mail from ann@example.org', label: 'ham' },
      { text: 'a real offer of cheap pills', label: 'spam' },
    ]);
    const { outputs, measured, tables } = await synthesize(
      {
        teacher: teacher(server.url),
        rows: 22,
        topics: { work: ['travel', 'meetings'], home: null },
        descriptions: { ham: 'wanted' },
        redact: ['email'],
        originals: true,
      },
      { seeds },
    );
    const rows = await lines<Row>(outputs.data);
    const made = rows.slice(2);
    expect(rows.slice(0, 2).map(({ synthetic }) => synthetic)).toEqual([undefined, undefined]);
    expect(made).toHaveLength(22);
    expect(made.every(({ synthetic, id, text }) => synthetic === true && id === rowId(text))).toBe(true);
    expect(await json<DatasetInfo>(outputs.data, 'dataset.json')).toMatchObject({
      labels: ['ham', 'spam'],
      rows: 24,
      synthetic: 22,
    });
    const { cells, texts, judge } = await json<SynthesisReport>(outputs.report, 'report.json');
    expect(cells.map(({ label, topic, kept }) => [label, topic, kept])).toEqual([
      ['ham', 'work > travel', 4],
      ['spam', 'work > travel', 4],
      ['ham', 'work > meetings', 4],
      ['spam', 'work > meetings', 4],
      ['ham', 'home', 3],
      ['spam', 'home', 3],
    ]);
    expect(texts.kept).toBe(22);
    expect(judge).toBe(`m at ${server.url}`);
    const written = server.seen.filter(({ body }) => !isJudge(body));
    expect(written).toHaveLength(6);
    expect(asked(written[0]?.body as never)).toBe(
      'Write 4 different texts that have the label "ham" (wanted), about: work > travel.\n\nReal texts with this label, for tone and length. Do not copy them:\n"""\na real mail from [email]\n"""',
    );
    expect(server.seen.filter(({ body }) => isJudge(body))).toHaveLength(22);
    expect(JSON.stringify(server.seen.map(({ body }) => body))).not.toContain('ann@example.org');
    expect(measured.usage).toMatchObject({ requests: 28, stored_answers: 0 });
    expect(tables[0]?.rows[0]).toEqual(['kept', '22', '100.0 %']);
  });

  it('drops what is like a seed or another or does not fit, and asks again for what is missing', async () => {
    const seed = `ham ${word(7)} ${word(8)} ${word(9)} ${word(10)} ${word(11)} ${word(12)}`;
    const server = await serve({
      answer: writerAndJudge((n, label, topic) => {
        if (n % 5 === 0) return `${seed} 7`;
        if (n % 5 === 1) return textOf(label, topic, 3);
        return n % 5 === 2 ? `${textOf(label, topic, n)} wrong` : textOf(label, topic, n);
      }),
    });
    const seeds = await dataset([{ text: seed, label: 'ham' }]);
    const options = {
      teacher: teacher(server.url),
      labels: ['ham', 'spam'],
      rows: 20,
      rounds: 20,
      rate: { concurrency: 1 },
    };
    const { outputs } = await synthesize(options, { seeds });
    const { texts, rounds } = await json<SynthesisReport>(outputs.report, 'report.json');
    expect(texts.kept).toBe(20);
    expect(rounds).toBeGreaterThan(1);
    const rejected = await lines<Rejected>(outputs.rejected);
    for (const fate of ['like a seed', 'like another', 'judged not to fit'] as const) {
      expect(texts[fate], fate).toBeGreaterThan(1);
      expect(rejected.filter(({ reason }) => reason.startsWith(fate))).toHaveLength(texts[fate]);
    }
    expect(rejected.find(({ reason }) => reason.startsWith('judged'))?.reason).toBe('judged not to fit: 0.20');
    const rows = await lines<Row>(outputs.data);
    expect(rows.filter(({ label }) => label === 'ham')).toHaveLength(10);
    expect(rows.some(({ text }) => text.includes('wrong') || text.startsWith(seed))).toBe(false);
  });

  it('ends after its rounds with what there is, and fails with the reason where that is nothing', async () => {
    const server = await serve({ answer: writerAndJudge((_, label, topic) => textOf(label, topic, 1)) });
    const options = { teacher: teacher(server.url), labels: ['a', 'b'], rows: 10, rounds: 3, judge: false };
    const { outputs, logs } = await synthesize(options);
    expect(server.requests).toBe(2 * 3);
    expect(await lines<Row>(outputs.data)).toHaveLength(2);
    expect(logs.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
      '2 of 10 texts that are wanted; more rounds would ask again',
    ]);
    const dumb = await serve({ answer: () => ({ text: 'I would rather not' }) });
    await expect(synthesize({ ...options, teacher: teacher(dumb.url), corrections: 1 })).rejects.toThrow(
      'none of the 2 answers holds texts: no list of texts: "I would rather not"',
    );
    expect(dumb.seen.at(-1)?.body.messages.at(-1)?.content).toContain('{"texts": [...]}');
    const all = await serve({ answer: writerAndJudge(() => 'all the same and wrong') });
    await expect(synthesize({ ...options, judge: {}, teacher: teacher(all.url) })).rejects.toThrow(
      /^none of the \d+ texts is left: \d+ like another,1 judged not to fit$/,
    );
  });

  it('has another judge, and takes plain texts one by one', async () => {
    const writer = await serve({
      answer: (body) => ({ text: ` ${textOf(wishIn(body).label, 'x', Number(writer.requests))}\n` }),
    });
    const judge = await serve({ answer: () => ({ text: 'yes' }) });
    const { outputs } = await synthesize({
      teacher: teacher(writer.url),
      labels: ['a', 'b'],
      rows: 4,
      texts_per_request: 1,
      judge: { teacher: teacher(judge.url), soft_labels: 'none' },
      prompt: 'Write {{count}} different texts that have the label "{{label}}"',
    });
    expect([writer.requests, judge.requests]).toEqual([4, 4]);
    const rows = await lines<Row>(outputs.data);
    expect(rows.map(({ label }) => label)).toEqual(['a', 'a', 'b', 'b']);
    expect(rows.every(({ text }) => text === text.trim())).toBe(true);
  });

  it('pays for nothing twice: stopped, out of budget and run again it ends with the same bytes', async () => {
    const server = await serve({
      answer: writerAndJudge(),
      fault: (_, count) => (count % 7 === 3 ? 'server-error' : undefined),
    });
    const root = await temporaryFolder();
    const options = {
      teacher: { ...teacher(server.url), price: { input: 1, output: 2 } },
      labels: ['a', 'b'],
      rows: 30,
      rate: { concurrency: 1 },
    };
    await expect(synthesize({ ...options, budget: { usd: 0.0031 } }, { root })).rejects.toThrow(
      /the budget has no room for another question: .*; \d+ of 30 texts are kept/,
    );
    const answered = (): number => [...server.answered.values()].reduce((sum, times) => sum + times, 0);
    expect(answered()).toBeGreaterThan(0);
    expect(answered()).toBeLessThan(6);
    const first = await synthesize(options, { root });
    // Six requests for texts, and a question about each of the texts.
    expect(answered()).toBe(6 + 30);
    const second = await synthesize(options, { root });
    expect(answered()).toBe(6 + 30);
    expect(second.measured.usage).toMatchObject({ requests: 0 });
    for (const name of ['data', 'rejected', 'report']) {
      expect(await digests(second.outputs[name] as string)).toEqual(await digests(first.outputs[name] as string));
    }
  });

  it('lets no model be judged by synthetic rows, and says how many of them one learnt', async () => {
    const server = await serve({ answer: writerAndJudge() });
    const { outputs } = await synthesize({ teacher: teacher(server.url), labels: ['a', 'b'], rows: 20 });
    const data = { kind: 'dataset', path: outputs.data as string };
    const model = { type: 'logistic', word_ngrams: 1, min_count: 1 };
    const trained = await runStep(train, { options: { model }, inputs: { data: [data] } });
    expect(await json(trained.outputs.model, 'recipe.json')).toMatchObject({
      trained_on: { rows: 20, labelled: 0, synthetic: 20 },
    });
    const students = [{ kind: 'model', path: trained.outputs.model as string, from: 'student' }];
    await expect(runStep(evaluate, { options: {}, inputs: { data, students } })).rejects.toMatchObject({
      message: '20 of the 20 rows of the input "data" are synthetic: a model wrote them',
      pointer: '/data',
    });
    const real = await dataset(
      [
        { text: textOf('a', '', 500), label: 'a' },
        { text: textOf('b', '', 501), label: 'b' },
      ],
      ['a', 'b'],
    );
    const { tables } = await runStep(evaluate, {
      options: {},
      inputs: { data: { kind: 'dataset', path: real }, students },
    });
    expect(tables[0]?.notes.join('\n')).toContain(
      'student: trained on 20 rows, 0 with real labels, 20 of them synthetic.',
    );
  });

  it('says beforehand what its first round takes', async () => {
    const options = withDefaults('synthesize-data', {
      teacher: { ...teacher('http://127.0.0.1:9/v1'), price: { input: 1, output: 2 } },
      labels: ['a', 'b'],
      rows: 20,
    });
    const { ctx } = await makeContext({ options });
    const found = await synthesizeData.estimate?.({ ...ctx, expectedRows: () => undefined, freeBytes: 0 });
    expect(found).toMatchObject({ rows: 20, usd: expect.any(Number) });
    expect(found?.usd).toBeGreaterThan(0);
    expect(found?.notes[0]).toBe('4 requests for texts, 20 questions to the judge; what is dropped is asked for again');
  });

  it('goes into no split but the one for training, from a step or a file', async () => {
    const server = await serve({ answer: writerAndJudge() });
    const { outputs } = await synthesize({ teacher: teacher(server.url), labels: ['a', 'b'], rows: 4, judge: false });
    const file = { source: { type: 'jsonl', path: join(outputs.data as string, 'rows.jsonl') } };
    const split = { train: 1, validation: 0, test: 0 };
    for (const [options, inputs] of [
      [file, {}],
      [{ source: { type: 'dataset' } }, { data: { kind: 'dataset', path: outputs.data as string } }],
    ] as const) {
      await expect(runStep(sampleData, { options, inputs })).rejects.toMatchObject({
        message: expect.stringMatching(/^4 of the 4 rows are synthetic, and no model is judged by/),
        pointer: '/split',
      });
      const sampled = await runStep(sampleData, { options: { ...options, split }, inputs });
      const rows = await lines<Row>(sampled.outputs.train);
      expect(rows.map(({ synthetic }) => synthetic)).toEqual([true, true, true, true]);
    }
  });
});
