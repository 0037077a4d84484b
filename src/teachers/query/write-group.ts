import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Call, Entry, Given, Made } from './ledger.js';
import type { FromLedger, LedgerOf, ToLedger } from './ledger-thread.js';

interface Pending {
  readonly call: Call;
  readonly resolve: (made: Made<Entry>) => void;
  readonly reject: (error: unknown) => void;
}

/** So many writes may wait before nothing more should be asked: with them is lost, in a crash, what was answered. */
const MOST_WAITING = 256;

/**
 * Writes to a ledger that share a transaction and its sync: each waits at most so long for others, and for the group
 * before it. The ledger is in a thread of its own, which begins with the first write.
 */
export class WriteGroup {
  private waiting: Pending[] = [];
  /** Under way, first in first out. */
  private readonly sent: Pending[][] = [];
  private timer: NodeJS.Timeout | undefined;
  private thread: Worker | undefined;
  private failure: Error | undefined;
  /** Who waits for room. */
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
      if (this.waiting.length === 0) {
        this.timer = setTimeout(() => {
          this.timer = undefined;
          if (this.sent.length === 0) this.send();
        }, this.waitMs);
      }
      const call = [entry, ...given] as unknown as Call;
      this.waiting.push({ call, resolve: resolve as Pending['resolve'], reject });
    });
  }

  /** Whether the disk takes writes more slowly than they come. */
  get isFull(): boolean {
    return this.sent.reduce((sum, group) => sum + group.length, this.waiting.length) >= MOST_WAITING;
  }

  /** Resolves when it is full no more. */
  room(): Promise<void> {
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
    this.thread ??= this.begin();
    const group = this.waiting;
    this.waiting = [];
    this.sent.push(group);
    this.thread.postMessage({ calls: group.map(({ call }) => call), now: this.now() } satisfies ToLedger);
  }

  private begin(): Worker {
    const thread = new Worker(new URL('./ledger-thread.js', import.meta.url), { workerData: this.ledger });
    thread.on('message', (message: FromLedger) => this.answered(message));
    thread.on('error', (error) => this.fail(error));
    thread.on('exit', () => this.fail(new Error('the thread that writes answers has ended')));
    return thread;
  }

  private answered(message: FromLedger): void {
    const group = this.sent.shift() ?? [];
    if ('failed' in message) {
      const { message: text, ...fields } = message.failed;
      const error = Object.assign(new Error(text), fields);
      for (const { reject } of group) reject(error);
    } else for (const [i, { resolve }] of group.entries()) resolve(message.made[i]);
    // Those that came meanwhile have waited long enough.
    if (this.timer === undefined && this.waiting.length > 0) this.send();
    if (!this.isFull) for (const wake of this.heldBack.splice(0)) wake();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    clearTimeout(this.timer);
    for (const { reject } of [...this.sent.splice(0).flat(), ...this.waiting.splice(0)]) reject(this.failure);
    for (const wake of this.heldBack.splice(0)) wake();
  }
}
