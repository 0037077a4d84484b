import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/data/dataset.js';
import { LogitsCache } from '../../../src/data/logits.js';
import { temporaryFolder } from '../../steps/context.js';
import {
  classifierAnswer,
  dataset,
  isSpam,
  LABELS,
  lines,
  numbered,
  query,
  serve,
  spamProbability,
  textOf,
} from './rig.js';
import { asked, FAULTS } from './server.js';

const teacher = (url: string) => ({ base_url: url, model: 'm' });

describe('query-teacher: classify', () => {
  it('asks each row once and writes labels with their probabilities, in the order of the rows', async () => {
    const server = await serve();
    const data = await numbered(50);
    const { outputs, measured, tables } = await query(data, { teacher: teacher(server.url) });
    expect(server.requests).toBe(50);
    expect(server.seen[0]?.authorization).toBeUndefined();
    const rows = await lines<Row>(outputs.data);
    expect(rows.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, i) => textOf(i)));
    expect(rows.map(({ label }) => label)).toEqual(rows.map(({ text }) => (isSpam(text) ? 'spam' : 'ham')));
    const cache = await LogitsCache.open(outputs.logits as string);
    expect(cache.index.labels).toEqual(LABELS);
    for (const { id, text } of rows) {
      const [ham, spam] = cache.classLogits(id) as Float32Array;
      expect(Math.exp(spam as number)).toBeCloseTo(spamProbability(text), 3);
      expect(Math.exp(ham as number)).toBeCloseTo(1 - spamProbability(text), 3);
    }
    cache.close();
    expect(measured.usage).toMatchObject({ requests: 50, stored_answers: 0 });
    expect(tables[0]?.rows).toContainEqual(['answered', '50']);
  });

  it('asks only about new rows, and again about all when something is asked differently', async () => {
    const server = await serve();
    const root = await temporaryFolder();
    await query(await numbered(20), { teacher: teacher(server.url) }, { root });
    const more = { rate: { concurrency: 3 }, budget: { tokens: 1_000_000 } };
    const { outputs } = await query(await numbered(25), { teacher: teacher(server.url), ...more }, { root });
    expect(server.requests).toBe(25);
    expect(await lines(outputs.data)).toHaveLength(25);
    await query(await numbered(25), { teacher: teacher(server.url), system: 'Other words.' }, { root });
    expect(server.requests).toBe(50);
  });

  it('counts votes where the server has no log-probabilities', async () => {
    // The first vote on each row is another than the rest, in whatever order they come.
    const voted = new Set<string>();
    const server = await serve({
      answer(body) {
        if (body.temperature !== 1 || voted.has(asked(body))) return { text: 'spam' };
        voted.add(asked(body));
        return { text: 'ham' };
      },
    });
    const { outputs, tables } = await query(await numbered(10), { teacher: teacher(server.url) });
    expect(server.requests).toBe(60);
    const cache = await LogitsCache.open(outputs.logits as string);
    const [first] = await lines<Row>(outputs.data);
    expect(Math.exp((cache.classLogits(first?.id as string) as Float32Array)[1] as number)).toBeCloseTo(4.5 / 6, 2);
    cache.close();
    expect(tables[0]?.notes.join()).toContain('shares of votes');
  });

  it('takes several choices at once where the provider has them', async () => {
    const server = await serve({ answer: (_, choice) => ({ text: choice < 3 ? 'spam' : 'ham' }) });
    await query(await numbered(4), {
      teacher: { ...teacher(server.url), provider: 'vllm' },
      task: { mode: 'classify', soft_labels: 'votes', votes: 4 },
    });
    expect(server.requests).toBe(4);
    expect(server.seen.every(({ body }) => body.n === 4 && body.temperature === 1)).toBe(true);
  });

  it('tells a teacher that gave no label so, and quarantines the row if that does not help', async () => {
    const server = await serve({
      answer(body) {
        const text = body.messages[1]?.content ?? '';
        if (/text 7$/.test(text)) return { text: 'eggs' };
        return { text: /text 8$/.test(text) && body.messages.length < 4 ? 'hm' : 'ham' };
      },
    });
    const { outputs } = await query(await numbered(30), {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'none' },
    });
    expect(await lines(outputs.quarantine)).toEqual([
      expect.objectContaining({ text: 'text 7', reason: 'not a label: "eggs"', answer: 'eggs' }),
    ]);
    expect((await lines<Row>(outputs.data)).map(({ text }) => text)).not.toContain('text 7');
    expect(outputs.logits).toBeUndefined();
    expect(server.requests).toBe(30 + 2 + 1);
    const corrected = server.seen.find(({ body }) => body.messages.length === 4)?.body.messages;
    expect(corrected?.at(-1)?.content).toContain('exactly one of these labels');
  });

  it('fails early when too many answers are invalid, and quotes some', async () => {
    const server = await serve({ answer: () => ({ text: 'eggs' }) });
    const failed = query(await numbered(500), {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'none' },
      corrections: 0,
    });
    await expect(failed).rejects.toThrow(
      /rows have no valid answer, more than max_invalid allows \(5 %\): row \w+: not a label: "eggs"/,
    );
    expect(server.requests).toBeLessThan(80);
  });

  it('calibrates on rows whose label is known', async () => {
    const server = await serve();
    // Of each five that the teacher is 80 % sure of, four are spam.
    const rows = Array.from({ length: 300 }, (_, i) => ({
      text: textOf(3 * i),
      label: i % 10 === 0 ? 'ham' : 'spam',
    }));
    const { tables } = await query(await dataset(rows), { teacher: teacher(server.url) });
    expect(tables[0]?.notes.join(' ')).toMatch(/90\.0 % right.*Calibrated on 300 labelled rows: temperature 0\.6/);
  });

  it('sends what is masked, and stores it so', async () => {
    const server = await serve({ answer: () => ({ text: 'ham' }) });
    const data = await dataset([{ text: 'write to jane@mail.example', fields: { subject: 'call 800-555-0199' } }]);
    const { root, outputs } = await query(data, {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'none' },
      prompt: '{{subject}}: {{text}}',
      redact: ['email', 'phone'],
    });
    expect(asked(server.seen[0]?.body as never)).toBe('call [phone]: write to [email]');
    const stored = await readFile(join(root, 'shared/answers/answers.sqlite'), 'latin1');
    expect(stored).not.toContain('jane@mail');
    expect((await lines<Row>(outputs.data))[0]?.text).toBe('write to jane@mail.example');
  });

  it('masks worked examples as it masks rows', async () => {
    const server = await serve({ answer: () => ({ text: 'ham' }) });
    const examples = join(await temporaryFolder(), 'examples.jsonl');
    await writeFile(examples, '{"text": "from jane@mail.example", "answer": "ham"}\n');
    await query(await dataset([{ text: 'a' }]), {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'none' },
      examples,
      redact: ['email'],
    });
    expect(server.seen[0]?.body.messages[1]?.content).toBe('from [email]');
  });

  it('asks once what several rows ask, and pays once', async () => {
    const server = await serve({ latency: 20 });
    const phone = (i: number) => ({ text: `call 800-555-01${i}` });
    const data = await dataset([...Array.from({ length: 20 }, (_, i) => phone(10 + i)), { text: 'text 1' }]);
    const options = { teacher: teacher(server.url), redact: ['phone'], budget: { tokens: 100_000 } };
    const { outputs, root, measured } = await query(data, options);
    expect(server.requests).toBe(2);
    expect(await lines(outputs.data)).toHaveLength(21);
    expect(measured.usage).toMatchObject({ requests: 2 });
    const account = new Database(join(root, 'shared/answers/answers.sqlite'), { readonly: true });
    expect(account.prepare('SELECT sum(reserved_tokens) AS held FROM accounts').get()).toMatchObject({ held: 0 });
    account.close();
  });

  it('counts votes where the server refuses log-probabilities, also later on', async () => {
    const server = await serve({ fault: ({ body }) => (body.logprobs === undefined ? undefined : 'no-logprobs-here') });
    const root = await temporaryFolder();
    const { tables, outputs } = await query(await numbered(40), { teacher: teacher(server.url) }, { root });
    expect(tables[0]?.notes.join()).toContain('shares of votes');
    expect(await lines(outputs.data)).toHaveLength(40);
    expect(server.answered.size).toBe(40);
    const before = server.requests;
    expect(before).toBeLessThanOrEqual(40 * 5 + 16);
    await query(await numbered(40), { teacher: teacher(server.url) }, { root });
    expect(server.requests).toBeLessThanOrEqual(before + 16);
    const certain = query(await numbered(40), {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'logprobs' },
    });
    await expect(certain).rejects.toMatchObject({
      reason: 'teacher-parameter',
      hint: expect.stringContaining('votes'),
    });
  });

  it('does not ask again for log-probabilities of a refusal', async () => {
    const server = await serve({
      answer: (body) =>
        asked(body) === 'text 30' ? { text: '', extra: { refusal: 'I would rather not.' } } : classifierAnswer(body),
    });
    const { outputs } = await query(await numbered(40), { teacher: teacher(server.url), corrections: 0 });
    expect(server.requests).toBe(40);
    expect(await lines(outputs.quarantine)).toEqual([
      expect.objectContaining({ text: 'text 30', reason: 'refused: I would rather not.' }),
    ]);
  });

  it('has log-probabilities to write also where no row has an answer', async () => {
    const server = await serve({ answer: () => ({ text: 'eggs' }) });
    const { outputs } = await query(await numbered(3), {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'votes' },
      max_invalid: 1,
      corrections: 0,
    });
    expect(await lines(outputs.quarantine)).toHaveLength(3);
    expect(outputs.logits).toBeDefined();
  });

  it('says something to a teacher that said nothing', async () => {
    const server = await serve({ answer: (body) => ({ text: body.messages.length > 2 ? 'ham' : '' }) });
    await query(await numbered(1), { teacher: teacher(server.url), task: { mode: 'classify', soft_labels: 'none' } });
    expect(server.seen[1]?.body.messages.every(({ content }) => content !== '')).toBe(true);
  });

  it('knows of a missing field before it asks anything', async () => {
    const server = await serve();
    const data = await dataset([{ text: 'a', fields: { subject: 's' } }, { text: 'b' }]);
    const failed = query(data, { teacher: teacher(server.url), prompt: '{{subject}}: {{text}}' });
    await expect(failed).rejects.toThrow(/takes the field "subject", which row \w+ does not have/);
    expect(server.requests).toBe(0);
  });
});

