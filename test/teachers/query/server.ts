import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What can go wrong with one request. */
export type Fault =
  | 'rate-limit'
  | 'rate-limit-silent'
  | 'server-error'
  | 'overloaded'
  | 'cut-before'
  | 'cut-within'
  | 'slow'
  | 'bad-json'
  | 'no-choices'
  | 'wrong-label'
  | 'no-logprobs'
  | 'wrong-usage'
  | 'no-usage'
  | 'bad-request'
  | 'refused'
  | 'unknown-model'
  | 'no-quota'
  | 'no-logprobs-here'
  | 'bad-parameter';

export const FAULTS: readonly Fault[] = [
  'rate-limit',
  'rate-limit-silent',
  'server-error',
  'overloaded',
  'cut-before',
  'cut-within',
  'slow',
  'bad-json',
  'no-choices',
  'wrong-label',
  'no-logprobs',
  'wrong-usage',
  'no-usage',
];

export interface ChatBody {
  model: string;
  messages: { role: string; content: string }[];
  logprobs?: boolean;
  top_logprobs?: number;
  n?: number;
  temperature?: number;
  max_tokens?: number;
  max_completion_tokens?: number;
  response_format?: unknown;
  [key: string]: unknown;
}

/** One request as the server saw it. */
export interface Seen {
  readonly body: ChatBody;
  readonly authorization: string | undefined;
  readonly fault: Fault | undefined;
  /** SHA-256 of the body. */
  readonly key: string;
  readonly at: number;
}

export interface TokenAnswer {
  token: string;
  logprob: number;
  top: { token: string; logprob: number }[];
}

/** What a choice says; `tokens` are told only if they are asked for. */
export interface ChoiceAnswer {
  text: string;
  tokens?: TokenAnswer[];
  finish?: string;
  extra?: Record<string, unknown>;
}

export interface ServerOptions {
  /** The answer to a question; `choice` counts from 0. */
  answer: (body: ChatBody, choice: number) => ChoiceAnswer;
  fault?: (seen: Omit<Seen, 'fault'>, count: number) => Fault | undefined;
  /** Milliseconds before an answer. */
  latency?: number;
  /** What the server says was used. */
  usage?: (body: ChatBody) => { prompt_tokens: number; completion_tokens: number };
  /** Of a rate limit, milliseconds. */
  retryAfterMs?: number;
  /** Milliseconds of a slow answer. */
  slowMs?: number;
  /** Keep only counts: for millions of requests. */
  forget?: boolean;
}

/** A real HTTP server that speaks the API, and does as it is told. */
export class TeacherServer {
  readonly seen: Seen[] = [];
  /** How often each question was answered in full. */
  readonly answered = new Map<string, number>();
  /** How often each question was asked. */
  readonly asked = new Map<string, number>();
  requests = 0;
  underWay = 0;
  mostUnderWay = 0;
  /** Tokens of all that was answered, also where the answer was cut off on its way. */
  billed = { prompt: 0, completion: 0 };
  options: ServerOptions;
  /** When each full answer was sent. */
  private readonly times: number[] = [];
  private readonly server: Server;

