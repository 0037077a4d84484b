import { setTimeout as sleep } from 'node:timers/promises';
import pRetry, { AbortError } from 'p-retry';
import { StepFailure } from '../util/failure.js';

/** Tries after the first, and the pauses before them. */
const RETRY = { retries: 4, minTimeout: 300, maxTimeout: 5000, randomize: true };
/** A server that wants a longer pause is taken at its word only so far. */
const LONGEST_WAIT_MS = 60_000;

const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** The server cannot be reached, or not for long enough. */
export class Unreachable extends Error {}

/** Requests to one Hub: the token goes to it alone, what passes by itself is tried again, the rest has one clear error. */
export class Requests {
  readonly endpoint: string;

  constructor(
    endpoint: string,
    private readonly token: string | undefined,
    private readonly signal: AbortSignal,
  ) {
    if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
      throw new StepFailure('hub-endpoint', `HF_ENDPOINT is "${endpoint}", which is no http address`);
    }
    this.endpoint = endpoint.replace(/\/+$/, '');
  }

  /** Does something again while it fails in a way that may pass. @throws Unreachable if it keeps on */
  async retry<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await pRetry(
        async () => {
          this.signal.throwIfAborted();
          try {
            return await attempt();
          } catch (error) {
            // What is said of a request for good is a StepFailure; the rest is a connection that broke.
            if (error instanceof StepFailure || this.signal.aborted) throw new AbortError(error as Error);
            throw error instanceof Error ? error : new Error(String(error));
          }
        },
        { ...RETRY, signal: this.signal },
      );
    } catch (error) {
      if (error instanceof StepFailure || this.signal.aborted) throw error;
      const { message, cause } = error as Error;
      throw new Unreachable(cause instanceof Error ? cause.message : message);
    }
  }

  /** One request, with the token if it is to the Hub itself; a redirect to another address does not take it along. */
  async once(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const own = new URL(url).origin === new URL(this.endpoint).origin;
    const authorization = own && this.token ? { authorization: `Bearer ${this.token}` } : {};
    const response = await fetch(url, { headers: { ...headers, ...authorization }, signal: this.signal });
    if (!isPassing(response.status)) return response;
    const wait = Number(response.headers.get('retry-after'));
    await response.body?.cancel();
    if (wait > 0) await sleep(Math.min(1000 * wait, LONGEST_WAIT_MS), undefined, { signal: this.signal });
    throw new Error(`the server answers with status ${response.status}`);
  }

  /** `fetch` for `@huggingface/hub`, whose own requests are few and small. */
  readonly fetch = (input: string | URL | Request): Promise<Response> =>
    this.retry(() => this.once(input instanceof Request ? input.url : String(input)));
}
