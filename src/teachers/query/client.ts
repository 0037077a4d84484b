import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError, toFile } from 'openai';
import type { JsonObject } from '../../util/json.js';
import { RequestFailure } from './failure.js';
import type { Choice, Question, Reply, TokenLogprobs, Usage } from './reply.js';
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

/** Asks one OpenAI-compatible server with one key; each call is one HTTP request. */
export class Client {
  readonly api: OpenAI;

  constructor(private readonly options: ClientOptions) {
    this.api = new OpenAI({
      baseURL: options.baseUrl,
      apiKey: options.key ?? 'none',
      maxRetries: 0,
      logLevel: 'off',
      fetch: makeFetch(),
      // Only what the recipe says: not what happens to be set for other programs.
      organization: null,
      project: null,
      ...(options.key === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    });
  }

  /** @throws RequestFailure; the signal's reason */
  async ask({ model, messages, parameters }: Question): Promise<Answered> {
    const body = { model, messages, ...parameters } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    return answered(await this.request((options) => this.api.chat.completions.create(body, options)));
  }

  /** Uploads questions for a batch. @returns the file's id there */
  async upload(jsonl: string): Promise<string> {
    const file = await toFile(Buffer.from(jsonl), 'questions.jsonl');
    return (await this.request((options) => this.api.files.create({ file, purpose: 'batch' }, options))).id;
  }

  /** Any call of the client, with the time limit and the failures of this one. */
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
      return await call({ signal: own.signal, timeout: timeoutMs });
    } catch (error) {
      signal.throwIfAborted();
      if (late || error instanceof APIConnectionTimeoutError) {
        throw new RequestFailure('again', `no answer within ${timeoutMs / 1000} s`, { unknown: true });
      }
      throw failureOf(error, this.options.now());
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
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
  const { status, headers, code } = error;
  const message = `${status} ${wordsOf(error)}`;
  const afterMs = retryAfter(headers, now);
  const after = afterMs === undefined ? {} : { afterMs };
  if (status === 429) {
    if (code === 'insufficient_quota') return new RequestFailure('key', message);
    return new RequestFailure('slow-down', message, after);
  }
  if (status === 401 || status === 403) return new RequestFailure('key', message);
  if (status === 404) return new RequestFailure('fatal', message);
  if (status === 408 || status === 409 || status === 425) return new RequestFailure('again', message, after);
  // Too much at once for a server that has no 429.
  if (status === 503 || status === 529) return new RequestFailure('slow-down', message, { ...after, again: true });
  if (status >= 500) return new RequestFailure('again', message, after);
  return new RequestFailure('row', message);
}

function wordsOf(error: APIError): string {
  const told = (error.error as { message?: unknown } | undefined)?.message;
  return (typeof told === 'string' ? told : error.message.replace(/^\d+ /, '')).replaceAll(/\s+/g, ' ').slice(0, 300);
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
  const { choices, usage, error } = (body ?? {}) as {
    choices?: unknown;
    usage?: unknown;
    error?: { message?: unknown };
  };
  if (!Array.isArray(choices) || choices.length === 0) {
    const told = typeof error?.message === 'string' ? `: ${error.message.slice(0, 300)}` : '';
    throw new RequestFailure('again', `the answer holds no "choices"${told}`, { unknown: true });
  }
  return { choices: choices.map(choiceOf), usage: usageOf(usage) };
}

function choiceOf(choice: JsonObject): Choice {
  const message = (choice?.message ?? {}) as JsonObject;
  const content = typeof message.content === 'string' ? message.content : partsOf(message.content);
  const { text, thought } = withoutThought(content);
  const reasoning = [message.reasoning_content, message.reasoning, thought].find(
    (found): found is string => typeof found === 'string' && found !== '',
  );
  const logprobs = logprobsOf((choice?.logprobs as JsonObject | null | undefined)?.content);
  return {
    text,
    finish: typeof choice?.finish_reason === 'string' ? choice.finish_reason : 'stop',
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(typeof message.refusal === 'string' && message.refusal !== '' ? { refusal: message.refusal } : {}),
    // Those of a text that was cut no longer fit it.
    ...(logprobs === undefined || thought !== undefined ? {} : { logprobs }),
  };
}

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

function logprobsOf(content: unknown): TokenLogprobs[] | undefined {
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const one = (entry: JsonObject) => ({ token: String(entry?.token ?? ''), logprob: Number(entry?.logprob) });
  const tokens = content.map((entry: JsonObject) => ({
    ...one(entry),
    top: Array.isArray(entry?.top_logprobs) ? (entry.top_logprobs as JsonObject[]).map(one) : [],
  }));
  const sound = tokens.every(({ logprob, top }) =>
    [logprob, ...top.map((other) => other.logprob)].every((x) => x <= 1e-6),
  );
  return sound ? tokens : undefined;
}

function usageOf(usage: unknown): Usage | undefined {
  if (typeof usage !== 'object' || usage === null) return undefined;
  const { prompt_tokens, completion_tokens, prompt_tokens_details, prompt_cache_hit_tokens } = usage as JsonObject;
  const cached =
    (prompt_tokens_details as JsonObject | null | undefined)?.cached_tokens ?? prompt_cache_hit_tokens ?? 0;
  return { prompt: Number(prompt_tokens), cached: Number(cached), completion: Number(completion_tokens) };
}
