import { StepFailure } from '../util/failure.js';
import { type HubReference, pathOf } from './reference.js';

/** Something that may go better when it is tried again. */
export class Interrupted extends Error {
  constructor(
    /** What to say if it does not. */
    readonly failure: StepFailure,
    /** How long the server asks to be left alone, in milliseconds. */
    readonly afterMs = 0,
  ) {
    super(failure.message);
    this.name = 'Interrupted';
  }
}

/** Reasons that are no fault of the reference: what is in the cache may be used instead. */
export const UNREACHABLE = 'hub-unreachable';
export const UNAVAILABLE = 'hub-unavailable';

const USE_OTHER = 'Set HF_ENDPOINT if you use a mirror of the Hub, or give the folder of a model instead of hf:…';

/** A server that was there and hung up, other than one that was never reached. */
const HUNG_UP = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * What became of a request that got no answer, or half of one. Undefined for any other error.
 * @param answered whether anything was heard of the Hub before: if not, there is no network, and no use in trying again
 */
export function networkFailure(
  error: unknown,
  endpoint: URL,
  answered: boolean,
): StepFailure | Interrupted | undefined {
  if (!(error instanceof TypeError && error.cause instanceof Error)) return undefined;
  const { code, message } = error.cause as NodeJS.ErrnoException;
  const hungUp = HUNG_UP.has(code ?? '');
  const what = hungUp ? `the connection to ${endpoint.host} broke off` : `${endpoint.host} cannot be reached`;
  const failure = new StepFailure(UNREACHABLE, `${what} (${message || code})`, USE_OTHER);
  return hungUp || answered ? new Interrupted(failure) : failure;
}

export interface Asked {
  readonly reference: HubReference;
  readonly endpoint: URL;
  /** Whether a token was sent. */
  readonly token: boolean;
}

/** What an answer means that is not the one that was asked for. */
export function statusFailure(response: Response, { reference, endpoint, token }: Asked): StepFailure | Interrupted {
  const { status, headers } = response;
  const { origin, host } = new URL(response.url);
  const name = `hf:${reference.repository}`;
  const answer = `${host} answered with status ${status}`;
  if (status === 429) {
    const hint = token ? 'Try again later.' : 'Try again later, or set HF_TOKEN: the limits are higher with a token.';
    return new Interrupted(new StepFailure(UNAVAILABLE, `${answer}: too many requests`, hint), afterMs(headers));
  }
  // Other hosts hold files under addresses that expire; the Hub gives a new one when it is asked again.
  const expired = status === 403 && origin !== endpoint.origin;
  if (status >= 500 || status === 408 || expired) {
    return new Interrupted(new StepFailure(UNAVAILABLE, answer, 'Try again later.'), afterMs(headers));
  }
  if (status === 401 || status === 403) {
    return token
      ? new StepFailure(
          'hub-access',
          `the token in HF_TOKEN may not read ${name} (status ${status})`,
          `Ask for access at ${endpoint.origin}/${pathOf(reference)}, or set HF_TOKEN to a token that may read it.`,
        )
      : new StepFailure(
          'hub-access',
          `${name} cannot be read without a token (status ${status})`,
          `Set HF_TOKEN to a token that may read it. ${reference.type === 'dataset' ? 'Data sets' : 'Models'} that do not exist give this answer too: check the name.`,
        );
  }
  if (status === 404) {
    const revision = headers.get('x-error-code') === 'RevisionNotFound';
    return new StepFailure(
      'hub-not-found',
      revision
        ? `${name} has no branch, tag or commit "${reference.revision}"`
        : `${name}@${reference.revision} is not on ${host}`,
      `Check the name at ${endpoint.origin}/${pathOf(reference)}.`,
    );
  }
  return new StepFailure('hub-answer', answer, USE_OTHER);
}

/** An answer that makes no sense. */
export function answerFailure(endpoint: URL, what: string): StepFailure {
  return new StepFailure('hub-answer', `${endpoint.host} does not answer as the Hub does: ${what}`, USE_OTHER);
}

/** An error of the file system as a failure; any other error as it is. */
export function diskFailure(error: unknown, cache: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new StepFailure('disk-full', `no room is left for the model in ${cache}`, 'Make room; what is there is kept.')
    : new StepFailure('hub-cache', `the folder for models, ${cache}, cannot be used: ${message}`);
}

/** `Retry-After` in seconds or as a date; the Hub itself says `RateLimit: "api";r=0;t=55` when it is too much. */
function afterMs(headers: Headers): number {
  const limit = /\br=0\s*;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  const after = headers.get('retry-after') ?? limit ?? '0';
  const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - Date.now();
  // What is no date is no number either.
  return Math.max(0, ms || 0);
}
