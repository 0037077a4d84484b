import pRetry from 'p-retry';
import type { Account, Answers } from './answers.js';
import type { Answered } from './client.js';
import { RequestFailure } from './failure.js';
import { RETRY, stepFailure } from './giving-up.js';
import { keyOf } from './key.js';
import type { Amount, Reservation } from './ledger.js';
import type { Key, Pace } from './pace.js';
import { costOf, type Price, plausible, upperBound } from './price.js';
import type { Question, Reply, Usage } from './reply.js';

export interface AskerOptions {
  readonly answers: Answers;
  readonly pace: Pace;
  readonly price: Price | undefined;
  /** Whether there is a budget, so that money has to be set aside before a request is sent. */
  readonly bounded: boolean;
  /** How often a request that failed is sent again. */
  readonly retries: number;
  readonly signal: AbortSignal;
}

/** A server that only ever says "slow down" is given up after so many times in a row for one request. */
const MOST_SLOW_DOWNS = 30;

/** What can be asked, and what is known of it before it is. */
export interface Request {
  readonly question: Question;
  /** Why a reply is of no use, though the server took it for one; then the request is sent again. */
  readonly useless?: (reply: Answered) => string | undefined;
}

/** A reply, and when it is on disk; undefined if it was there before. */
export interface Kept {
  readonly reply: Reply;
  readonly kept: Promise<void> | undefined;
}

/** By how much answers passed their bounds at most: a server may not hold itself to `max_tokens`. */
interface Excess {
  readonly prompt: number;
  readonly completion: number;
}

/** The budget has no room for a request, and nothing is under way that could make some. */
export class OutOfBudget extends Error {
  override readonly name = 'OutOfBudget';
}

/** Gets each question answered once and keeps the answers. */
export class Asker {
  /** Of this run: requests that were sent and sent again, answers from the store, rows that cost something, and what. */
  readonly counts = { sent: 0, found: 0, again: 0, slowDowns: 0, rows: 0, nanousd: 0, prompt: 0, completion: 0 };
  /** What was spent before this run. */
  readonly before: Account;
  private readonly reserved = new Map<string, { readonly reservation: Reservation; readonly excess: Excess }>();
  /** Questions that are being asked: several rows may have the same. */
  private readonly underWay = new Map<string, Promise<Kept>>();
  /** Requests with money set aside, or answered and not yet booked: they hold more than they will cost. */
  private unbooked = 0;
  private readonly waiting: (() => void)[] = [];
  private excess: Excess = { prompt: 1, completion: 1 };

  constructor(private readonly options: AskerOptions) {
    this.before = options.answers.balance();
  }

  /** The answer, if it was given before. */
  stored(question: Question): Reply | undefined {
    return this.options.answers.get(keyOf(question));
  }

  /** Looks for the answers to many questions at once, so that looking for each of them is quick. */
  lookAhead(questions: readonly Question[]): void {
    this.options.answers.lookAhead(questions.map(keyOf));
  }

  /** Whether no request is left whose cost is less than what is set aside for it. */
  get isSettled(): boolean {
    return this.unbooked === 0;
  }

  /** Resolves when the cost of a request is known. */
  nextBooking(): Promise<void> {
    return new Promise((wake) => this.waiting.push(wake));
  }

  balance(): Account {
    return this.options.answers.balance();
  }

  /**
   * Sets money aside for requests that are about to be made, in one write.
   * @returns how many of them, from the first, there is room for
   */
  async prepare(requests: readonly Request[]): Promise<number> {
    const { answers, bounded } = this.options;
    if (!bounded) return requests.length;
    const { excess } = this;
    const made = new Map<string, { readonly first: number; readonly reservation: Promise<Reservation | undefined> }>();
    for (const [first, request] of requests.entries()) {
      const key = keyOf(request.question);
      if (made.has(key) || this.reserved.has(key) || this.underWay.has(key)) continue;
      if (this.stored(request.question) !== undefined) continue;
      made.set(key, { first, reservation: answers.reserve(key, this.most(request)) });
    }
    let room = requests.length;
    const reservations: [key: string, first: number, reservation: Reservation][] = [];
    for (const [key, { first, reservation }] of made) {
      const held = await reservation;
      if (held === undefined) room = Math.min(room, first);
      else reservations.push([key, first, held]);
    }
    for (const [key, first, reservation] of reservations) {
      if (first < room) this.reserved.set(key, { reservation, excess });
      else await answers.release(reservation);
    }
    return room;
  }

