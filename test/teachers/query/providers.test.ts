import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../../../src/teachers/query/client.js';
import { RequestFailure } from '../../../src/teachers/query/failure.js';
import { isLocal, providers, teacherOf } from '../../../src/teachers/query/providers.js';
import type { Question } from '../../../src/teachers/query/reply.js';

/** A reply as a server of that kind gives it: `replies/<provider>-<what>.json`. */
interface Recorded {
  readonly source: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
  readonly text?: string;
}

const FOLDER = join(import.meta.dirname, 'replies');
const KEY = 'sk-test-4711';
const NOW = Date.UTC(2026, 10, 24, 12);
const recorded = (name: string): Recorded => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));

/** Answers every request with one recorded reply; where that says `{key}`, with the key that was sent. */
let replay: Recorded;
let headers: NodeJS.Dict<string | string[]> = {};
const server = createServer((request, response) => {
  headers = request.headers;
  const { status, body, text } = replay;
  const sent = (text ?? JSON.stringify(body)).replaceAll('{key}', request.headers.authorization?.slice(7) ?? '');
  request.resume().on('end', () => {
    response.writeHead(status, { 'content-type': 'application/json', ...replay.headers });
    response.end(sent);
  });
});
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const question: Question = {
  base_url: '',
  model: 'm',
  messages: [{ role: 'user', content: 'cheap pills' }],
  parameters: { temperature: 0 },
};

function client(key: string | undefined = KEY): Client {
  const { port } = server.address() as AddressInfo;
  const signal = new AbortController().signal;
  return new Client({ baseUrl: `http://127.0.0.1:${port}/v1`, key, timeoutMs: 10_000, signal, now: () => NOW });
}

function ask(name: string) {
  replay = recorded(name);
  return client().ask(question);
}

async function failure(name: string): Promise<RequestFailure> {
  const error: unknown = await ask(name).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RequestFailure)) throw new Error(`${name}: ${error}`);
  return error;
}

describe('answers, as each provider gives them', () => {
  it.each([
    ['openai-plain', { prompt: 1200, cached: 1024, completion: 4 }],
    ['deepseek-plain', { prompt: 900, cached: 832, completion: 11 }],
    ['deepseek-cached-old', { prompt: 900, cached: 832, completion: 11 }],
    ['gemini-plain', { prompt: 20, cached: 0, completion: 1 }],
    ['anthropic-plain', { prompt: 20, cached: 0, completion: 4 }],
    ['openrouter-plain', { prompt: 194, cached: 128, completion: 2 }],
    ['vllm-plain', { prompt: 20, cached: 0, completion: 2 }],
    ['vllm-cached', { prompt: 120, cached: 96, completion: 2 }],
    ['ollama-plain', { prompt: 20, cached: 0, completion: 2 }],
    ['llama.cpp-plain', { prompt: 44, cached: 36, completion: 2 }],
  ])('%s: text and usage', async (name, usage) => {
    expect(await ask(name)).toEqual({ choices: [{ text: 'spam', finish: 'stop' }], usage });
  });

  it.each(['openai', 'deepseek', 'gemini', 'anthropic', 'openrouter', 'vllm', 'ollama', 'llama.cpp'])(
    '%s: a JSON answer',
    async (provider) => {
      const { choices } = await ask(`${provider}-json`);
      expect(JSON.parse(choices[0]?.text ?? '')).toEqual({ label: 'spam' });
    },
  );

  it.each(['deepseek', 'openrouter', 'ollama', 'llama.cpp'])('%s: reasoning beside the answer', async (provider) => {
    const { choices } = await ask(`${provider}-reasoning`);
    expect(choices).toEqual([{ text: 'spam', finish: 'stop', reasoning: 'It sells pills.' }]);
  });

  it('vllm: reasoning under its old name, and in front of the answer', async () => {
    expect((await ask('vllm-reasoning-old')).choices[0]).toMatchObject({ text: 'spam', reasoning: 'It sells pills.' });
    expect((await ask('vllm-think-in-content')).choices[0]).toMatchObject({ text: 'spam', reasoning: 'ham or spam?' });
  });

  it.each([
    ['openai-reasoning', 212],
    ['gemini-reasoning', 61],
    ['gemini-thought-only', 60],
  ])('%s: what was thought is paid for', async (name, completion) => {
    expect((await ask(name)).usage?.completion).toBe(completion);
  });

  it.each([
    ['openai-logprobs', ['spam']],
    ['openrouter-logprobs', ['spam']],
    ['recipe-plain', ['spam']],
    ['deepseek-logprobs', ['sp', 'am']],
    ['ollama-logprobs', ['sp', 'am']],
    ['vllm-logprobs', ['spam', '<|im_end|>']],
    ['vllm-reasoning-logprobs', ['spam', '<|im_end|>']],
    ['vllm-think-in-content', ['spam']],
  ])("%s: log-probabilities are those of the answer's tokens", async (name, tokens) => {
    const [choice] = (await ask(name)).choices;
    expect(choice?.text).toBe('spam');
    expect(choice?.logprobs?.map(({ token }) => token)).toEqual(tokens);
    expect(choice?.logprobs?.[0]?.top.map(({ token }) => token)).toContain('ham');
    // Bytes are kept only where the token does not say them.
    expect(JSON.stringify(choice?.logprobs)).not.toContain('bytes');
  });

  it.each(['openai-logprobs-bytes', 'llama.cpp-logprobs'])('%s: tokens that are parts of characters', async (name) => {
    const [choice] = (await ask(name)).choices;
    expect(choice?.logprobs?.map(({ bytes }) => bytes)).toEqual([[229, 165], [189]]);
    expect(choice?.logprobs?.[0]?.top.map(({ bytes }) => bytes)).toContainEqual([229, 157]);
  });

  it('takes null for the logarithm of nothing, which JSON cannot say', async () => {
    replay = recorded('openai-logprobs');
    const body = structuredClone(replay.body) as {
      choices: { logprobs: { content: { top_logprobs: { logprob: number | null }[] }[] } }[];
    };
    const alternatives = body.choices[0]?.logprobs.content[0]?.top_logprobs ?? [];
    (alternatives[1] as { logprob: number | null }).logprob = null;
    replay = { ...replay, body };
    const { choices } = await client().ask(question);
    expect(choices[0]?.logprobs?.[0]?.top.map(({ token }) => token)).toEqual(['spam', 'Spam']);
  });

  it.each([
    ['openai-refusal', { text: '', finish: 'stop', refusal: "I'm sorry, I cannot assist with that request." }],
    ['openai-content-filter', { text: '', finish: 'content_filter' }],
    ['deepseek-filter', { text: '', finish: 'content_filter' }],
    ['gemini-filter', { text: '', finish: 'content_filter' }],
    ['anthropic-refusal', { text: '', finish: 'refusal' }],
  ])('%s: no answer', async (name, choice) => {
    expect((await ask(name)).choices).toEqual([choice]);
  });
});