describe('query-teacher: other tasks', () => {
  it('match: compares two texts of a row', async () => {
    const server = await serve({
      answer: (body) => ({ text: asked(body).includes('Second text:\nred') ? 'Yes' : 'no' }),
    });
    const data = await dataset(
      [
        { text: 'rot', fields: { pair: 'red' } },
        { text: 'rot', fields: { pair: 'blue' } },
      ],
      [],
    );
    const { outputs } = await query(data, {
      teacher: teacher(server.url),
      task: { mode: 'match', question: 'Is one a translation of the other?', soft_labels: 'none' },
    });
    expect((await lines<Row>(outputs.data)).map(({ label }) => label)).toEqual(['yes', 'no']);
    expect(server.seen[0]?.body.messages[0]?.content).toContain('translation');
  });

  it('tag: finds the quoted spans, in order, and corrects what is not there', async () => {
    const server = await serve({
      answer: (body) =>
        body.messages.length > 2
          ? {
              text: '```json\n{"spans": [{"text": "Ann", "label": "who"}, {"text": "Ann", "label": "who"}, {"text": "Rome", "label": "where"}]}\n```',
            }
          : { text: '{"spans": [{"text": "Anna", "label": "who"}]}' },
    });
    const data = await dataset([{ text: 'Ann met Ann in Rome' }], []);
    const { outputs } = await query(data, {
      teacher: teacher(server.url),
      task: { mode: 'tag', labels: ['who', 'where'] },
    });
    expect((await lines<Row>(outputs.data))[0]?.spans).toEqual([
      { start: 0, end: 3, label: 'who' },
      { start: 8, end: 11, label: 'who' },
      { start: 15, end: 19, label: 'where' },
    ]);
    expect(server.seen[1]?.body.messages.at(-1)?.content).toContain('"Anna" is not in the text');
  });

  it('score: takes the mean of several answers', async () => {
    let i = 0;
    const server = await serve({ answer: () => ({ text: ['{"score": 4}', '8', 'about 12'][i++ % 3] as string }) });
    const { outputs } = await query(await dataset([{ text: 'a' }], []), {
      teacher: teacher(server.url),
      task: { mode: 'score', criterion: 'How polite?', samples: 2 },
      corrections: 0,
    });
    expect((await lines<Row>(outputs.data))[0]?.score).toBe(6);
  });

  it('generate leaves the labels that rows have', async () => {
    const server = await serve({ answer: () => ({ text: 'yes' }) });
    const data = await dataset([{ text: 'a', label: 'spam' }, { text: 'b' }], LABELS);
    const { outputs } = await query(data, { teacher: teacher(server.url), task: { mode: 'generate' } });
    const rows = await lines<Row>(outputs.data);
    expect(rows.map(({ label, responses }) => [label, responses])).toEqual([
      ['spam', ['yes']],
      [null, ['yes']],
    ]);
  });

  it('generate, then judge: keeps reasoning apart and drops what is not good', async () => {
    const server = await serve({
      answer: (body) => {
        if (asked(body).startsWith('Text:'))
          return { text: asked(body).includes('good') ? '{"score": 5}' : '{"score": 1}' };
        return {
          text: body.temperature === 0.7 && server.requests % 2 ? 'good' : 'bad',
          extra: { reasoning_content: 'hm' },
        };
      },
    });
    const made = await query(await dataset([{ text: 'a' }], []), {
      teacher: teacher(server.url),
      task: { mode: 'generate', samples: 2, temperature: 0.7 },
      rate: { concurrency: 1 },
    });
    expect((await lines<Row>(made.outputs.data))[0]).toMatchObject({
      responses: ['good', 'bad'],
      reasoning: ['hm', 'hm'],
    });
    const judged = await query(made.outputs.data as string, {
      teacher: teacher(server.url),
      task: { mode: 'judge', criterion: 'Is it good?', at_least: 4 },
    });
    expect((await lines<Row>(judged.outputs.data))[0]).toMatchObject({
      responses: ['good'],
      reasoning: ['hm'],
      judgements: [5],
    });
  });
});

