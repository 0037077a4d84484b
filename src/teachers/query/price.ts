import type { Amount } from './ledger.js';
import type { Question, Usage } from './reply.js';

/** US dollars for a million tokens. */
export interface Price {
  readonly input: number;
  /** Of prompt tokens that the server had cached; absent: as `input`. */
  readonly cached_input?: number;
  readonly output: number;
}

/** Tokens that chat templates add to each message and to the whole, with room to spare. */
const MESSAGE_OVERHEAD = 16;

/** What a request cost; rounded up to a billionth of a dollar. Without a price: tokens only. */
export function costOf({ prompt, cached, completion }: Usage, price: Price | undefined): Amount {
  const tokens = prompt + completion;
  if (price === undefined) return { nanousd: 0, tokens };
  const { input, cached_input = input, output } = price;
  // Dollars for a million tokens are thousands of nanodollars for a token.
  const nanousd = 1000 * ((prompt - cached) * input + cached * cached_input + completion * output);
  return { nanousd: Math.ceil(Number(nanousd.toPrecision(12))), tokens };
}

/** Tokens that the answer to a question may have, all choices together. */
export function mostTokens({ parameters }: Question): number {
  const limits = [parameters.max_completion_tokens, parameters.max_tokens];
  return Math.max(...limits.map((limit) => Number(limit ?? 0))) * Number(parameters.n ?? 1);
}

/** No request should use more: a token of a byte-level vocabulary stands for at least one byte. */
export function upperBound(question: Question): Usage {
  const { messages, parameters } = question;
  const texts = messages.map(({ content }) => Buffer.byteLength(content) + MESSAGE_OVERHEAD);
  // A schema for the answer is put into the prompt by some servers.
  const format = parameters.response_format === undefined ? 0 : JSON.stringify(parameters.response_format).length;
  const prompt = texts.reduce((sum, bytes) => sum + bytes, MESSAGE_OVERHEAD + format);
  return { prompt, cached: 0, completion: mostTokens(question), estimated: true };
}

/** More than any model takes or gives in one request. */
const MOST_TOKENS = 4_000_000;

/**
 * What the server says was used, if it can be true; otherwise the upper bound, which is what was reserved. It can be more
 * than the bound: not all servers count reasoning towards `max_tokens`, and some put words of their own into the prompt.
 */
export function plausible(usage: Usage | undefined, bound: Usage): Usage {
  if (usage === undefined) return bound;
  const counts = [usage.prompt, usage.cached, usage.completion];
  const whole = counts.every((count) => Number.isSafeInteger(count) && count >= 0 && count <= MOST_TOKENS);
  return whole && usage.cached <= usage.prompt && usage.prompt > 0 ? usage : bound;
}