  /**
   * Notes a batch and sets money aside for its requests.
   * @returns how many of them, from the first, there is room for, and their reservations by their questions' keys
   */
  async beginBatch(
    id: string,
    baseUrl: string,
    requests: readonly Request[],
  ): Promise<{ room: number; reservations: Readonly<Record<string, Reservation>> }> {
    const { answers, bounded } = this.options;
    if (!bounded) {
      await answers.beginBatch(id, baseUrl, {});
      this.counts.sent += requests.length;
      return { room: requests.length, reservations: {} };
    }
    const most = requests.map((request) => [keyOf(request.question), this.most(request)] as const);
    const reservations = await answers.reserveBatch(id, baseUrl, most);
    const room = Object.keys(reservations).length;
    this.counts.sent += room;
    return { room, reservations };
  }

  /** Keeps an answer that came in another way. */
  receive(question: Question, { choices, usage: told }: Answered, reservation: Reservation | undefined): Promise<void> {
    const bound = upperBound(question);
    const usage = plausible(told, bound);
    return this.options.answers.receive(question, { choices, usage }, this.count(usage, bound), reservation);
  }

  /** Books an answer that came in another way and is of no use, at the most that it can have cost. */
  waste(question: Question, reservation: Reservation | undefined): Promise<void> {
    const bound = upperBound(question);
    return this.options.answers.waste(this.count(bound, bound), reservation);
  }

  /** Gives back what was set aside for requests that will not be sent. */
  async forget(): Promise<void> {
    const left = [...this.reserved.values()];
    this.reserved.clear();
    await Promise.all(left.map(({ reservation }) => this.options.answers.release(reservation)));
  }

  /**
   * Asks, again where that may help. Resolves as soon as the answer is here.
   * @throws OutOfBudget; RequestFailure of kind `row` or `parameter` for this question; StepFailure for all; the
   *   signal's reason
   */
  async ask(request: Request): Promise<Kept> {
    const found = this.stored(request.question);
    if (found !== undefined) {
      this.counts.found++;
      return { reply: found, kept: undefined };
    }
    const key = keyOf(request.question);
    const same = this.underWay.get(key);
    if (same !== undefined) return { reply: (await same).reply, kept: undefined };
    const asked = this.askNow(request);
    this.underWay.set(key, asked);
    try {
      return await asked;
    } finally {
      // Until it can be looked up.
      const forget = (): void => void this.underWay.delete(key);
      asked.then(({ kept }) => kept ?? Promise.resolve()).then(forget, forget);
    }
  }

  private async askNow(request: Request): Promise<Kept> {
    try {
      return await this.once(request);
    } catch (error) {
      // Most requests need no second try, nor all that is made ready for one.
      return this.askAgain(request, error);
    }
  }

  /** @param first why the first try failed */
  private async askAgain(request: Request, first: unknown): Promise<Kept> {
    let slowDowns = 0;
    let wake: (() => void) | undefined;
    try {
      const attempt = (number: number): Promise<Kept> => {
        wake?.();
        return number === 1 ? Promise.reject(first) : this.once(request);
      };
      return await pRetry(attempt, {
        ...RETRY,
        retries: this.options.retries,
        signal: this.options.signal,
        shouldRetry: ({ error }) => {
          const again = error instanceof RequestFailure && ['again', 'slow-down', 'key'].includes(error.kind);
          if (again) wake = this.options.pace.rest();
          return again;
        },
        shouldConsumeRetry: ({ error }) => {
          if (!(error instanceof RequestFailure)) return true;
          if (error.kind === 'key') return false;
          if (error.kind !== 'slow-down') return true;
          this.counts.slowDowns++;
          return error.again || ++slowDowns > MOST_SLOW_DOWNS;
        },
        onFailedAttempt: () => {
          this.counts.again++;
        },
      });
    } catch (error) {
      this.options.signal.throwIfAborted();
      throw stepFailure(error, request.question, this.options.retries);
    } finally {
      wake?.();
    }
  }

