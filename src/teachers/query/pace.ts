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

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

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
 * How fast a server is asked. At most `concurrency` requests are under way; a slow-down halves that, once in a pause,
 * and makes every worker of the key wait as long as the server asks for (else 1 s, twice as long each time, at most 1
 * min); each success makes room again, one more request for every round of them (additive increase, multiplicative
 * decrease, as TCP has it).
 */
export class Pace {
  private readonly queue: PQueue;
  private readonly keys: readonly Key[];
  private room: number;
  private turns = 0;

  constructor(
    clients: readonly Client[],
    private readonly options: PaceOptions,
  ) {
    this.keys = clients.map((client) => new Key(client, options));
    this.room = options.concurrency;
    this.queue = new PQueue({ concurrency: options.concurrency });
  }

  /** Most requests that may be under way now. */
  get concurrency(): number {
    return this.queue.concurrency;
  }

  /** Does some work in its turn. */
  add<T>(work: () => Promise<T>): Promise<T> {
    return this.queue.add(work);
  }

  /** Resolves when fewer than so many wait for their turn. */
  roomFor(waiting: number): Promise<void> {
    return this.queue.onSizeLessThan(waiting);
  }

  /** Whether nothing is under way or waits. */
  get isIdle(): boolean {
    return this.queue.size + this.queue.pending === 0;
  }

  /** Resolves when some work is done. */
  next(): Promise<void> {
    return new Promise((resolve) => this.queue.once('next', resolve));
  }

  /** Resolves when nothing is under way or waits. */
  idle(): Promise<void> {
    return this.queue.onIdle();
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
    this.resize(this.room + 1 / this.room);
  }

  slowDown(key: Key, afterMs: number | undefined): void {
    const now = this.options.now();
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** key.refusals);
    // Those that were under way when the first was refused are refused as well: that says nothing new.
    if (key.pausedUntil <= now) {
      key.refusals++;
      this.resize(this.room / 2);
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
    if (whole !== this.queue.concurrency) this.queue.concurrency = whole;
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
