import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { TOGETHER } from '../../src/models/together.js';
import { folder as emptyFolder, recipe } from '../cli/recipe.js';
import { madeUpRows, makeCorpus, sharedFolder } from '../train/rig.js';
import { classifierFolder, languageModelFolder, Serving } from './rig.js';

let student: string;
let writer: string;
beforeAll(async () => {
  const root = await sharedFolder();
  student = await classifierFolder(join(root, 'student'), await makeCorpus(root, madeUpRows(60, 30)));
  writer = (await languageModelFolder(join(root, 'writer'), { maxLength: 4096 })).folder;
});

const chat = { model: 'student', messages: [{ role: 'user' as const, content: 'cheap pills' }] };
/** Half a second or more. */
const long = { model: 'writer', prompt: 'Once', max_tokens: 400, seed: 1 };
/** At least ten times as long, and greedy, since a text that is drawn may end: nobody waits for its end. */
const endless = { ...long, max_tokens: 4000, temperature: 0 };

async function started(args: readonly string[], env: Record<string, string> = {}): Promise<Serving> {
  const serving = await Serving.start(args, env);
  onTestFinished(() => serving.stop());
  return serving;
}

/** Starts to stream a text, and waits for its first piece. */
async function streaming(serving: Serving, request: typeof long, signal?: AbortSignal) {
  const stream = await serving.client().completions.create({ ...request, stream: true }, signal ? { signal } : {});
  const pieces = stream[Symbol.asyncIterator]();
  await pieces.next();
  /** Reads to the end, and says why it is one. */
  const rest = async (): Promise<string | null | undefined> => {
    let finish: string | null | undefined;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
      finish = next.value.choices[0]?.finish_reason;
    }
    return finish;
  };
  return { rest };
}

describe('a server with a limit', () => {
  let serving: Serving;
  beforeAll(async () => {
    serving = await Serving.start([writer, student, '--max-waiting', '2', '--max-body', '2000']);
  });
  afterAll(() => serving.stop());

  it('refuses what is too much with 429 and Retry-After, answers the rest, and other models meanwhile', async () => {
    const client = serving.client();
    const gone = new AbortController();
    const running = await Promise.all(Array.from({ length: TOGETHER }, () => streaming(serving, endless, gone.signal)));
    const waiting = [1, 2].map(() => client.completions.create({ ...long, max_tokens: 3 }));
    await sleep(200);
    for (const stream of [false, true]) {
      const refused = await serving.post('/completions', { ...long, stream });
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } });
    }
    expect((await client.chat.completions.create(chat)).choices).toHaveLength(1);
    expect((await fetch(serving.url.replace('/v1', '/health'))).status).toBe(200);
    gone.abort();
    await Promise.all(running.map(({ rest }) => rest()));
    for (const { choices } of await Promise.all(waiting)) expect(choices[0]?.finish_reason).toBe('length');
  });

  it('does no more for a client that has gone', async () => {
    const client = serving.client();
    const start = performance.now();
    await client.completions.create(long);
    const needed = performance.now() - start;
    const gone = new AbortController();
    const { signal } = gone;
    const running = await streaming(serving, endless, signal);
    const waiting = [1, 2].map(() => client.completions.create(endless, { signal }));
    await sleep(100);
    gone.abort();
    const aborted = performance.now();
    await Promise.allSettled([running.rest(), ...waiting]);
    // The server may hear of it a moment later.
    await sleep(100);
    await client.completions.create({ ...long, max_tokens: 1 });
    // Each of the three would take ten times that and more.
    expect(performance.now() - aborted).toBeLessThan(3 * needed);
  });

  it('says how large a request may be', async () => {
    const response = await serving.post('/chat/completions', { ...chat, user: 'x'.repeat(2000) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('2000 bytes') } });
  });
});

describe('a server with a key', () => {
  const KEY = 'sk-very-secret-5b1e';

  it('answers those who have it, tells nobody, and keeps it from the models’ processes', async () => {
    const serving = await started([student, '--api-key-env', 'SERVE_KEY', '--host', '0.0.0.0'], { SERVE_KEY: KEY });
    const at = serving.url.replace('0.0.0.0', '127.0.0.1');
    const client = (apiKey: string) => new OpenAI({ baseURL: at, apiKey, maxRetries: 0 });
    expect((await client(KEY).chat.completions.create(chat)).choices).toHaveLength(1);
    for (const wrong of ['sk-other', KEY.slice(0, -1), `${KEY}x`]) {
      const error = await client(wrong)
        .models.list()
        .catch((problem: unknown) => problem);
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error).toMatchObject({ code: 'invalid_api_key' });
    }
    const none = await fetch(`${at}/models`);
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await fetch(`${at}/nothing`)).status).toBe(401);
    expect((await fetch(at.replace('/v1', '/health'))).status).toBe(200);
    expect(serving.err).toBe('');
    expect(serving.out + serving.err).not.toContain(KEY);
    if (process.platform === 'linux') {
      const { readFile } = await import('node:fs/promises');
      for (const pid of await serving.workers()) {
        expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain(KEY);
      }
    }
  });
});

