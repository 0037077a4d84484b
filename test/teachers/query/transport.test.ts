import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeFetch } from '../../../src/teachers/query/transport.js';

/** A server, and how many connections were made to it. */
async function serve(listener: RequestListener): Promise<{ url: string; connections: () => number }> {
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections };
}

const staying = new AbortController().signal;

const question = (text: string): RequestInit => ({
  method: 'POST',
  headers: new Headers({ 'content-type': 'application/json' }),
  body: JSON.stringify({ text }),
});

/** Says what it was asked, with the status that the path names. */
const echo: RequestListener = async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const asked = JSON.parse(Buffer.concat(parts).toString('utf8')) as { text: string };
  const { method, headers } = request;
  response.writeHead(Number(request.url?.slice(1)), { 'content-type': 'application/json', 'x-request-id': 'r1' });
  response.end(JSON.stringify({ ...asked, method, type: headers['content-type'], takes: headers['accept-encoding'] }));
};

test('sends a question and gives its answer whole, over connections that are kept', async () => {
  const { url, connections } = await serve(echo);
  const ask = makeFetch(staying);
  for (const text of ['one', 'zwei ü', '3', '4', '5', '6']) {
    const answer = await ask(`${url}/200`, question(text));
    expect([answer.ok, answer.status, answer.headers.get('x-request-id')]).toEqual([true, 200, 'r1']);
    expect(await answer.json()).toEqual({ text, method: 'POST', type: 'application/json', takes: 'identity' });
  }
  // An answer may be here just before its connection is free.
  expect(connections()).toBeLessThanOrEqual(2);
});

test('puts an answer together that comes in pieces, also within a character', async () => {
  const whole = Buffer.from('\ufeff{"text":"grün 🙂"}');
  const { url } = await serve(async (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    for (const byte of whole) {
      response.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    response.end();
  });
  const answer = await makeFetch(staying)(`${url}/200`, question('one'));
  expect(await answer.json()).toEqual({ text: 'grün 🙂' });
});

test('gives an error of the server as a response that can be read', async () => {
  const { url } = await serve(echo);
  const answer = await makeFetch(staying)(`${url}/429`, question('one'));
  expect([answer.ok, answer.status]).toEqual([false, 429]);
  expect(await answer.text()).toContain('"text":"one"');
});

test('follows a redirection, with the question', async () => {
  const { url } = await serve((request, response) => {
    if (request.url === '/200') return echo(request, response);
    response.writeHead(307, { location: '/200' }).end();
  });
  const answer = await makeFetch(staying)(`${url}/old`, question('one'));
  expect(await answer.json()).toMatchObject({ text: 'one', method: 'POST' });
});

test('rejects an answer that is cut off, and a question that is given up', async () => {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
    response.write('{');
    if (request.url === '/cut') setTimeout(() => response.destroy(), 10);
  });
  await expect(makeFetch(staying)(`${url}/cut`, question('one'))).rejects.toThrow();
  const signal = AbortSignal.timeout(50);
  await expect(makeFetch(staying)(`${url}/slow`, { ...question('one'), signal })).rejects.toThrow(/timeout/);
});

test('gives up all that is under way at once', async () => {
  const { url } = await serve((request) => void request.resume());
  const control = new AbortController();
  const ask = makeFetch(control.signal);
  const asked = ['one', 'two', 'three'].map((text) => ask(`${url}/200`, question(text)));
  setTimeout(() => control.abort(new Error('enough')), 30);
  const results = await Promise.allSettled(asked);
  expect(results.map((result) => result.status === 'rejected' && String(result.reason))).toEqual(
    Array(3).fill('Error: enough'),
  );
});
