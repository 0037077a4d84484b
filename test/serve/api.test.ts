import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRunner, type Runner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { encode, forward } from '../../src/models/forward.js';
import { Generator, greedy } from '../../src/models/generate.js';
import { loadPredictor } from '../../src/models/index.js';
import { padTokens } from '../../src/models/padding.js';
import { type Corpus, LABELS, madeUpRows, makeCorpus, sharedFolder } from '../train/rig.js';
import {
  classifierFolder,
  encoderFolder,
  idsOf,
  languageModelFolder,
  logisticFolder,
  Serving,
  SPECIAL,
  TEMPLATE,
  type TinyLanguageModel,
} from './rig.js';

/** The real command line, asked by the real client. */
let serving: Serving;
let client: OpenAI;
let runner: Runner;
let corpus: Corpus;
let writer: TinyLanguageModel;
let folders: Record<'student' | 'encoder' | 'words' | 'writer' | 'lines', string>;

beforeAll(async () => {
  const root = await sharedFolder();
  corpus = await makeCorpus(root, madeUpRows(60, 30));
  writer = await languageModelFolder(join(root, 'writer'), { template: TEMPLATE });
  // The same model without a template; its answers end with " home".
  const home = writer.codec.idOf('Ġhome') as number;
  folders = {
    student: await classifierFolder(join(root, 'student'), corpus),
    encoder: await encoderFolder(join(root, 'encoder'), corpus),
    words: await logisticFolder(join(root, 'words')),
    writer: writer.folder,
    lines: (await languageModelFolder(join(root, 'lines'), { ends: [home] })).folder,
  };
  serving = await Serving.start(Object.values(folders));
  client = serving.client();
  runner = await createRunner('onnx', 1);
});
afterAll(async () => {
  await serving.stop();
  await runner.release();
});

const text = (i: number): string => corpus.rows[i]?.text as string;
const ask = (content: string, more: object = {}) => ({
  model: 'student',
  messages: [{ role: 'user' as const, content }],
  ...more,
});

/** What `loadPredictor` says, as natural logarithms of probabilities by label. */
async function expectedLogProbabilities(folder: string, content: string): Promise<Record<string, number>> {
  const predictor = await loadPredictor(folder, 'onnx', 1);
  const logits = await predictor.predict([content]);
  await predictor.close();
  const normalizer = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
  return Object.fromEntries(LABELS.map((label, i) => [label, (logits[i] as number) - normalizer]));
}

describe('the server', () => {
  it('says in one line where it is and what it serves, and lists its models', async () => {
    expect(serving.out).toMatch(/^serving student, encoder, words, writer, lines at http:\/\/127\.0\.0\.1:\d+\/v1\n$/);
    expect(serving.err).toBe('');
    const { data } = await client.models.list();
    expect(data.map(({ id, object }) => [id, object])).toEqual(Object.keys(folders).map((id) => [id, 'model']));
    const health = await fetch(serving.url.replace('/v1', '/health'));
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  });
});