  private constructor(options: ServerOptions) {
    this.options = options;
    this.server = createServer((request, response) => {
      void this.handle(request, response).catch(() => response.destroy());
    });
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(options: ServerOptions): Promise<TeacherServer> {
    const made = new TeacherServer(options);
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** How many full answers were sent since then. */
  answeredSince(time: number): number {
    let count = 0;
    for (let i = this.times.length - 1; i >= 0 && (this.times[i] as number) >= time; i--) count++;
    return count;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(request);
    if (request.url !== '/v1/chat/completions') {
      send(response, 404, { error: { message: `no ${request.url}` } });
      return;
    }
    const body = JSON.parse(text) as ChatBody;
    const key = createHash('sha256').update(text).digest('hex');
    const base = { body, authorization: request.headers.authorization, key, at: performance.now() };
    const fault = this.options.fault?.(base, this.requests);
    this.requests++;
    this.asked.set(key, (this.asked.get(key) ?? 0) + 1);
    if (!this.options.forget) this.seen.push({ ...base, fault });
    this.underWay++;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      await this.answer(body, key, fault, response);
    } finally {
      this.underWay--;
    }
  }

  private async answer(body: ChatBody, key: string, fault: Fault | undefined, response: ServerResponse): Promise<void> {
    const { latency = 0, retryAfterMs = 20, slowMs = 60_000 } = this.options;
    switch (fault) {
      case 'rate-limit':
        return send(
          response,
          429,
          { error: { message: 'slow down', code: 'rate_limit_exceeded' } },
          {
            'retry-after': String(Math.ceil(retryAfterMs / 1000)),
            'retry-after-ms': String(retryAfterMs),
          },
        );
      case 'rate-limit-silent':
        return send(response, 429, { error: { message: 'slow down' } });
      case 'no-quota':
        return send(response, 429, { error: { message: 'you have no credit', code: 'insufficient_quota' } });
      case 'server-error':
        return send(response, 500, { error: { message: 'oh no' } });
      case 'overloaded':
        return send(response, 503, 'try later', { 'retry-after-ms': String(retryAfterMs) });
      case 'bad-request':
        return send(response, 400, { error: { message: 'this text is not allowed', code: 'content_policy' } });
      case 'refused':
        return send(response, 401, { error: { message: 'wrong key', code: 'invalid_api_key' } });
      case 'unknown-model':
        return send(response, 404, { error: { message: `no model ${body.model}`, code: 'model_not_found' } });
      case 'no-logprobs-here':
        return send(response, 403, { error: { message: 'You are not allowed to request logprobs from this model' } });
      case 'bad-parameter':
        return send(response, 400, {
          error: { message: "'temperature' does not support 0", param: 'temperature', code: 'unsupported_value' },
        });
      case 'cut-before':
        response.destroy();
        return;
      default:
    }
    if (latency > 0) await sleep(latency);
    const reply = completionOf(body, this.options, fault);
    const bytes = JSON.stringify(reply.body);
    this.billed.prompt += reply.prompt;
    this.billed.completion += reply.completion;
    if (fault === 'cut-within') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
      response.write(bytes.slice(0, bytes.length / 2));
      await sleep(1);
      response.destroy();
      return;
    }
    if (fault === 'slow') {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (const byte of bytes) {
        if (response.destroyed) return;
        response.write(byte);
        await sleep(slowMs / bytes.length);
      }
      response.end();
      return;
    }
    if (fault === 'bad-json') return send(response, 200, bytes.slice(0, bytes.length - 5));
    if (fault === 'no-choices') return send(response, 200, { object: 'error', message: 'nothing today' });
    if (fault === undefined || fault === 'wrong-usage' || fault === 'no-usage') {
      this.answered.set(key, (this.answered.get(key) ?? 0) + 1);
      this.times.push(performance.now());
    }
    send(response, 200, bytes);
  }
}

/** The body of a chat completion, and what it costs in tokens. */
export function completionOf(body: ChatBody, { answer, usage: use }: ServerOptions, fault?: Fault) {
  const choices = Array.from({ length: body.n ?? 1 }, (_, index) => {
    const { text, tokens, finish = 'stop', extra = {} } = answer(body, index);
    const told = body.logprobs && tokens && fault !== 'no-logprobs';
    const content = tokens?.map(({ token, logprob, top }) => ({ token, logprob, top_logprobs: top }));
    return {
      index,
      message: { role: 'assistant', content: fault === 'wrong-label' ? 'I would rather not say' : text, ...extra },
      finish_reason: finish,
      logprobs: told ? { content } : null,
    };
  });
  const told = use?.(body);
  const prompt =
    told?.prompt_tokens ?? body.messages.reduce((sum, { content }) => sum + Math.ceil(content.length / 4) + 4, 3);
  const completion =
    told?.completion_tokens ??
    choices.reduce((sum, { message }) => sum + Math.max(1, Math.ceil(String(message.content).length / 4)), 0);
  const usage =
    fault === 'wrong-usage'
      ? { prompt_tokens: -5, completion_tokens: 1e12 }
      : { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  const all = { id: 'chatcmpl-1', object: 'chat.completion', created: 0, model: body.model, choices };
  return { body: fault === 'no-usage' ? all : { ...all, usage }, prompt, completion };
}

export async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

export function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(text);
}

/** The last user message. */
export const asked = (body: ChatBody): string =>
  body.messages.filter(({ role }) => role === 'user').at(-1)?.content ?? '';

/** An answer of one token, and how probable each of some tokens was. */
export function oneToken(text: string, probabilities: Record<string, number>): ChoiceAnswer {
  const top = Object.entries(probabilities).map(([token, p]) => ({ token, logprob: Math.log(p) }));
  return { text, tokens: [{ token: text, logprob: Math.log(probabilities[text] ?? 1), top }] };
}