describe('query-teacher: answers that can be checked', () => {
  const sums = [
    { text: '2 + 2', fields: { solution: '4' } },
    { text: '600 + 634', fields: { solution: '1,234' } },
    { text: '5 + 5', fields: { solution: '10' } },
  ];
  const task = { mode: 'generate', correct: { field: 'solution', pattern: 'is ([\\d,.]+)' } };

  it('keeps what is right with its reasoning, and puts the others aside', async () => {
    const server = await serve({
      answer: (body) => {
        const [a, b] = asked(body).split(' + ').map(Number) as [number, number];
        const sum = a + b === 10 ? 11 : a + b;
        return { text: `First I thought it is 7. It is ${sum}.`, extra: { reasoning_content: `${a} and ${b}` } };
      },
    });
    const { outputs, tables } = await query(await dataset(sums, []), { teacher: teacher(server.url), task });
    const rows = await lines<Row>(outputs.data);
    expect(rows.map(({ text, reasoning }) => [text, reasoning])).toEqual([
      ['2 + 2', ['2 and 2']],
      ['600 + 634', ['600 and 634']],
    ]);
    expect(await lines(outputs.quarantine)).toMatchObject([{ text: '5 + 5', reason: 'nothing was good enough' }]);
    expect(tables[0]?.rows.slice(0, 3)).toEqual([
      ['answered', '2'],
      ['no valid answer', '0'],
      ['not good enough', '1'],
    ]);
  });

  it('asks nobody if a row does not say what is right', async () => {
    const server = await serve();
    const data = await dataset([...sums, { text: '1 + 1' }], []);
    await expect(query(data, { teacher: teacher(server.url), task })).rejects.toThrow('"solution"');
    expect(server.requests).toBe(0);
  });
});

