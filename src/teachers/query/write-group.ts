import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Call, Entry, Given, Made } from './ledger.js';
import type { FromLedger, LedgerOf, ToLedger } from './ledger-thread.js';

/** Writes that share a transaction, and when the first of them was asked for. */
interface Group {
  readonly since: number;
  readonly writes: readonly Pending[];
}

interface Pending {
  readonly call: Call;
  readonly resolve: (made: Made<Entry>) => void;
  readonly reject: (error: unknown) => void;
}

/** So many times as long as it waits for others, a write may take. */
const BEHIND = 3;

/**
 * Writes to a ledger that share a transaction and its sync: each waits at most so long for others, and for the group
 * before it. The ledger is in a thread of its own, which begins with the first write.
 */
export class WriteGroup {
  private waiting: Pending[] = [];
  private waitingSince = 0;
  /** Under way, first in first out. */
  private readonly sent: Group[] = [];
  private timer: NodeJS.Timeout | undefined;
  private thread: Worker | undefined;
  private failure: Error | undefined;
  /** Who waits until the disk has caught up. */
  private readonly heldBack: (() => void)[] = [];

  constructor(
    private readonly ledger: LedgerOf,
    private readonly waitMs: number,
    /** Milliseconds since 1970. */
    private readonly now: () => number,
  ) {}

  /** Resolves once the write is on disk. */
  add<E extends Entry>(entry: E, ...given: Given<E>): Promise<Made<E>> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.thread ??= this.begin();
      if (this.waiting.length === 0) {
        this.waitingSince = this.now();
        this.timer = setTimeout(() => {
          this.timer = undefined;
          if (this.sent.length === 0) this.send();
        }, this.waitMs);
      }
      const call = [entry, ...given] as unknown as Call;
      this.waiting.push({ call, resolve: resolve as Pending['resolve'], reject });
    });
  }

  /** Whether the disk is slower than writes come: one has waited for several times as long as for others to join it. */
  get isBehind(): boolean {
    const [oldest] = this.sent;
    return oldest !== undefined && this.now() - oldest.since > BEHIND * this.waitMs;
  }

  /** Resolves when it is behind no more. */
  caughtUp(): Promise<void> {
    return new Promise((resolve) => this.heldBack.push(resolve));
  }

  /** Writes what waits, and ends the thread. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting.length > 0) this.send();
    const { thread } = this;
    this.thread = undefined;
    if (thread === undefined || this.failure !== undefined) return;
    const ended = once(thread, 'exit');
    thread.postMessage(undefined satisfies ToLedger);
    await ended;
  }

  private send(): void {
    const writes = this.waiting;
    this.waiting = [];
    this.sent.push({ since: this.waitingSince, writes });
    this.thread?.postMessage({ calls: writes.map(({ call }) => call), now: this.now() } satisfies ToLedger);
  }

  private begin(): Worker {
    const thread = new Worker(new URL('./ledger-thread.js', import.meta.url), { workerData: this.ledger });
    thread.on('message', (message: FromLedger) => this.answered(message));
    thread.on('error', (error) => this.fail(error));
    thread.on('exit', () => this.fail(new Error('the thread that writes answers has ended')));
    return thread;
  }

  private answered(message: FromLedger): void {
    const { writes = [] } = this.sent.shift() ?? {};
    if ('failed' in message) {
      const { message: text, ...fields } = message.failed;
      const error = Object.assign(new Error(text), fields);
      for (const { reject } of writes) reject(error);
    } else for (const [i, { resolve }] of writes.entries()) resolve(message.made[i]);
    // Those that came meanwhile have waited long enough.
    if (this.timer === undefined && this.waiting.length > 0) this.send();
    if (!this.isBehind) for (const wake of this.heldBack.splice(0)) wake();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    clearTimeout(this.timer);
    const lost = [...this.sent.splice(0).flatMap(({ writes }) => writes), ...this.waiting.splice(0)];
    for (const { reject } of lost) reject(this.failure);
    for (const wake of this.heldBack.splice(0)) wake();
  }
}
