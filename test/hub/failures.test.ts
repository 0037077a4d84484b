import { setTimeout } from 'node:timers/promises';
import { beforeEach, expect, test, vi } from 'vitest';
import { StepFailure } from '../../src/util/failure.js';
import { config, contents, EXPECTED, FIRST, get, hub, hubAndCdn, SECOND, TOKEN } from './fetching.js';

vi.mock('node:timers/promises', () => ({ setTimeout: vi.fn(async () => {}) }));
beforeEach(() => void vi.mocked(setTimeout).mockClear());
const waits = (): unknown[] => vi.mocked(setTimeout).mock.calls.map(([ms]) => ms);

/** The failure, which must be one and must not hold the token anywhere. */
async function failureOf(promise: Promise<unknown>): Promise<StepFailure> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof StepFailure)) throw new Error('no failure', { cause: failure });
  const all = [failure.message, failure.hint, failure.stack, JSON.stringify(failure), String(failure.cause)].join('\n');
  expect(all).not.toContain(TOKEN);
  return failure;
}

test('no such model, revision, commit', async () => {
  const server = await hub();
  const host = new URL(server.url).host;
  const token = TOKEN;
  expect(await failureOf(get(server, { token, repository: 'org/other' }))).toMatchObject({
    reason: 'hub-not-found',
    message: `hf:org/other@main is not on ${host}`,
    hint: `Check the name at ${server.url}/org/other.`,
  });
  expect(await failureOf(get(server, { token, revision: 'v3' }))).toMatchObject({
    reason: 'hub-not-found',
    message: 'hf:org/name has no branch, tag or commit "v3"',
  });
  expect(await failureOf(get(server, { token, revision: '3'.repeat(40) }))).toMatchObject({
    reason: 'hub-not-found',
    message: `hf:org/name has no branch, tag or commit "${'3'.repeat(40)}"`,
  });
  expect(waits()).toEqual([]);
});

test('a file that is listed and not there', async () => {
  const server = await hub();
  server.troubles.push({ on: /config/, times: 1, status: 404 });
  expect((await failureOf(get(server))).reason).toBe('hub-not-found');
});

test('a token is needed', async () => {
  const server = await hub();
  server.token = TOKEN;
  const failure = await failureOf(get(server));
  expect(failure).toMatchObject({
    reason: 'hub-access',
    message: 'hf:org/name cannot be read without a token (status 401)',
    hint: expect.stringContaining('HF_TOKEN'),
  });
  expect(waits()).toEqual([]);
});

test('the token may not read it', async () => {
  const server = await hub();
  server.token = 'hf_another';
  expect(await failureOf(get(server, { token: TOKEN }))).toMatchObject({
    reason: 'hub-access',
    message: 'the token in HF_TOKEN may not read hf:org/name (status 403)',
    hint: `Ask for access at ${server.url}/org/name, or set HF_TOKEN to a token that may read it.`,
  });
});

test('access to the files only is denied', async () => {
  const server = await hub();
  server.troubles.push({ on: /resolve/, times: 1, status: 403 });
  expect((await failureOf(get(server, { token: TOKEN }))).reason).toBe('hub-access');
});

test('a token that no header can hold is not shown', async () => {
  const failure = await failureOf(get(await hub(), { token: `${TOKEN}\n${TOKEN}` }));
  expect(failure.reason).toBe('hub-token');
  expect((await failureOf(get(await hub(), { token: `${TOKEN}…` }))).reason).toBe('hub-token');
});

test.each(['huggingface.co', 'ftp://huggingface.co', `https://me:${TOKEN}@huggingface.co`, `https://a.org?${TOKEN}`])(
  'the endpoint %s is none',
  async (endpoint) => {
    expect((await failureOf(get(await hub(), { endpoint }))).reason).toBe('hub-endpoint');
  },
);

test('no network: said at once', async () => {
  const server = await hub();
  await server.stop();
  const { host } = new URL(server.url);
  const failure = await failureOf(get(server, { token: TOKEN }));
  expect(failure).toMatchObject({
    reason: 'hub-unreachable',
    message: `${host} cannot be reached (connect ECONNREFUSED ${host})`,
    hint: 'Set HF_ENDPOINT if you use a mirror of the Hub, or give the folder of a model instead of hf:…',
  });
  expect(waits()).toEqual([]);
});