describe('query-teacher: a server that fails', () => {
  it('gets every answer in spite of every fault, and none twice', async () => {
    const tries = new Map<string, number>();
    const server = await serve({
      slowMs: 5000,
      fault: ({ key }) => {
        const count = tries.get(key) ?? 0;
        tries.set(key, count + 1);
        const fault = FAULTS[(tries.size - 1) % (FAULTS.length + 3)];
        return count === 0 ? fault : undefined;
      },
    });
    const { outputs, measured } = await query(await numbered(64), {
      teacher: teacher(server.url),
      rate: { timeout: 0.4 },
      task: { mode: 'classify', soft_labels: 'logprobs' },
    });
    expect(await lines(outputs.data)).toHaveLength(64);
    expect([...server.answered.values()].every((count) => count === 1)).toBe(true);
    expect(measured.usage).toMatchObject({ stored_answers: 0 });
  }, 30_000);

  it('waits as long as it is told to, and asks fewer at once', async () => {
    let limited = 0;
    const server = await serve({
      latency: 5,
      retryAfterMs: 2000,
      fault: (_, count) => (count === 10 && limited++ === 0 ? 'rate-limit' : undefined),
    });
    await query(await numbered(200), { teacher: teacher(server.url), rate: { concurrency: 32 } });
    const times = server.seen.map(({ at }) => at);
    const pause = Math.max(...times.map((at, i) => at - (times[i - 1] ?? at)));
    // What was under way still arrives.
    expect(pause).toBeGreaterThan(1500);
    expect(server.answered.size).toBe(200);
  });

  it.each([
    ['refused' as const, /does not accept the key: 401 wrong key/, 1],
    ['unknown-model' as const, /does not know the model "m": 404 no model m/, 1],
    ['no-quota' as const, /does not accept the key: 429 you have no credit/, 1],
    ['bad-parameter' as const, /does not ask "m" in this way: 400 'temperature' does not support 0/, 1],
  ])('gives up at once: %s', async (fault, message, most) => {
    const server = await serve({ fault: () => fault });
    const failed = query(await numbered(30), { teacher: teacher(server.url), rate: { concurrency: 1 } });
    await expect(failed).rejects.toThrow(message);
    expect(server.requests).toBe(most);
  });

  it('goes on with the other key', async () => {
    const server = await serve({
      fault: ({ authorization }) => (authorization === 'Bearer bad' ? 'refused' : undefined),
    });
    const { outputs } = await query(await numbered(30), {
      teacher: { ...teacher(server.url), api_key: ['bad', 'good'] },
    });
    expect(await lines(outputs.data)).toHaveLength(30);
    expect(server.seen.filter(({ authorization }) => authorization === 'Bearer bad').length).toBeLessThan(17);
  });

  it('puts a row aside that the server will not answer', async () => {
    const server = await serve({ fault: ({ body }) => (asked(body) === 'text 3' ? 'bad-request' : undefined) });
    const { outputs } = await query(await numbered(40), { teacher: teacher(server.url) });
    expect(await lines(outputs.quarantine)).toEqual([
      expect.objectContaining({ text: 'text 3', reason: '400 this text is not allowed' }),
    ]);
    expect(server.requests).toBe(40);
  });

  it('says that nobody is there', async () => {
    const server = await serve();
    const { url } = server;
    await server.stop();
    const failed = query(await numbered(3), { teacher: teacher(url), rate: { retries: 0 } });
    await expect(failed).rejects.toThrow(/no server answers at http:\/\/127.0.0.1:\d+\/v1: .*ECONNREFUSED/);
  });

  it('stops when it is told to, and goes on without asking again', async () => {
    const control = new AbortController();
    const server = await serve({ latency: 20, fault: (_, count) => void (count === 50 && control.abort()) });
    const root = await temporaryFolder();
    const data = await numbered(200);
    const stopped = query(data, { teacher: teacher(server.url) }, { root, signal: control.signal });
    await expect(stopped).rejects.toThrow(/abort/i);
    const before = server.requests;
    expect(before).toBeLessThan(80);
    await query(data, { teacher: teacher(server.url) }, { root });
    // Those under way may be asked again, no others.
    expect(server.requests).toBeLessThanOrEqual(200 + 16);
    expect(server.answered.size).toBe(200);
  });
});