describe('a classifier', () => {
  it.each(['student', 'words'] as const)(
    '%s answers with its label and the labels’ log-probabilities',
    async (model) => {
      for (const i of [0, 1, 2, 3]) {
        const expected = await expectedLogProbabilities(folders[model], text(i));
        const { choices, usage, object } = await client.chat.completions.create(
          ask(text(i), { model, logprobs: true, top_logprobs: 5 }),
        );
        expect(object).toBe('chat.completion');
        const [choice] = choices;
        const order = Object.entries(expected).sort(([, a], [, b]) => b - a);
        expect(choice?.message).toMatchObject({ role: 'assistant', content: order[0]?.[0] });
        expect(choice?.finish_reason).toBe('stop');
        const [token, ...others] = choice?.logprobs?.content ?? [];
        expect(others).toEqual([]);
        expect(token?.token).toBe(order[0]?.[0]);
        expect(Buffer.from(token?.bytes ?? []).toString()).toBe(order[0]?.[0]);
        expect(token?.top_logprobs.map((top) => top.token)).toEqual(order.map(([label]) => label));
        for (const [k, [, logProbability]] of order.entries()) {
          expect(Math.abs((token?.top_logprobs[k]?.logprob as number) - logProbability)).toBeLessThan(1e-6);
        }
        expect(token?.logprob).toBe(token?.top_logprobs[0]?.logprob);
        const tokens =
          model === 'words' ? text(i).split(' ').length : (await idsOf(corpus.tokenizerFolder, text(i), 40)).length;
        expect(usage).toEqual({ prompt_tokens: tokens, completion_tokens: 1, total_tokens: tokens + 1 });
      }
    },
  );

  it('classifies the last user message, its parts joined by lines, cut as in training', async () => {
    const of = async (messages: OpenAI.ChatCompletionMessageParam[]): Promise<number> => {
      const { choices } = await client.chat.completions.create({ model: 'student', messages, logprobs: true });
      return choices[0]?.logprobs?.content?.[0]?.logprob as number;
    };
    const plain = async (content: string): Promise<number> => of([{ role: 'user', content }]);
    const parts = [text(0), text(1)].map((part) => ({ type: 'text' as const, text: part }));
    const conversation: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'system', content: 'Say ham or spam.' },
      { role: 'user', content: text(5) },
      { role: 'assistant', content: 'ham' },
      { role: 'user', content: parts },
    ];
    expect(Math.abs((await of(conversation)) - (await plain(`${text(0)}\n${text(1)}`)))).toBeLessThan(1e-6);
    const long = Array.from({ length: 40 }, (_, i) => text(i)).join(' ');
    const expected = await expectedLogProbabilities(folders.student, long);
    expect(Math.abs((await plain(long)) - Math.max(...Object.values(expected)))).toBeLessThan(1e-6);
  });

  it('gives each of 40 requests at once its own answer', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        client.chat.completions.create(ask(text(i), { logprobs: true, top_logprobs: 2 })),
      ),
    );
    for (const [i, { choices }] of answers.entries()) {
      const expected = await expectedLogProbabilities(folders.student, text(i));
      for (const { token, logprob } of choices[0]?.logprobs?.content?.[0]?.top_logprobs ?? []) {
        expect(Math.abs(logprob - (expected[token] as number))).toBeLessThan(1e-6);
      }
    }
  });

  it('answers in the JSON that a schema asks for', async () => {
    const schema = (values: readonly string[]) => ({
      type: 'json_schema' as const,
      json_schema: {
        name: 'answer',
        strict: true,
        schema: {
          type: 'object',
          properties: { kind: { type: 'string', enum: values } },
          required: ['kind'],
          additionalProperties: false,
        },
      },
    });
    const expected = await expectedLogProbabilities(folders.student, text(0));
    const best = (expected.ham as number) > (expected.spam as number) ? 'ham' : 'spam';
    const { choices } = await client.chat.completions.create(
      ask(text(0), { response_format: schema(['spam', 'other', 'ham']), logprobs: true, top_logprobs: 2 }),
    );
    expect(choices[0]?.message.content).toBe(`{"kind":"${best}"}`);
    const tokens = choices[0]?.logprobs?.content ?? [];
    expect(tokens.map(({ token }) => token)).toEqual(['{"kind":"', best, '"}']);
    expect(tokens.map(({ logprob }) => logprob)).toEqual([0, expect.closeTo(expected[best] as number, 5), 0]);
    expect(tokens[1]?.top_logprobs).toHaveLength(2);
    const parsed = await client.chat.completions.parse(ask(text(0), { response_format: schema(LABELS) }));
    expect(parsed.choices[0]?.message.content).toBe(`{"kind":"${best}"}`);
    // Only what the schema allows, with the probability that it has.
    const other = best === 'ham' ? 'spam' : 'ham';
    const only = await client.chat.completions.create(
      ask(text(0), { response_format: schema([other]), logprobs: true }),
    );
    expect(only.choices[0]?.message.content).toBe(`{"kind":"${other}"}`);
    expect(only.choices[0]?.logprobs?.content?.[1]?.logprob).toBeCloseTo(expected[other] as number, 5);
    await expect(
      client.chat.completions.create(ask(text(0), { response_format: schema(['good', 'bad']) })),
    ).rejects.toThrow("none of this model's labels, ham, spam");
  });

  it('gives n answers, and streams', async () => {
    const { choices, usage } = await client.chat.completions.create(ask(text(0), { n: 3 }));
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(1);
    expect(usage?.completion_tokens).toBe(3);
    const stream = await client.chat.completions.create({
      ...ask(text(0)),
      stream: true,
      logprobs: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const last = chunks.pop();
    expect(last).toMatchObject({ choices: [], usage: { completion_tokens: 1 } });
    expect(chunks.map(({ choices: [c] }) => [c?.delta, c?.finish_reason])).toEqual([
      [{ role: 'assistant', content: '' }, null],
      [{ content: choices[0]?.message.content }, null],
      [{}, 'stop'],
    ]);
    expect(chunks[1]?.choices[0]?.logprobs?.content).toHaveLength(1);
    expect(chunks.every(({ usage: none }) => none === null)).toBe(true);
  });
});