describe('errors, as each provider gives them', () => {
  it.each([
    ['openai-error-429', 'slow-down', 150],
    ['openai-error-quota', 'key', undefined],
    ['openai-error-key', 'key', undefined],
    ['openai-error-model', 'fatal', undefined],
    ['openai-error-context', 'row', undefined],
    ['openai-error-500', 'again', undefined],
    ['deepseek-error-402', 'key', undefined],
    ['deepseek-error-422', 'row', undefined],
    ['deepseek-error-503', 'slow-down', undefined],
    ['gemini-error-key', 'key', undefined],
    ['gemini-error-429', 'slow-down', undefined],
    ['gemini-error-429-delay', 'slow-down', 34_070],
    ['anthropic-error-529', 'slow-down', undefined],
    ['anthropic-error-429', 'slow-down', 17_000],
    ['anthropic-error-spend-429', 'key', undefined],
    ['anthropic-error-402', 'key', undefined],
    ['anthropic-error-credit', 'key', undefined],
    ['anthropic-error-empty', 'row', undefined],
    ['openrouter-error-402', 'key', undefined],
    ['openrouter-error-402-wait', 'slow-down', 3000],
    ['openrouter-error-moderation', 'row', undefined],
    ['openrouter-error-429', 'slow-down', undefined],
    ['vllm-error-old', 'row', undefined],
    ['vllm-error-new', 'fatal', undefined],
    ['vllm-error-validation', 'row', undefined],
    ['ollama-error-404', 'fatal', undefined],
    ['ollama-error-503', 'slow-down', undefined],
    ['llama.cpp-error-loading', 'slow-down', undefined],
    ['llama.cpp-error-context', 'row', undefined],
    ['llama.cpp-error-key', 'key', undefined],
    ['recipe-error-schema', 'row', undefined],
    ['recipe-error-429', 'slow-down', 1000],
    ['proxy-error-502', 'again', undefined],
    ['proxy-error-504', 'again', undefined],
  ])('%s: %s', async (name, kind, afterMs) => {
    const found = await failure(name);
    expect({ kind: found.kind, afterMs: found.afterMs }).toEqual({ kind, afterMs });
    expect(found.message).toMatch(new RegExp(`^${recorded(name).status} \\S`));
    expect(found.message).not.toMatch(/[{<\n]|no body/);
    // A request that a gateway gave up may be answered behind it.
    expect(found.unknown).toBe(name === 'proxy-error-504');
  });

  it.each([
    ['openai-error-logprobs', 'logprobs'],
    ['deepseek-error-logprobs', 'logprobs'],
    ['gemini-error-logprobs', 'logprobs'],
    ['vllm-error-logprobs', 'top_logprobs'],
    ['ollama-error-native', 'top_logprobs'],
    ['openai-error-temperature', 'temperature'],
  ])('%s: a parameter that no question may have', async (name, param) => {
    expect(await failure(name)).toMatchObject({ kind: 'parameter', param });
  });

  it.each([
    ['openrouter-error-in-200', 'again', 'in place of an answer: 502 Provider returned error'],
    ['openrouter-error-in-choice', 'slow-down', 'in place of an answer: 429 Rate limit exceeded upstream'],
    ['deepseek-interrupted', 'again', 'the answer ended with "insufficient_system_resource"'],
  ])('%s: an error that is called 200 may have to be paid', async (name, kind, message) => {
    expect(await failure(name)).toMatchObject({ kind, message, unknown: true });
  });

  it('does not wait for a day', async () => {
    const { status, ...rest } = recorded('openai-error-429');
    replay = { ...rest, status, headers: { 'retry-after': 'Wed, 25 Nov 2026 12:00:00 GMT' } };
    await expect(client().ask(question)).rejects.toMatchObject({
      kind: 'key',
      message: expect.stringContaining('(it asks to wait 24.0 h)'),
    });
  });
});

describe('what a server gets to know', () => {
  it('quotes no key, whoever else does', async () => {
    const found = await failure('openai-error-key');
    expect(found.message).toContain('Incorrect API key provided: ***.');
    const odd = 'sk-first\nsk-second';
    const error: unknown = await client(odd)
      .ask(question)
      .catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain('sk-');
  });

  it('sends the key and the question, and nothing of this machine', async () => {
    process.env.OPENAI_CUSTOM_HEADERS = 'Authorization: Bearer other\nx-secret: other';
    try {
      replay = recorded('openai-plain');
      await client().ask(question);
      expect(headers.authorization).toBe(`Bearer ${KEY}`);
      const usual = ['accept', 'accept-encoding', 'accept-language', 'connection', 'content-length', 'content-type'];
      const own = ['authorization', 'host', 'sec-fetch-mode', 'user-agent'];
      expect(Object.keys(headers).filter((name) => ![...usual, ...own].includes(name))).toEqual([]);
      const { port } = server.address() as AddressInfo;
      const signal = new AbortController().signal;
      await new Client({
        baseUrl: `http://127.0.0.1:${port}`,
        key: undefined,
        timeoutMs: 1000,
        signal,
        now: () => 0,
      }).ask(question);
      expect(headers.authorization).toBeUndefined();
    } finally {
      delete process.env.OPENAI_CUSTOM_HEADERS;
    }
  });
});

describe('providers', () => {
  it('each has a recorded answer, and each answer a source', () => {
    const names = readdirSync(FOLDER).map((name) => name.replace(/\.json$/, ''));
    for (const { name } of providers.filter((provider) => provider.name !== 'custom')) {
      expect(names).toContain(`${name}-plain`);
    }
    for (const name of names) expect(recorded(name).source, name).not.toBe('');
  });

  it('are what stands before the model, unless there is an address', () => {
    expect(teacherOf({ provider: 'custom', model: 'openai:gpt-4.1-mini' })).toMatchObject({
      model: 'gpt-4.1-mini',
      baseUrl: 'https://api.openai.com/v1',
    });
    expect(teacherOf({ provider: 'ollama', model: 'llama3.2:3b' }).model).toBe('llama3.2:3b');
    expect(teacherOf({ provider: 'custom', model: 'openai:x', base_url: 'http://a/v1/' })).toMatchObject({
      model: 'openai:x',
      baseUrl: 'http://a/v1',
    });
  });

  it('know what is on this machine', () => {
    for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.1', '127.3.2.1', '[::1]']) {
      expect(isLocal(`http://${host}:80/v1`), host).toBe(true);
    }
    for (const host of ['127.evil.example', '127.0.0.1.evil.example', 'localhost.example', '10.0.0.1', '0.0.0.0']) {
      expect(isLocal(`http://${host}/v1`), host).toBe(false);
    }
  });
});
