import { Agent, request } from 'undici';

type Fetch = typeof fetch;

/** A response whose body is here as a whole, so that no stream is made of it. */
class Whole extends Response {
  override readonly text = async (): Promise<string> => this.whole;
  override readonly json = async (): Promise<unknown> => JSON.parse(this.whole);

  constructor(
    private readonly whole: string,
    status: number,
    headers: [string, string][],
  ) {
    super(null, { status, headers });
  }
}

/**
 * `fetch` for questions: texts that are sent and answered whole, over connections that are kept. Node's own builds several
 * streams for each request and takes three times as much of the processor, which is what limits how many can be under
 * way. It resolves once the whole body is in, and has no time limit but the signal's. Whatever is no plain question
 * (uploads, redirections) goes through Node's.
 */
export function makeFetch(): Fetch {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return async (url, init = {}) => {
    const { method, body, signal } = init;
    if (typeof url !== 'string' || method !== 'POST' || typeof body !== 'string') return fetch(url, init);
    const given = init.headers instanceof Headers ? init.headers : new Headers(init.headers);
    const headers = { ...Object.fromEntries(given), 'accept-encoding': 'identity' };
    const response = await request(url, { method, headers, body, signal: signal ?? null, dispatcher });
    const text = await response.body.text();
    const { statusCode } = response;
    if (statusCode >= 300 && statusCode < 400) return fetch(url, init);
    return new Whole(
      text,
      statusCode,
      Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
    );
  };
}
