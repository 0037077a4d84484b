import { Agent, type Dispatcher } from 'undici';

type Fetch = typeof fetch;
/** Of headers, by their names in lower case. */
type Values = Readonly<Record<string, string | string[] | undefined>>;

/** A response's headers. They can be asked for and gone through; no more is made of them than there is. */
class Names {
  readonly #values: Values;

  constructor(values: Values) {
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
    headers: Values,
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

const utf8 = new TextDecoder();

/** Takes a response in. undici's own `request` would make a stream of it first, for a sixth of a request's time. */
class Gathering implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private status = 0;
  private headers: Values = {};
  private readonly parts: Buffer[] = [];

  /** @param signal gives it up */
  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal | null,
    private readonly resolve: (response: Whole) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    signal?.addEventListener('abort', () => this.giveUp(), { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.signal?.aborted) this.giveUp();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Values): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, part: Buffer): void {
    this.parts.push(part);
  }

  onResponseEnd(): void {
    const [first = Buffer.alloc(0), ...more] = this.parts;
    const text = utf8.decode(more.length === 0 ? first : Buffer.concat(this.parts));
    this.resolve(new Whole(this.url, text, this.status, this.headers));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.reject(error);
  }

  private giveUp(): void {
    const reason = this.signal?.reason as Error;
    this.reject(reason);
    this.controller?.abort(reason);
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
  let last = { text: '', origin: '', path: '' };
  return async (url, init = {}) => {
    const { method, body, headers: given = {}, signal: own = null } = init;
    if (typeof url !== 'string' || method !== 'POST' || typeof body !== 'string') return fetch(url, init);
    const plain = given instanceof Headers || Array.isArray(given) ? Object.fromEntries(given) : given;
    const headers = { ...plain, 'accept-encoding': 'identity' };
    if (url !== last.text) last = { text: url, ...addressOf(url) };
    own?.throwIfAborted();
    const response = await new Promise<Whole>((resolve, reject) => {
      const { origin, path } = last;
      dispatcher.dispatch({ origin, path, method, headers, body }, new Gathering(url, own, resolve, reject));
    });
    if (response.status >= 300 && response.status < 400) {
      return fetch(url, { ...init, signal: own === null ? signal : AbortSignal.any([own, signal]) });
    }
    return response as unknown as Response;
  };
}

function addressOf(url: string): { readonly origin: string; readonly path: string } {
  const { origin, pathname, search } = new URL(url);
  return { origin, path: `${pathname}${search}` };
}
