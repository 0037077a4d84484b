import { Agent, request } from 'undici';

type Fetch = typeof fetch;

/** A response's headers. They can be asked for and gone through; no more is made of them than there is. */
class Names {
  readonly #values: Readonly<Record<string, string | string[] | undefined>>;

  constructor(values: Readonly<Record<string, string | string[] | undefined>>) {
    this.#values = values;
  }

  get(name: string): string | null {
    const value = this.#values[name.toLowerCase()];
    return value === undefined ? null : String(value);
  }

  *entries(): Generator<[string, string]> {
    for (const [name, value] of Object.entries(this.#values)) if (value !== undefined) yield [name, String(value)];
  }

  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
}

/** What the `openai` client reads of a response, whose body is here as a whole: `Response` itself makes much more of it. */
class Whole {
  readonly ok: boolean;
  readonly statusText = '';
  readonly body = null;
  readonly headers: Names;

  constructor(
    readonly url: string,
    private readonly whole: string,
    readonly status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ) {
    this.ok = status >= 200 && status < 300;
    this.headers = new Names(headers);
  }

  async text(): Promise<string> {
    return this.whole;
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.whole);
  }
}

/**
 * `fetch` for questions: texts that are sent and answered whole, over connections that are kept. Node's own builds several
 * streams for each request and takes three times as much of the processor, which is what limits how many can be under
 * way. It resolves once the whole body is in, and has no time limit but its own signal's. Whatever is no plain question
 * (uploads, redirections) goes through Node's.
 *
 * @param signal gives up all that is under way: one listener for all of them
 */
export function makeFetch(signal: AbortSignal): Fetch {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  signal.addEventListener('abort', () => void dispatcher.destroy(signal.reason as Error), { once: true });
  // Taking an address apart takes longer than comparing it with the last one.
  let last = { text: '', url: new URL('http://127.0.0.1') };
  return async (url, init = {}) => {
    const { method, body, headers: given = {}, signal: own = null } = init;
    if (typeof url !== 'string' || method !== 'POST' || typeof body !== 'string') return fetch(url, init);
    const plain = given instanceof Headers || Array.isArray(given) ? Object.fromEntries(given) : given;
    const headers = { ...plain, 'accept-encoding': 'identity' };
    if (url !== last.text) last = { text: url, url: new URL(url) };
    const response = await request(last.url, { method, headers, body, signal: own, dispatcher });
    const text = await response.body.text();
    const { statusCode } = response;
    if (statusCode >= 300 && statusCode < 400) {
      return fetch(url, { ...init, signal: own === null ? signal : AbortSignal.any([own, signal]) });
    }
    return new Whole(url, text, statusCode, response.headers) as unknown as Response;
  };
}
