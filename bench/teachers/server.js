import { createServer } from 'node:http';

/**
 * A server that speaks the chat completions API in a process of its own and costs as little as can be: its answers are
 * made before the first question, and what is asked is not looked at.
 *
 *     node server.js LATENCY_MS        forked: tells `{url}`, and on the message 'take' what it has seen since the last one
 *
 * `/v1` answers in plain text, `/soft/v1` with log-probabilities of 20 tokens.
 */

const latency = Number(process.argv[2]);

const message = { role: 'assistant', content: 'spam', refusal: null };
const top = Array.from({ length: 20 }, (_, i) => ({
  token: i === 0 ? 'spam' : i === 1 ? 'ham' : `other${i}`,
  logprob: -0.2 - i,
  bytes: [115, 112, 97, 109],
}));
const logprobs = { content: [{ ...top[0], top_logprobs: top }], refusal: null };

const answer = (logprobs) => {
  const choices = [{ index: 0, message, logprobs, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 150, completion_tokens: 1, total_tokens: 151 };
  const about = { id: 'chatcmpl-1', object: 'chat.completion', created: 1795000000, model: 'oracle' };
  const bytes = Buffer.from(JSON.stringify({ ...about, choices, usage }));
  return { bytes, headers: { 'content-type': 'application/json', 'content-length': bytes.length } };
};
const ANSWERS = { '/v1/chat/completions': answer(null), '/soft/v1/chat/completions': answer(logprobs) };

/** What was asked since the last look; milliseconds of this process's clock. */
const nothing = () => ({ requests: 0, underWay: 0, mostUnderWay: 0, first: 0, last: 0, latency: 0 });
let seen = nothing();
let cpu = process.cpuUsage();

/** A body of fewer bytes asks nothing: curator sends one to see what the headers of an answer say of limits. */
const NO_QUESTION = 200;

function send(response, { bytes, headers }) {
  response.writeHead(200, headers);
  response.end(bytes);
}

function answerNow(response, found, came) {
  send(response, found);
  seen.last = performance.now();
  seen.latency += seen.last - came;
  seen.underWay--;
}

const server = createServer((request, response) => {
  request.resume();
  const found = ANSWERS[request.url];
  if (found === undefined) {
    response.writeHead(404).end();
  } else if (Number(request.headers['content-length']) < NO_QUESTION) {
    send(response, found);
  } else {
    const came = performance.now();
    if (seen.requests++ === 0) seen.first = came;
    seen.mostUnderWay = Math.max(seen.mostUnderWay, ++seen.underWay);
    request.on('end', () => {
      if (latency === 0) answerNow(response, found, came);
      else setTimeout(answerNow, latency, response, found, came);
    });
  }
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));

process.on('message', () => {
  const used = process.cpuUsage(cpu);
  process.send({ ...seen, latency: seen.latency / seen.requests, cpuSeconds: (used.user + used.system) / 1e6 });
  seen = nothing();
  cpu = process.cpuUsage();
});
process.on('disconnect', () => process.exit());
