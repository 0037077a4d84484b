import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError, toFile } from 'openai';
import type { JsonObject } from '../../util/json.js';
import { RequestFailure } from './failure.js';
import type { Choice, Question, Reply, Token, TokenLogprobs, Usage } from './reply.js';
import { bytesOf, locate } from './spelling.js';
import { failureFrom, toldOf } from './told.js';
import { makeFetch } from './transport.js';

export interface ClientOptions {
  readonly baseUrl: string;
  /** Absent: none is sent. */
  readonly key: string | undefined;
  /** Longest time from sending a request to the last byte of its answer, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A reply, and whether the server told what it used. */
export type Answered = Omit<Reply, 'usage'> & { readonly usage: Usage | undefined };

type BuildRequest = OpenAI['buildRequest'];

/**
 * The client, which makes a question's request itself: gathering and merging its headers anew, and listing them for a log
 * that is off, takes the client as long as all the rest.
 */
class Api extends OpenAI {
  override async buildRequest(...given: Parameters<BuildRequest>): ReturnType<BuildRequest> {
    const [options] = given;
    if (options.method !== 'post' || options.path !== QUESTION) return super.buildRequest(...given);
    this.headers ??= sentOf((await super.buildRequest(...given)).req.headers) as unknown as Headers;
    const req = { method: options.method, headers: this.headers, body: JSON.stringify(options.body) };
    return { req, url: this.buildURL(QUESTION, undefined), timeout: this.timeout };
  }

  /** The same for all questions, and plain: nothing but our `fetch` reads them. */
  private headers: Headers | undefined;
}

const QUESTION = '/chat/completions';

/** Asks one OpenAI-compatible server with one key; each call is one HTTP request. */
export class Client {
  readonly api: OpenAI;

  constructor(private readonly options: ClientOptions) {
    this.api = new Api({
      baseURL: options.baseUrl,
      apiKey: options.key ?? 'none',
      maxRetries: 0,
      timeout: options.timeoutMs,
      logLevel: 'off',
      // Only what the recipe says: not what happens to be set for other programs.
      organization: null,
      project: null,
      defaultHeaders: { Authorization: options.key === undefined ? null : `Bearer ${options.key}` },
      fetch: careful(makeFetch(options.signal)),
    });
  }

  /** @throws RequestFailure; the signal's reason */
  ask({ model, messages, parameters }: Question): Promise<Answered> {
    const body = { ...parameters, model, messages } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    return this.understood(async () => answered(await this.api.chat.completions.create(body)));
  }

  /** Uploads questions for a batch. @returns the file's id there */
  async upload(jsonl: string): Promise<string> {
    const file = await toFile(Buffer.from(jsonl), 'questions.jsonl');
    return (await this.request((options) => this.api.files.create({ file, purpose: 'batch' }, options))).id;
  }