describe.runIf(process.platform === 'linux')('a model’s process that is killed', () => {
  it('fails what it was answering, is replaced, and the server goes on', async () => {
    const serving = await started([writer]);
    const client = serving.client();
    const kill = async (): Promise<number> => {
      const [worker] = (await serving.workers()) as [number];
      process.kill(worker, 'SIGKILL');
      return worker;
    };
    // As many as are written at once, so that the next one waits.
    const running = Array.from({ length: TOGETHER }, () =>
      client.completions.create(endless).catch((error: unknown) => error),
    );
    await sleep(200);
    const waiting = client.completions.create({ ...long, max_tokens: 2 });
    await sleep(200);
    const first = await kill();
    const [error, ...others] = await Promise.all(running);
    for (const each of [error, ...others]) expect(each).toBeInstanceOf(OpenAI.InternalServerError);
    const message = 'The process of the model "writer" was killed by SIGKILL while it answered.';
    expect((error as Error).message).toContain(message);
    // What waited is answered by the new one.
    expect((await waiting).choices[0]?.finish_reason).toBe('length');
    expect(await serving.workers()).not.toContain(first);
    // A stream has begun: its last event is the error.
    const { rest } = await streaming(serving, endless);
    await kill();
    await expect(rest()).rejects.toThrow(message);
    const line = 'warning: the process of the model "writer" was killed by SIGKILL; a new one is started\n';
    expect(serving.err).toBe(line + line);
  });
});

describe('a signal', () => {
  it('lets requests finish, takes no more, and ends the server with 0', async () => {
    const serving = await started([writer]);
    const { rest } = await streaming(serving, long);
    const other = serving.client().completions.create({ ...long, max_tokens: 5 });
    await sleep(100);
    serving.signal('SIGTERM');
    await sleep(100);
    await expect(fetch(`${serving.url}/models`)).rejects.toThrow();
    expect(await rest()).toBe('length');
    expect((await other).choices[0]?.finish_reason).toBe('length');
    // At once, though the client keeps its connections for other requests.
    const answered = performance.now();
    expect(await serving.exit).toBe(0);
    expect(performance.now() - answered).toBeLessThan(3000);
    expect(serving.err).toBe('');
  });

  it('ends an idle server at once, also with open connections; without a key it had warned of the network', async () => {
    const serving = await started([student, '--host', '0.0.0.0']);
    expect(serving.err).toBe('warning: whoever reaches 0.0.0.0 can use these models: there is no --api-key-env\n');
    const at = serving.url.replace('0.0.0.0', '127.0.0.1');
    await (await fetch(`${at}/models`)).json();
    const begun = performance.now();
    serving.signal('SIGINT');
    expect(await serving.exit).toBe(0);
    // Connections would stay for 72 seconds.
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  it('the second ends everything at once', async () => {
    const serving = await started([writer]);
    const { rest } = await streaming(serving, endless);
    serving.signal('SIGINT');
    await sleep(600); // sooner it would be the same key press
    serving.signal('SIGINT');
    expect(await serving.exit).toBe(130);
    await expect(rest()).rejects.toThrow();
  });
});

describe('bad use', () => {
  const here = emptyFolder();

  it.each([
    [['nowhere'], `there is no folder ${join(here, 'nowhere')}\n`],
    [['.'], `${here} holds no model: there is neither config.json nor a recipe.json that names one\n`],
    [['.', '--backend', 'gpu'], "option '--backend <name>' argument 'gpu' is invalid. Allowed choices are onnx, "],
    [['.', '--port', '70000'], "option '--port <n>' argument '70000' is invalid. Expected a port, 0 to 65535."],
    [['.', '--api-key-env', 'NO_SUCH_KEY'], '--api-key-env NO_SUCH_KEY: the environment variable is not set\n'],
    [['.', '--name', 'a', '--name', 'b'], '--name is given 2 times for 1 models: give it once for each'],
    [['.', here], `two models have the name "${here.split('/').at(-1)}": give each a --name\n`],
    [[], "missing required argument 'model'"],
  ])('%j is refused in one message', async (args, message) => {
    const { code, out, err } = await recipe(here, ['serve', ...args]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.startsWith(`error: ${message}`), err).toBe(true);
    expect(err).not.toContain('    at ');
  });

  it('a port that is taken, a backend that is not there', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const taken = await recipe(here, ['serve', student, '--port', String(port)]);
    other.close();
    expect(taken).toEqual({
      code: 2,
      out: '',
      err: `error: port ${port} of 127.0.0.1 is taken\n  Choose another with --port; --port 0 takes a free one.\n`,
    });
    const host = await recipe(here, ['serve', student, '--host', '203.0.113.1']);
    expect(host).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^error: this machine has no address 203/),
    });
    const missing = process.platform === 'win32' ? 'onnx-coreml' : 'onnx-dml';
    const backend = await recipe(here, ['serve', student, '--backend', missing]);
    expect(backend).toMatchObject({ code: 2, out: '', err: expect.stringContaining('has no execution provider') });
    expect(backend.err).not.toContain('    at ');
  });
});

it('ends with the step that started it, also when that is killed', async () => {
  const started = `
    const { serveModel } = await import(${JSON.stringify(new URL('../../dist/teachers/query/served.js', import.meta.url))});
    const { baseUrl } = await serveModel(${JSON.stringify(student)}, 'student', 1, new AbortController().signal);
    console.log(baseUrl);
    setInterval(() => {}, 1000);`;
  const step = spawn(process.execPath, ['--input-type=module', '-e', started], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void step.kill('SIGKILL'));
  const [line] = (await once(step.stdout, 'data')) as [Buffer];
  const models = `${String(line).trim()}/models`;
  expect((await fetch(models)).status).toBe(200);
  step.kill('SIGKILL');
  const isThere = (): Promise<boolean> => fetch(models).then(Boolean, () => false);
  for (let i = 0; i < 100 && (await isThere()); i++) await sleep(50);
  expect(await isThere()).toBe(false);
});