describe('embeddings', () => {
  /** The mean of the last hidden states, in double precision. */
  async function expectedMean(folder: string, content: string): Promise<number[]> {
    const { config, parameters } = await loadTransformer(folder);
    const ids = await idsOf(corpus.tokenizerFolder, content, config.maxLength);
    const fn = {
      key: `states ${folder}`,
      call: (p: Readonly<Record<string, Tensor>>, b: Readonly<Record<string, Tensor>>) => ({
        states: encode(config, p, {
          ids: b.ids as Tensor,
          mask: b.mask as Tensor,
          dropout: [],
          lastTokens: 'all',
        }).hiddenStates.at(-1) as Tensor,
      }),
    };
    const batch = padTokens([ids], 1, ids.length, config.padId);
    const states = (await runner.forward(fn, parameters, batch)).states as Float32Array;
    return Array.from({ length: config.hidden }, (_, k) => {
      const column = Array.from(ids, (__, i) => states[i * config.hidden + k] as number);
      return column.reduce((a, b) => a + b, 0) / ids.length;
    });
  }
  const scaled = (vector: readonly number[]): number[] => {
    const norm = Math.hypot(...vector);
    return vector.map((x) => x / norm);
  };
  const close = (found: readonly number[], expected: readonly number[]): void => {
    expect(found).toHaveLength(expected.length);
    found.forEach((x, i) => {
      expect(Math.abs(x - (expected[i] as number))).toBeLessThan(1e-6);
    });
  };

  it('are those of the encoder, normalised where its folder says so', async () => {
    const input = [0, 1, 2].map(text);
    const found = await client.embeddings.create({ model: 'encoder', input, encoding_format: 'float' });
    for (const { index, embedding } of found.data) {
      close(embedding, scaled(await expectedMean(folders.encoder, input[index] as string)));
    }
    const lengths = await Promise.all(input.map((item) => idsOf(corpus.tokenizerFolder, item, 40)));
    const tokens = lengths.reduce((sum, ids) => sum + ids.length, 0);
    expect(found.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
  });

  it('come in base64 too, which the client asks for by itself', async () => {
    const one = await client.embeddings.create({ model: 'student', input: text(0) });
    close([...(one.data[0]?.embedding ?? [])], await expectedMean(folders.student, text(0)));
    const raw = await serving.post('/embeddings', { model: 'student', input: text(0), encoding_format: 'base64' });
    const { data } = (await raw.json()) as { data: [{ embedding: string }] };
    expect(Buffer.from(data[0].embedding, 'base64')).toHaveLength(4 * 8);
  });

  it('are taken of tokens', async () => {
    const ids = [...(await idsOf(corpus.tokenizerFolder, text(3), 40))];
    const of = async (input: string | number[] | number[][]) =>
      (await client.embeddings.create({ model: 'encoder', input, encoding_format: 'float' })).data;
    const [expected] = await of(text(3));
    close((await of(ids))[0]?.embedding ?? [], expected?.embedding ?? []);
    close((await of([[5], ids]))[1]?.embedding ?? [], expected?.embedding ?? []);
  });

  it('of 70 texts come in their order', async () => {
    const input = Array.from({ length: 70 }, (_, i) => `${text(i % 60)} ${i}`);
    const { data } = await client.embeddings.create({ model: 'encoder', input, encoding_format: 'float' });
    expect(data.map(({ index }) => index)).toEqual(input.map((_, i) => i));
    for (const i of [0, 31, 32, 69])
      close(data[i]?.embedding ?? [], scaled(await expectedMean(folders.encoder, input[i] as string)));
  });
});

describe('a language model', () => {
  /** Text and tokens that `generate.ts` makes greedily. */
  async function greedily(prompt: readonly number[], most: number): Promise<{ text: string; ids: number[] }> {
    const generator = new Generator(writer.config, writer.parameters, runner);
    const ids: number[] = [];
    for await (const id of generator.generate(Int32Array.from(prompt), most, greedy)) ids.push(id);
    return { text: await writer.codec.decode(ids), ids };
  }
  const PROMPT = 'Once upon a time';
  const messages = [
    { role: 'developer' as const, content: 'Tell.' },
    { role: 'user' as const, content: 'Hello' },
  ];

  it('answers a conversation written by its template', async () => {
    const written = '<|turn|>system\nTell.<|end|>\n<|turn|>user\nHello<|end|>\n<|turn|>assistant\n';
    const prompt = await writer.codec.encode(written, false);
    const expected = await greedily(prompt, 20);
    const { choices, usage } = await client.chat.completions.create({
      model: 'writer',
      messages,
      temperature: 0,
      max_completion_tokens: 20,
    });
    expect(choices[0]).toMatchObject({ message: { content: expected.text }, finish_reason: 'length', logprobs: null });
    const tokens = { prompt_tokens: prompt.length, completion_tokens: 20, total_tokens: prompt.length + 20 };
    expect(usage).toEqual(tokens);
  });

  it('is asked in lines without a template, and ends with the token that its folder names', async () => {
    const prompt = await writer.codec.encode('system: Tell.\nuser: Hello\nassistant:', true);
    const { ids } = await greedily(prompt, 400);
    const home = writer.codec.idOf('Ġhome') as number;
    const end = ids.indexOf(home);
    const { choices, usage } = await client.chat.completions.create({
      model: 'lines',
      messages,
      temperature: 0,
      max_tokens: 400,
    });
    expect(usage?.prompt_tokens).toBe(prompt.length);
    expect(choices[0]?.message.content).toBe(await writer.codec.decode(end < 0 ? ids : ids.slice(0, end)));
    expect(choices[0]?.finish_reason).toBe(end < 0 ? 'length' : 'stop');
    expect(usage?.completion_tokens).toBe(end < 0 ? ids.length : end + 1);
  });

  it('streams the same text, in pieces', async () => {
    const whole = await client.chat.completions.create({ model: 'writer', messages, seed: 5, max_tokens: 60 });
    const stream = client.chat.completions.stream({
      model: 'writer',
      messages,
      seed: 5,
      max_tokens: 60,
      stream_options: { include_usage: true },
    });
    let pieces = 0;
    stream.on('content', () => pieces++);
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(final.choices[0]?.finish_reason).toBe('length');
    expect(final.usage).toEqual(whole.usage);
    expect(pieces).toBeGreaterThan(10);
  });

  it('continues texts and tokens, with log-probabilities of the old form', async () => {
    const prompt = await writer.codec.encode(PROMPT, true);
    const expected = await greedily(prompt, 8);
    const { choices, usage, object } = await client.completions.create({
      model: 'writer',
      prompt: [PROMPT, 'Another'],
      temperature: 0,
      max_tokens: 8,
      logprobs: 3,
    });
    expect(object).toBe('text_completion');
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(choices[0]?.text).toBe(expected.text);
    const other = await writer.codec.encode('Another', true);
    expect(choices[1]?.text).toBe((await greedily(other, 8)).text);
    expect(usage?.prompt_tokens).toBe(prompt.length + other.length);
    expect(usage?.completion_tokens).toBe(16);

    const logProbabilities = await logProbabilitiesOf([...prompt, ...expected.ids]);
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0]?.logprobs ?? {};
    expect(tokens?.join('')).toBe(expected.text);
    expect(text_offset).toEqual(tokens?.map((_, i) => tokens.slice(0, i).join('').length));
    expected.ids.forEach((id, i) => {
      const row = logProbabilities(prompt.length + i - 1);
      expect(Math.abs((token_logprobs?.[i] as number) - (row[id] as number))).toBeLessThan(1e-5);
      const top = Object.values(top_logprobs?.[i] ?? {});
      expect(top).toHaveLength(3);
      const largest = [...row].sort((a, b) => b - a).slice(0, 3);
      top.forEach((x, k) => {
        expect(Math.abs(x - (largest[k] as number))).toBeLessThan(1e-5);
      });
    });

    const ofTokens = await client.completions.create({ model: 'writer', prompt, temperature: 0, max_tokens: 8 });
    expect(ofTokens.choices[0]?.text).toBe(expected.text);
    const stream = await client.completions.create({
      model: 'writer',
      prompt: [prompt, other],
      temperature: 0,
      max_tokens: 8,
      stream: true,
    });
    const texts = ['', ''];
    for await (const chunk of stream) for (const { index, text: more } of chunk.choices) texts[index] += more;
    expect(texts).toEqual(choices.map((choice) => choice.text));
  });

  /** Of each place, the log-probabilities of the next token. */
  async function logProbabilitiesOf(ids: readonly number[]): Promise<(place: number) => number[]> {
    const { config, parameters } = writer;
    const fn = {
      key: 'all logits',
      call: (p: Readonly<Record<string, Tensor>>, b: Readonly<Record<string, Tensor>>) => ({
        logits: forward(config, p, { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' })
          .logits,
      }),
    };
    const batch = padTokens([Int32Array.from(ids)], 1, ids.length, config.padId);
    const { logits } = await runner.forward(fn, parameters, batch);
    const size = config.vocabulary;
    return (place) => {
      const row = [...(logits as Float32Array).subarray(place * size, (place + 1) * size)];
      const normalizer = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      return row.map((x) => x - normalizer);
    };
  }

  it('names the likeliest tokens of a conversation’s answer; together the tokens are the text', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'writer',
      messages,
      seed: 3,
      max_tokens: 30,
      logprobs: true,
      top_logprobs: 4,
    });
    const tokens = choices[0]?.logprobs?.content ?? [];
    expect(tokens).toHaveLength(30);
    const written = tokens.filter(({ token }) => !SPECIAL.includes(token));
    const bytes = Buffer.from(written.flatMap((token) => token.bytes ?? []));
    expect(bytes.toString()).toBe(choices[0]?.message.content);
    for (const { logprob, top_logprobs } of tokens) {
      expect(top_logprobs).toHaveLength(4);
      expect(logprob).toBeLessThanOrEqual((top_logprobs[0]?.logprob as number) + 1e-9);
    }
  });

  it('ends before a stop text', async () => {
    const request = { model: 'writer', prompt: PROMPT, temperature: 0, max_tokens: 30 };
    const [whole] = (await client.completions.create(request)).choices;
    const written = whole?.text as string;
    // From within a word into the next.
    const space = written.indexOf(' ', 20);
    const stop = written.slice(space - 1, space + 2);
    const cut = written.slice(0, written.indexOf(stop));
    const { choices } = await client.completions.create({ ...request, stop: ['never', stop] });
    expect(choices[0]).toMatchObject({ text: cut, finish_reason: 'stop' });
    const stream = await client.completions.create({ ...request, stop, stream: true });
    let streamed = '';
    for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? '';
    expect(streamed).toBe(cut);
  });

  it('writes the same again from the same seed, and n different texts', async () => {
    const write = async (seed: number | undefined, n = 1): Promise<string[]> => {
      const request = { model: 'writer', prompt: PROMPT, max_tokens: 20, n, top_p: 0.95 };
      const { choices } = await client.completions.create(seed === undefined ? request : { ...request, seed });
      return choices.map((choice) => choice.text);
    };
    const three = await write(9, 3);
    expect(new Set(three).size).toBe(3);
    expect(await write(9, 3)).toEqual(three);
    expect(await write(9)).toEqual([three[0]]);
    expect(await write(10)).not.toEqual([three[0]]);
    expect(await write(undefined)).not.toEqual(await write(undefined));
  });

  it('fills its context, and refuses a prompt that does already', async () => {
    const { choices, usage } = await client.chat.completions.create({
      model: 'writer',
      messages: [{ role: 'user', content: 'x'.repeat(400) }],
      temperature: 0,
    });
    expect(usage?.total_tokens).toBe(512);
    expect(choices[0]?.finish_reason).toBe('length');
    const error = await client.completions
      .create({ model: 'writer', prompt: 'x'.repeat(512) })
      .catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'prompt' });
    expect((error as Error).message).toContain(
      'context is 512 tokens, prompt and answer together, and the prompt has 512',
    );
  });
});