  /**
   * Any call of the client that is no question, with the time limit and the failures of one. Its body may come in after
   * the client has stopped its own clock.
   */
  async request<T>(call: (options: { signal: AbortSignal; timeout: number }) => PromiseLike<T>): Promise<T> {
    const { signal, timeoutMs } = this.options;
    signal.throwIfAborted();
    // Not `AbortSignal.any`: it keeps a record of every request on the long-lived signal.
    const own = new AbortController();
    const stop = (): void => own.abort();
    signal.addEventListener('abort', stop, { once: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      own.abort();
    }, timeoutMs);
    try {
      return await this.understood(
        () => call({ signal: own.signal, timeout: timeoutMs }),
        () => late,
      );
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** A call whose failures are RequestFailures. */
  private async understood<T>(call: () => PromiseLike<T>, isLate = (): boolean => false): Promise<T> {
    const { signal, timeoutMs, now } = this.options;
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (isLate() || error instanceof APIConnectionTimeoutError) {
        throw new RequestFailure('again', `no answer within ${timeoutMs / 1000} s`, { unknown: true });
      }
      throw this.withoutKey(failureOf(error, now()));
    }
  }

  /** Servers and libraries quote a key that they do not like. */
  private withoutKey(failure: RequestFailure): RequestFailure {
    const { key = '' } = this.options;
    const forms = [key.trim(), key.trim().replaceAll(/\s+/g, ' ')].filter((form) => form !== '');
    const hidden = forms.reduce((message, form) => message.replaceAll(form, '***'), failure.message);
    return hidden === failure.message ? failure : failure.with(hidden);
  }
}

/** What an error of the client means for the request, the key and the step. */
function failureOf(error: unknown, now: number): RequestFailure {
  if (error instanceof RequestFailure) return error;
  if (error instanceof APIConnectionError || error instanceof APIUserAbortError) {
    // A connection that was never made cannot have cost anything.
    const refused = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(causes(error));
    return new RequestFailure('again', `the connection failed: ${causes(error)}`, { unknown: !refused, refused });
  }
  if (!(error instanceof APIError) || error.status === undefined) {
    // The body was cut off, or is no JSON.
    return new RequestFailure('again', `the answer cannot be read: ${causes(error)}`, { unknown: true });
  }
  const told = toldOf((error.error as { whole?: unknown } | undefined)?.whole);
  return failureFrom(error.status, told, retryAfter(error.headers, now) ?? told.afterMs);
}

/** All that a server gets to know beside the question. */
const SENT = ['accept', 'authorization', 'content-type', 'user-agent'];

function sentOf(headers: Headers): Record<string, string> {
  return Object.fromEntries(SENT.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) as string]] : [])));
}

/**
 * `fetch`, but for two things: headers that the client adds by itself (the operating system, what stands in
 * `OPENAI_CUSTOM_HEADERS`) are not sent; and as the client keeps of an error's body only what OpenAI's have, every error
 * becomes one of those.
 */
const careful =
  (transport: typeof fetch): typeof fetch =>
  async (url, init) => {
    const headers = init?.headers instanceof Headers ? sentOf(init.headers) : (init?.headers ?? {});
    const response = await transport(url, { ...init, headers });
    if (response.ok) return response;
    const text = await response.text();
    const { status, statusText } = response;
    const told = new Headers(response.headers);
    for (const name of ['content-encoding', 'content-length']) told.delete(name);
    return new Response(JSON.stringify({ error: { whole: parsed(text) } }), { status, statusText, headers: told });
  };

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The messages of an error and of what caused it. */
function causes(error: unknown): string {
  const messages: string[] = [];
  for (let at: unknown = error; at instanceof Error && messages.length < 4; at = at.cause) {
    const code = (at as { code?: unknown }).code;
    messages.push(typeof code === 'string' && !at.message.includes(code) ? `${at.message} (${code})` : at.message);
  }
  return [...new Set(messages)].join(': ').replaceAll(/\s+/g, ' ').slice(0, 300) || String(error);
}

/** `retry-after-ms`, or `Retry-After` as seconds or as a date, in milliseconds. */
export function retryAfter(headers: Headers | undefined, now: number): number | undefined {
  const exact = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(exact) && exact >= 0) return exact;
  const text = headers?.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? 1000 * seconds : undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The body of a chat completion as far as it is used; servers differ in the rest.
 * @throws RequestFailure if it holds no answer
 */
export function answered(body: unknown): Answered {
  const { choices, usage, error } = objectOf(body);
  if (error !== undefined && error !== null) throw insteadOfAnswer(body);
  if (!Array.isArray(choices) || choices.length === 0) {
    throw new RequestFailure('again', 'the answer holds no "choices"', { unknown: true });
  }
  return { choices: choices.map((choice) => choiceOf(objectOf(choice))), usage: usageOf(usage) };
}

/** An error in place of an answer, called 200 because it came while the answer was made: that may have to be paid. */
function insteadOfAnswer(body: unknown): RequestFailure {
  const told = toldOf(body);
  const failure = failureFrom(told.status ?? 500, told);
  const message = told.status === undefined ? told.message : failure.message;
  return failure.with(`in place of an answer: ${message}`, { unknown: true });
}

