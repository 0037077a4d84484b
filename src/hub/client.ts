import { setTimeout } from 'node:timers/promises';
import { StepFailure } from '../util/failure.js';
import { Interrupted, networkFailure, statusFailure } from './failures.js';
import type { HubReference } from './reference.js';

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const RETRIES = 5;
/** Twice as long after each failure: 15.5 s in all. */
const FIRST_WAIT_MS = 500;
/** The Hub counts requests over five minutes. */
const LONGEST_WAIT_MS = 5 * 60_000;

export interface HubOptions {
  /** `HF_ENDPOINT`; without it, or if it is empty, the Hub itself. */
  readonly endpoint: string | undefined;
  /** `HF_TOKEN`. It is sent to the endpoint's origin only. */
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** Asks one server about one model, again if it is worth it. */
export class HubClient {
  readonly endpoint: URL;
  readonly signal: AbortSignal;
  private readonly token: string | undefined;
  /** Whether the server was ever heard of. */
  private answered = false;

  /** @throws StepFailure if the endpoint or the token cannot be one */
  constructor(
    readonly reference: HubReference,
    options: HubOptions,
  ) {
    this.endpoint = endpointOf(options.endpoint || DEFAULT_ENDPOINT);
    this.token = tokenOf(options.token);
    this.signal = options.signal;
  }

  /** The endpoint without a slash at its end. */
  get base(): string {
    return this.endpoint.href.replace(/\/+$/, '');
  }

  /**
   * `fetch` with the token, whose answers are all good, or `416 Range Not Satisfiable`. For use inside `retry`.
   * @throws StepFailure, Interrupted
   */
  readonly fetch: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    const url = new URL(input instanceof Request ? input.url : input);
    // `fetch` drops it where a redirect leads to another origin.
    if (this.token !== undefined && url.origin === this.endpoint.origin) {
      headers.set('authorization', `Bearer ${this.token}`);
    }
    const response = await fetch(url, { ...init, headers, signal: this.signal });
    this.answered = true;
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    const { reference, endpoint, token } = this;
    throw statusFailure(response, { reference, endpoint, token: token !== undefined });
  };

  /**
   * Tries until it works, five times more after failures in a row that are worth it.
   * @param reached how far it got; failures are counted anew when it got further
   * @throws StepFailure what the last failure was, or at once if trying again is no use; the signal's reason
   */
  async retry<T>(attempt: () => Promise<T>, reached: () => number = () => 0): Promise<T> {
    let furthest = reached();
    for (let failures = 0; ; failures++) {
      try {
        return await attempt();
      } catch (error) {
        const failure = networkFailure(error, this.endpoint, this.answered) ?? error;
        if (!(failure instanceof Interrupted)) throw failure;
        if (reached() > furthest) failures = 0;
        furthest = Math.max(furthest, reached());
        const wait = Math.max(failure.afterMs, FIRST_WAIT_MS * 2 ** failures);
        if (failures === RETRIES || wait > LONGEST_WAIT_MS) throw failure.failure;
        await setTimeout(wait, undefined, { signal: this.signal }).catch(() => this.signal.throwIfAborted());
      }
    }
  }
}

// Neither function says what it was given: addresses may hold passwords.

function endpointOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new StepFailure('hub-endpoint', `HF_ENDPOINT is not an address such as ${DEFAULT_ENDPOINT}`);
  }
  return url;
}

function tokenOf(text: string | undefined): string | undefined {
  const token = text?.trim() ?? '';
  if (token === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new StepFailure('hub-token', 'HF_TOKEN holds characters that no token has', 'Copy the token again.');
}