describe('a request that cannot be answered', () => {
  const problem = async (path: string, body: unknown, headers?: Record<string, string>) => {
    const response = await serving.post(path, body, headers);
    const { error } = (await response.json()) as { error: { message: string; param: string | null; code: string } };
    return { status: response.status, ...error };
  };
  const chat = (more: object) => ({ model: 'student', messages: [{ role: 'user', content: 'x' }], ...more });

  it.each([
    [chat({ top_logprob: 5 }), 'top_logprob', '"top_logprob" is not supported here; supported are model, n, seed,'],
    [chat({ tools: [] }), 'tools', '"tools" is not supported here'],
    [chat({ temperature: 'hot' }), 'temperature', '"temperature" must be of type number.'],
    [chat({ temperature: 3 }), 'temperature', '"temperature" must be <= 2.'],
    [chat({ n: 0 }), 'n', '"n" must be >= 1.'],
    [chat({ top_logprobs: 21, logprobs: true }), 'top_logprobs', '"top_logprobs" must be <= 20.'],
    [chat({ top_logprobs: 2 }), 'top_logprobs', '"top_logprobs" needs "logprobs": true.'],
    [chat({ frequency_penalty: 1 }), 'frequency_penalty', '"frequency_penalty" must be one of 0, null.'],
    [chat({ stop: ['a', ''] }), 'stop[1]', '"stop[1]" must NOT have fewer than 1 characters.'],
    [chat({ messages: [] }), 'messages', '"messages" must NOT have fewer than 1 items.'],
    [chat({ messages: [{ content: 'x' }] }), 'messages[0].role', '"messages[0].role" is missing.'],
    [
      chat({ messages: [{ role: 'user', content: [{ type: 'image_url', text: '' }] }] }),
      'messages[0].content[0].type',
      '"messages[0].content[0].type" must be one of "text".',
    ],
    [chat({ messages: [{ role: 'system', content: 'x' }] }), 'messages', '"messages" must have one of role user'],
    [
      chat({ response_format: { type: 'json_object' } }),
      'response_format.type',
      'must be one of "text", "json_schema".',
    ],
    [{ messages: [] }, 'model', '"model" is missing.'],
    [chat({ model: 'encoder' }), 'model', '"encoder" is an encoder: it answers /v1/embeddings only.'],
    [
      chat({ model: 'writer', response_format: { type: 'json_schema', json_schema: {} } }),
      'response_format.type',
      'answers are not held to a schema',
    ],
    [[], null, 'The body must be of type object.'],
  ])('%j', async (body, param, message) => {
    const found = await problem('/chat/completions', body);
    expect(found).toMatchObject({ status: 400, type: 'invalid_request_error', param });
    expect(found.message).toContain(message);
  });

  it.each([
    ['/completions', { model: 'student', prompt: 'x' }, '"student" is no language model but a classifier'],
    ['/completions', { model: 'writer', prompt: [1, 'x'] }, '"prompt" must be a text, a list of texts'],
    ['/completions', { model: 'writer', prompt: [99999] }, 'There is no token 99999: the model has tokens 0 to'],
    ['/completions', { model: 'writer', prompt: '' }, 'The prompt has no tokens.'],
    ['/embeddings', { model: 'writer', input: 'x' }, '"writer" is a language model: it gives no embeddings.'],
    ['/embeddings', { model: 'words', input: 'x' }, '"words" has no encoder'],
    ['/embeddings', { model: 'encoder', input: [] }, '"input" must NOT have fewer than 1 items.'],
    ['/embeddings', { model: 'encoder', input: [[-1]] }, '"input" must be a text, a list of texts'],
    ['/embeddings', { model: 'encoder', input: 'x', dimensions: 4 }, '"dimensions" must be 8 for "encoder".'],
  ])('%s %j', async (path, body, message) => {
    const found = await problem(path, body);
    expect(found).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(found.message).toContain(message);
  });

  it('names the models that there are, and the paths', async () => {
    const model = await client.chat.completions
      .create(chat({ model: 'gpt-5' }) as never)
      .catch((error: unknown) => error);
    expect(model).toBeInstanceOf(OpenAI.NotFoundError);
    expect(model).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect((model as Error).message).toContain('"student", "encoder", "words", "writer", "lines"');
    expect(await problem('/images', {})).toMatchObject({
      status: 404,
      code: 'unknown_url',
      message: expect.stringMatching(/^There is no POST \/v1\/images here, only GET \/v1\/models/),
    });
  });

  it('is no JSON, or not said to be, or too large', async () => {
    expect(await problem('/chat/completions', '{"model": ')).toMatchObject({ status: 400, code: 'not_json' });
    expect(await problem('/chat/completions', '')).toMatchObject({ status: 400, code: 'not_json' });
    const plain = await problem('/chat/completions', '{}', { 'content-type': 'text/plain' });
    expect(plain).toMatchObject({ status: 415, message: expect.stringContaining('Content-Type: application/json') });
    const large = await problem('/chat/completions', chat({ user: 'x'.repeat(2 ** 22) }));
    expect(large).toMatchObject({ status: 413, message: expect.stringContaining('--max-body') });
  });
});