test('a server that hangs up at once may answer the next time', async () => {
  const server = await hub();
  server.troubles.push({ on: /revision/, times: 2, hangUp: true });
  expect(await contents(await get(server))).toEqual(EXPECTED);
  expect(waits()).toEqual([500, 1000]);
  server.troubles.push({ on: /revision/, times: 100, hangUp: true });
  expect(await failureOf(get(server, { token: TOKEN }))).toMatchObject({
    reason: 'hub-unreachable',
    message: expect.stringMatching(/^the connection to 127\.0\.0\.1:\d+ broke off \(/),
  });
});

test('network that goes away after the first answer is waited for', async () => {
  const { server, cdn } = await hubAndCdn();
  await cdn.stop();
  vi.mocked(setTimeout).mockImplementationOnce(async () => {
    server.cdn = undefined;
  });
  expect(await contents(await get(server))).toEqual(EXPECTED);
  expect(waits()).toEqual([500]);
});

test.each([500, 502, 503, 504, 408, 429])('status %d now and then', async (status) => {
  const server = await hub();
  for (const on of [/revision/, /tree/, /config/]) server.troubles.push({ on, times: 2, status });
  expect(await contents(await get(server, { token: TOKEN }))).toEqual(EXPECTED);
  expect(waits()).toEqual([500, 1000, 500, 1000, 500, 1000]);
});

test('a server that goes on failing', async () => {
  const server = await hub();
  server.troubles.push({ on: /config/, times: 100, status: 503 });
  const host = new URL(server.url).host;
  expect(await failureOf(get(server, { token: TOKEN }))).toMatchObject({
    reason: 'hub-unavailable',
    message: `${host} answered with status 503`,
  });
  expect(server.downloads.length).toBe(6);
  expect(waits()).toEqual([500, 1000, 2000, 4000, 8000]);
});

test.each([
  [503, { 'retry-after': '7' }, 7000],
  [429, { 'retry-after': '7' }, 7000],
  [429, { 'retry-after': '0' }, 500],
  [429, { 'retry-after': 'soon' }, 500],
  [429, { ratelimit: '"api";r=0;t=55' }, 55_000],
  [503, { ratelimit: '"api";r=900;t=55' }, 500],
])('status %d with %j', async (status, headers, ms) => {
  const server = await hub();
  server.troubles.push({ on: /config/, times: 1, status, headers: headers as Record<string, string> });
  await get(server);
  expect(waits()).toEqual([ms]);
});

test('a server that asks for less patience than it should', async () => {
  const server = await hub();
  server.troubles.push({ on: /config/, times: 3, status: 503, headers: { 'retry-after': '1' } });
  await get(server);
  expect(waits()).toEqual([1000, 1000, 2000]);
});

test('a date to try again', async () => {
  const server = await hub();
  const date = new Date(Date.now() + 60_000).toUTCString();
  server.troubles.push({ on: /config/, times: 1, status: 429, headers: { 'retry-after': date } });
  await get(server);
  expect(waits()[0]).toBeGreaterThan(55_000);
  expect(waits()[0]).toBeLessThanOrEqual(60_000);
});

test('a server that asks for more patience than we have', async () => {
  const server = await hub();
  server.troubles.push({ on: /config/, times: 1, status: 429, headers: { 'retry-after': '3600' } });
  const failure = await failureOf(get(server));
  expect(failure.reason).toBe('hub-unavailable');
  expect(failure.message).toContain('answered with status 429: too many requests');
  expect(failure.hint).toContain('HF_TOKEN');
  expect(waits()).toEqual([]);
});

test('an address of the other server that expired is asked for again', async () => {
  const { server, cdn } = await hubAndCdn();
  cdn.troubles.push({ on: /./, times: 1, status: 403 });
  expect(await contents(await get(server, { token: TOKEN }))).toEqual(EXPECTED);
  expect(server.downloads.filter(({ path }) => path.includes('safetensors')).length).toBe(2);
});

test('a status that nobody expects', async () => {
  const server = await hub();
  server.troubles.push({ on: /config/, times: 1, status: 451 });
  expect((await failureOf(get(server))).message).toMatch(/answered with status 451$/);
});

test.each([
  ['a page', '<html>Please log in'],
  ['no commit', '{"sha":"main"}'],
  ['nothing', 'null'],
])('the login page of a network, and other answers: %s', async (_what, text) => {
  const server = await hub();
  server.troubles.push({ on: /revision/, times: 1, status: 200, text });
  const failure = await failureOf(get(server, { token: TOKEN }));
  expect(failure.reason).toBe('hub-answer');
  expect(failure.message).toMatch(/^127\.0\.0\.1:\d+ does not answer as the Hub does: /);
});

test.each<[string, RegExp]>([
  ['{}', /not iterable/],
  ['[{"type":"file","path":"a","size":1}]', /a has no hash$/],
  ['[{"type":"file","path":"a","size":1,"oid":"../../x"}]', /a has no hash$/],
  [`[{"type":"file","path":"a","size":-1,"oid":"${FIRST}"}]`, /a is of size -1$/],
  ...['../a', 'a/../../b', '/a', 'a//b', 'a\\b', 'C:a', './a', ''].map((path): [string, RegExp] => [
    JSON.stringify([{ type: 'file', path, size: 1, oid: FIRST }]),
    /lists a file named "/,
  ]),
])('a listing that is none: %s', async (text, message) => {
  const server = await hub();
  server.troubles.push({ on: /tree/, times: 1, status: 200, text });
  const failure = await failureOf(get(server));
  expect(failure.reason).toBe('hub-answer');
  expect(failure.message).toMatch(message);
});

test('no file is wanted', async () => {
  const server = await hub();
  expect(await failureOf(get(server, { wanted: () => false }))).toMatchObject({
    reason: 'hub-no-file',
    message: 'hf:org/name@main has none of the files that are needed',
    hint: 'It has README.md, config.json, model.safetensors, sub/tokenizer.json.',
  });
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}.bin`, config]));
  server.models['org/many'] = { refs: { main: FIRST }, commits: { [FIRST]: many, [SECOND]: {} } };
  const given = { repository: 'org/many', wanted: () => false };
  expect((await failureOf(get(server, given))).hint).toMatch(/ 9\.bin and 2 more\.$/);
  expect((await failureOf(get(server, { ...given, revision: SECOND }))).hint).toBe('It is empty.');
});