/** The model did not end its answer, and not because of the question. */
const BROKEN: ReadonlySet<unknown> = new Set(['error', 'insufficient_system_resource']);

function choiceOf(choice: JsonObject): Choice {
  const { finish_reason, error } = choice;
  if (error !== undefined && error !== null) throw insteadOfAnswer(choice);
  if (BROKEN.has(finish_reason)) {
    throw new RequestFailure('again', `the answer ended with "${finish_reason}"`, { unknown: true });
  }
  const message = objectOf(choice.message);
  const content = typeof message.content === 'string' ? message.content : partsOf(message.content);
  const { text, thought } = withoutThought(content);
  const reasoning = [message.reasoning_content, message.reasoning, thought].find(
    (found): found is string => typeof found === 'string' && found !== '',
  );
  const logprobs = logprobsOf(objectOf(choice.logprobs).content);
  return {
    text,
    finish: typeof finish_reason === 'string' ? finish_reason : 'stop',
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(typeof message.refusal === 'string' && message.refusal !== '' ? { refusal: message.refusal } : {}),
    ...(logprobs === undefined ? {} : { logprobs: ofText(text, logprobs) }),
  };
}

/** Some servers tell the log-probabilities of the reasoning too, before those of the answer. */
function ofText(text: string, tokens: readonly TokenLogprobs[]): readonly TokenLogprobs[] {
  const found = locate(text, tokens);
  return found === undefined ? tokens : tokens.slice(found.first);
}

const objectOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

/** Some servers give the content as a list of parts. */
function partsOf(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content.map((part) => (typeof part?.text === 'string' ? part.text : '')).join('');
}

/** Servers that do not take it apart leave the reasoning in front of the answer. */
function withoutThought(content: string): { text: string; thought?: string } {
  const found = /^\s*<think>([\s\S]*?)<\/think>\s*/.exec(content);
  return found === null
    ? { text: content }
    : { text: content.slice(found[0].length), thought: (found[1] as string).trim() };
}

/** Undefined if they are not told, or cannot be true. */
function logprobsOf(content: unknown): TokenLogprobs[] | undefined {
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const entries = content.map(objectOf);
  if (!entries.every(isScored)) return undefined;
  return entries.map((entry) => ({
    ...tokenOf(entry),
    top: Array.isArray(entry.top_logprobs) ? entry.top_logprobs.map(objectOf).filter(isScored).map(tokenOf) : [],
  }));
}

/** JSON has no minus infinity, so some servers write null for what has no probability. */
const isScored = ({ logprob }: JsonObject): boolean => typeof logprob === 'number' && logprob <= 1e-6;

/** A token of a part of a character has no text; its bytes say what it is. */
function tokenOf({ token, logprob, bytes }: JsonObject): Token {
  const text = typeof token === 'string' ? token : '';
  const told = Array.isArray(bytes) && bytes.every((byte) => Number.isInteger(byte)) ? (bytes as number[]) : undefined;
  const differ = told !== undefined && Buffer.from(told).toString('latin1') !== bytesOf(text);
  return { token: text, logprob: logprob as number, ...(differ ? { bytes: told } : {}) };
}

/**
 * Tokens of reasoning are paid for as part of the answer. Some servers (Gemini, xAI) count them in the total only.
 */
function usageOf(usage: unknown): Usage | undefined {
  if (typeof usage !== 'object' || usage === null) return undefined;
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, prompt_cache_hit_tokens } =
    usage as JsonObject;
  const cached = objectOf(prompt_tokens_details).cached_tokens ?? prompt_cache_hit_tokens ?? 0;
  const prompt = Number(prompt_tokens);
  const beyond = typeof total_tokens === 'number' ? total_tokens - prompt : 0;
  // One that says nothing of the answer's tokens but how many there were in all.
  const told = completion_tokens ?? (beyond > 0 ? 0 : undefined);
  return { prompt, cached: Number(cached), completion: Math.max(Number(told), beyond) };
}
