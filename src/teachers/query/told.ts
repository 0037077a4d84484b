import type { Json, JsonObject } from '../../util/json.js';
import { RequestFailure } from './failure.js';

/** What a server says of a request that it did not answer, whatever its API's errors look like. */
export interface Told {
  readonly message: string;
  /** `insufficient_quota`, `rate_limit_error`, `API_KEY_INVALID`, … : all names that the error has. */
  readonly names: ReadonlySet<string>;
  /** The parameter of the request that it is about. */
  readonly param: string | undefined;
  /** Milliseconds that it asks to wait, where the body says so. */
  readonly afterMs: number | undefined;
  /** It is the text that is not accepted. */
  readonly flagged: boolean;
  /** HTTP's, where the body has it: an error may come in an answer that is called 200. */
  readonly status: number | undefined;
}

const MOST_WORDS = 300;
/** Who is told to wait longer goes on later. */
const LONGEST_WAIT_MS = 3_600_000;

/** Errors that mean: not with this key, or not with what is left on its account. */
const OF_KEYS = [
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'account_deactivated',
  'billing_error',
  'enforced_spend_limit_reached',
  'API_KEY_INVALID',
];
/** The same of a server that has no name for it. */
const OF_KEYS_IN_WORDS =
  /\bapi key not valid\b|\bcredit balance is too low\b|\breached your specified api usage limits\b/i;
/** Errors about parameters that no question of this kind may have. */
const OF_PARAMETERS = ['unsupported_parameter', 'unsupported_value', 'unknown_parameter'];
const LOGPROBS_IN_WORDS = /\b(?:top_)?logprobs?\b/i;
const TOO_MANY_IN_WORDS = /greater than max|must be (?:between|less|at most)/i;
const NOT_SUPPORTED_IN_WORDS =
  /not (?:supported|allowed|enabled)|unsupported|does not support|unknown name|unrecognized/i;

/**
 * Reads an error's body: `{error: {message, type, param, code}}` as OpenAI has it; the same in a list (Gemini); without
 * the outer object (older vLLM); a text as `error` (Ollama's own API); `detail` (FastAPI); a page of a proxy.
 */
export function toldOf(body: unknown): Told {
  const whole = Array.isArray(body) ? body[0] : body;
  const outer = objectOf(whole);
  const error = outer.error ?? outer;
  const inner = objectOf(error);
  const details = listOf(inner.details).map(objectOf);
  const metadata = objectOf(inner.metadata);
  const names = [
    inner.code,
    inner.type,
    inner.status,
    objectOf(inner.details).error_code,
    ...details.map(({ reason }) => reason),
  ].filter((name): name is string => typeof name === 'string');
  return {
    message: wordsOf(whole, error, inner, outer),
    names: new Set(names),
    param: typeof inner.param === 'string' ? inner.param : undefined,
    afterMs: details.map(({ retryDelay }) => secondsIn(retryDelay)).find((ms) => ms !== undefined),
    flagged: metadata.flagged_input !== undefined || listOf(metadata.reasons).length > 0,
    status: statusOf(inner.code),
  };
}

function wordsOf(whole: unknown, error: unknown, inner: JsonObject, outer: JsonObject): string {
  // FastAPI tells of each field.
  const fields = listOf(outer.detail).map((each) => objectOf(each).msg);
  const candidates = [inner.message, error, outer.detail, fields[0], whole];
  const found = candidates.find((text) => typeof text === 'string' && text !== '');
  const said = typeof found === 'string' ? found : (JSON.stringify(outer.detail ?? whole) ?? '');
  // Of a page only what people would read.
  const text = /^\s*</.test(said) ? said.replaceAll(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ') : said;
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, MOST_WORDS);
}

/** `34.5s`, as Google's RetryInfo has it. */
function secondsIn(text: Json | undefined): number | undefined {
  const found = typeof text === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(text) : null;
  return found === null ? undefined : 1000 * Number(found[1]);
}

const statusOf = (code: Json | undefined): number | undefined =>
  typeof code === 'number' && code >= 400 && code < 600 ? code : undefined;

const objectOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * What an error means for the request, the key and the step.
 * @param afterMs that the response's headers ask to wait
 */
export function failureFrom(status: number, told: Told, afterMs = told.afterMs): RequestFailure {
  const { message, names, param, flagged } = told;
  const words = message === '' ? String(status) : `${status} ${message}`;
  const named = (list: readonly string[]): boolean => list.some((name) => names.has(name));
  if (named(OF_KEYS) || (status < 500 && OF_KEYS_IN_WORDS.test(message))) return new RequestFailure('key', words);
  // OpenAI answers 403 where a model has no log-probabilities, others 400.
  const refuses = status === 400 || status === 403 || status === 422;
  if (refuses && LOGPROBS_IN_WORDS.test(`${param} ${message}`)) {
    if (TOO_MANY_IN_WORDS.test(message)) return new RequestFailure('parameter', words, { param: 'top_logprobs' });
    if (NOT_SUPPORTED_IN_WORDS.test(message)) return new RequestFailure('parameter', words, { param: 'logprobs' });
  }
  if (refuses && named(OF_PARAMETERS)) return new RequestFailure('parameter', words, { param: param ?? 'parameters' });
  const after = afterMs === undefined ? {} : { afterMs };
  switch (status) {
    case 401:
      return new RequestFailure('key', words);
    // No credit; OpenRouter says when what is under way will have been settled.
    case 402:
      return new RequestFailure(afterMs === undefined ? 'key' : 'slow-down', words, after);
    case 403:
      return new RequestFailure(flagged ? 'row' : 'key', words);
    case 404:
      return new RequestFailure('fatal', words);
    case 409:
    case 425:
      return new RequestFailure('again', words, after);
    // It may have been answered while somebody on the way stopped waiting.
    case 408:
    case 504:
    case 524:
      return new RequestFailure('again', words, { ...after, unknown: true });
    case 429:
      if (afterMs === undefined || afterMs <= LONGEST_WAIT_MS) return new RequestFailure('slow-down', words, after);
      return new RequestFailure('key', `${words} (it asks to wait ${(afterMs / 3_600_000).toFixed(1)} h)`);
    // Too much at once for a server that has no 429.
    case 503:
    case 529:
      return new RequestFailure('slow-down', words, { ...after, again: true });
    default:
      return status >= 500 ? new RequestFailure('again', words, after) : new RequestFailure('row', words);
  }
}