  private async once(request: Request): Promise<Kept> {
    const { answers, pace } = this.options;
    const { question, useless } = request;
    // What is answered and not on disk is paid for again after a crash.
    if (answers.isBehind) await answers.caughtUp();
    const bound = upperBound(question);
    const reservation = await this.begin(request);
    const used: { key?: Key } = {};
    try {
      const found = await pace.send(bound.prompt / 4 + bound.completion, (key) => {
        used.key = key;
        this.counts.sent++;
        return key.client.ask(question);
      });
      const usage = plausible(found.usage, bound);
      const cost = this.count(usage, bound);
      const problem = useless?.(found);
      if (problem !== undefined) {
        await answers.waste(cost, reservation);
        throw new RequestFailure('again', problem, { unknown: true });
      }
      if (used.key !== undefined) pace.succeeded(used.key);
      // Another process may have asked the same meanwhile: the answer that was kept first holds.
      const reply = this.stored(question) ?? { choices: found.choices, usage };
      const kept = answers.receive(question, reply, cost, reservation);
      this.unbooked++;
      void kept.catch(() => undefined).then(() => this.booked());
      return { reply, kept };
    } catch (error) {
      const failure = error instanceof RequestFailure ? error : undefined;
      if (used.key !== undefined && failure?.kind === 'slow-down') pace.slowDown(used.key, failure.afterMs);
      if (used.key !== undefined && failure?.kind === 'key') pace.refuse(used.key, failure.message);
      // What may have been answered may have to be paid: its reservation stays, or is booked already.
      const free = used.key === undefined || (failure !== undefined && !failure.unknown);
      if (free && reservation !== undefined) await answers.release(reservation);
      throw error;
    } finally {
      this.booked();
    }
  }

  /** One request less whose cost is not known. */
  private booked(): void {
    this.unbooked--;
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** A request whose cost is not known any more until `booked`. @throws OutOfBudget */
  private async begin(request: Request): Promise<Reservation | undefined> {
    const reservation = this.options.bounded ? await this.takeReservation(request) : undefined;
    if (reservation === undefined) this.unbooked++;
    return reservation;
  }

  /** Counts the request where it finds the money, so that others who look in the same turn know of it. */
  private async takeReservation(request: Request): Promise<Reservation> {
    const name = keyOf(request.question);
    const prepared = this.reserved.get(name);
    this.reserved.delete(name);
    if (prepared !== undefined) {
      if (prepared.excess === this.excess) {
        this.unbooked++;
        return prepared.reservation;
      }
      // Since then it turned out that it may cost more.
      await this.options.answers.release(prepared.reservation);
    }
    for (;;) {
      const settled = this.isSettled;
      const reservation = await this.options.answers.reserve(name, this.most(request));
      if (reservation !== undefined) {
        this.unbooked++;
        return reservation;
      }
      // What was begun comes before what was only prepared: that takes its money when its turn comes.
      const last = [...this.reserved].at(-1);
      if (last !== undefined) {
        this.reserved.delete(last[0]);
        await this.options.answers.release(last[1].reservation);
      } else if (!this.isSettled) await this.nextBooking();
      else if (settled) throw new OutOfBudget();
    }
  }

  private most({ question }: Request): Amount {
    const bound = upperBound(question);
    const most = {
      prompt: Math.ceil(bound.prompt * this.excess.prompt),
      completion: Math.ceil(bound.completion * this.excess.completion),
    };
    return costOf({ ...bound, ...most }, this.options.price);
  }

  private count(usage: Usage, bound: Usage): Amount {
    const cost = costOf(usage, this.options.price);
    this.counts.nanousd += cost.nanousd;
    this.counts.prompt += usage.prompt;
    this.counts.completion += usage.completion;
    const [prompt, completion] = [usage.prompt / bound.prompt, usage.completion / bound.completion];
    if (prompt > this.excess.prompt || completion > this.excess.completion) {
      this.excess = {
        prompt: Math.max(this.excess.prompt, prompt),
        completion: Math.max(this.excess.completion, completion),
      };
    }
    return cost;
  }
}
