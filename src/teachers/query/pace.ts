import PQueue from 'p-queue';
import { StepFailure } from '../../util/failure.js';
import { Allowance, wait } from './allowance.js';
import type { Client } from './client.js';

export interface PaceOptions {
  /** Most requests at once. */
  readonly concurrency: number;
  /** For each key. */
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
/** What a slow-down leaves of the requests that may be under way, and how many more a round of successes allows. */
const DECREASE = 0.75;
const INCREASE = 2;
/** So many times as many questions are begun as requests may be under way at most: the rest wait for their next try. */
const MOST_BEGUN = 4;

/** One key and what is known of how much its server takes. */
class Key {
  pausedUntil = 0;
  /** Slow-downs in a row. */
  refusals = 0;
  /** Why the server does not accept it any more. */
  refused: string | undefined;
  private readonly requests: Allowance | undefined;
  private readonly tokens: Allowance | undefined;

  constructor(
    readonly client: Client,
    private readonly options: PaceOptions,
  ) {
    const { requestsPerMinute, tokensPerMinute } = options;
    this.requests = requestsPerMinute === undefined ? undefined : new Allowance(requestsPerMinute);
    this.tokens = tokensPerMinute === undefined ? undefined : new Allowance(tokensPerMinute);
  }

  /** @throws the signal's reason */
  async admit(tokens: number): Promise<void> {
    const { signal } = this.options;
    await this.requests?.take(1, signal);
    await this.tokens?.take(tokens, signal);
  }
}

/**
 * How fast a server is asked. At most `concurrency` requests are under way; a slow-down takes a quarter off that, once in
 * a pause, and makes every worker of the key wait as long as the server asks for (else 0.5 s, twice as long each time,
 * at most 1 min); each success makes room again, two more requests for every round of them (additive increase,
 * multiplicative decrease, as TCP has it). TCP's own halving and one more per round would settle at 12 requests where a
 * server slows down one in a hundred whatever is asked of it; this at 26.
 */
export class Pace {
  /** Work that is under way or waits for its next try. */
  private readonly work: PQueue;
  private readonly requests: PQueue;
  private resting = 0;
  private readonly keys: readonly Key[];
  private room: number;
  private turns = 0;

  constructor(
    clients: readonly Client[],
    private readonly options: PaceOptions,
  ) {
    this.keys = clients.map((client) => new Key(client, options));
    this.room = options.concurrency;
    this.work = new PQueue({ concurrency: options.concurrency });
    this.requests = new PQueue({ concurrency: options.concurrency });
  }

  /** Most requests that may be under way now. */
  get concurrency(): number {
    return this.requests.concurrency;
  }

  /** Does some work in its turn: as many at once as requests may be under way, and one more for each that rests. */
  add<T>(work: () => Promise<T>): Promise<T> {
    return this.work.add(work);
  }

  /** Sends a request of so many tokens when one more may be under way. @throws StepFailure when no key is left */
  send<T>(tokens: number, request: (key: Key) => Promise<T>): Promise<T> {
    return this.requests.add(async () => request(await this.turn(tokens)));
  }

  /** Lets others work until the function that it returns is called: for work that waits for its next try. */
  rest(): () => void {
    this.resting++;
    this.resize(this.room);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.resting--;
      this.resize(this.room);
    };
  }

  /** Resolves when fewer than so many wait for their turn. */
  roomFor(waiting: number): Promise<void> {
    return this.work.onSizeLessThan(waiting);
  }

  /** Whether nothing is under way or waits. */
  get isIdle(): boolean {
    return this.work.size + this.work.pending === 0;
  }

  /** Resolves when some work is done. */
  next(): Promise<void> {
    return new Promise((resolve) => this.work.once('next', resolve));
  }

  /** Resolves when nothing is under way or waits. */
  idle(): Promise<void> {
    return this.work.onIdle();
  }

  /**
   * Waits until a request of so many tokens may be sent, and says with which key.
   * @throws StepFailure when no key is left
   */
  async turn(tokens: number): Promise<Key> {
    for (;;) {
      const usable = this.keys.filter(({ refused }) => refused === undefined);
      if (usable.length === 0) throw noKey(this.keys);
      const now = this.options.now();
      const free = usable.filter(({ pausedUntil }) => pausedUntil <= now);
      if (free.length > 0) {
        const key = free[this.turns++ % free.length] as Key;
        await key.admit(tokens);
        this.options.signal.throwIfAborted();
        // Others may have been told to slow down while this one waited.
        if (key.pausedUntil <= this.options.now() && key.refused === undefined) return key;
        continue;
      }
      await wait(Math.min(...usable.map(({ pausedUntil }) => pausedUntil)) - now, this.options.signal);
    }
  }

  succeeded(key: Key): void {
    key.refusals = 0;
    this.resize(this.room + INCREASE / this.room);
  }

  slowDown(key: Key, afterMs: number | undefined): void {
    const now = this.options.now();
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** key.refusals);
    // Those that were under way when the first was refused are refused as well: that says nothing new.
    if (key.pausedUntil <= now) {
      key.refusals++;
      this.resize(this.room * DECREASE);
    }
    key.pausedUntil = Math.max(key.pausedUntil, now + (afterMs ?? pause));
  }

  /** The server does not accept the key: the others go on. */
  refuse(key: Key, why: string): void {
    key.refused = why;
  }

  private resize(room: number): void {
    this.room = Math.min(this.options.concurrency, Math.max(1, room));
    const whole = Math.floor(this.room);
    if (whole !== this.requests.concurrency) this.requests.concurrency = whole;
    const begun = whole + Math.min(this.resting, (MOST_BEGUN - 1) * this.options.concurrency);
    if (begun !== this.work.concurrency) this.work.concurrency = begun;
  }
}

export type { Key };

function noKey(keys: readonly Key[]): StepFailure {
  const why = [...new Set(keys.map(({ refused }) => refused))].join('; ');
  return new StepFailure(
    'teacher-key',
    `the teacher's server does not accept ${keys.length === 1 ? 'the key' : `any of the ${keys.length} keys`}: ${why}`,
    'Check the environment variable that api_key names, and what the account may do.',
  );
}