describe('query-teacher: money', () => {
  const price = { input: 1, output: 10 };

  it('never passes the budget, says how to go on, and goes on', async () => {
    const server = await serve({ latency: 2 });
    const root = await temporaryFolder();
    const data = await numbered(300);
    const options = { teacher: { ...teacher(server.url), price }, rate: { concurrency: 16 } };
    const spent = (): number => (server.billed.prompt * 1 + server.billed.completion * 10) / 1e6;
    const stopped = query(data, { ...options, budget: { usd: 0.01 } }, { root });
    await expect(stopped).rejects.toThrow(/no room for another question: \$0\.00\d+ of \$0.01 spent; \d+ of 300 rows/);
    expect(spent()).toBeLessThanOrEqual(0.01);
    expect(spent()).toBeGreaterThan(0.009);
    const { measured } = await query(data, { ...options, budget: { usd: 1 } }, { root });
    expect(server.requests).toBe(300);
    expect((measured.usage as { usd_in_all: number }).usd_in_all).toBeCloseTo(spent(), 9);
  });

  it('corrects an answer with money that was only set aside for what comes later', async () => {
    const server = await serve({
      answer: (body) => ({ text: body.messages.length > 2 ? 'ham' : 'hm' }),
    });
    const { outputs } = await query(await numbered(20), {
      teacher: teacher(server.url),
      task: { mode: 'classify', soft_labels: 'none' },
      rate: { concurrency: 1 },
      budget: { tokens: 3650 },
    });
    expect(await lines(outputs.data)).toHaveLength(20);
    expect(server.requests).toBe(40);
    expect(server.billed.prompt + server.billed.completion).toBeLessThanOrEqual(3650);
  });

  it('passes the budget by what is under way at most, where the server keeps to no max_tokens', async () => {
    const server = await serve({ usage: () => ({ prompt_tokens: 50, completion_tokens: 4000 }) });
    const failed = query(await numbered(50), {
      teacher: { ...teacher(server.url), price },
      rate: { concurrency: 1 },
      budget: { usd: 0.1 },
    });
    await expect(failed).rejects.toThrow(/no room for another question/);
    const one = (50 * 1 + 4000 * 10) / 1e6;
    expect(server.requests * one).toBeLessThanOrEqual(0.1 + one);
    expect(server.requests).toBeGreaterThan(1);
  });

  it('tells what it costs, and what it will', async () => {
    const server = await serve({ latency: 1 });
    const { progress } = await query(await numbered(100), { teacher: { ...teacher(server.url), price } });
    const [first, last] = [progress[20], progress.at(-1)];
    expect(first?.costInAll).toBeGreaterThan(3 * (first?.cost as number));
    expect(last?.cost).toBeCloseTo(last?.costInAll as number, 9);
  });
});
