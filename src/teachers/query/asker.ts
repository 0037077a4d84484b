import pRetry from 'p-retry';
import { StepFailure } from '../../util/failure.js';
import type { Account, Amount, Answers, Reservation } from './answers.js';
import type { Answered } from './client.js';
import { RequestFailure } from './failure.js';
import { keyOf } from './key.js';
import type { Pace } from './pace.js';
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

/** Retries wait 0.5 to 1 s, then twice as long each time, at most half a minute, with a random part. */
const RETRY = { minTimeout: 500, factor: 2, maxTimeout: 30_000, randomize: true };
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
  private readonly reserved = new Map<string, Reservation>();
  /** Requests that are under way, or answered and not yet booked: they hold more than they will cost. */
  private unbooked = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly options: AskerOptions) {
    this.before = options.answers.balance();
  }

  /** The answer, if it was given before. */
  stored(question: Question): Reply | undefined {
    return this.options.answers.get(keyOf(question));
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
    const made = await Promise.all(
      requests.map(async (request) => {
        const key = keyOf(request.question);
        return { key, reservation: this.reserved.get(key) ?? (await answers.reserve(key, this.most(request))) };
      }),
    );
    const full = made.findIndex(({ reservation }) => reservation === undefined);
    const room = full < 0 ? made.length : full;
    for (const [i, { key, reservation }] of made.entries()) {
      if (reservation === undefined) continue;
      if (i < room) this.reserved.set(key, reservation);
      else await answers.release(reservation);
    }
    return room;
  }

  /** Reservations of prepared requests, by their questions' keys, for whoever sends them in another way. */
  handOver(requests: readonly Request[]): Record<string, Reservation> {
    const entries = requests.flatMap(({ question }) => {
      const key = keyOf(question);
      const reservation = this.reserved.get(key);
      this.reserved.delete(key);
      return reservation === undefined ? [] : [[key, reservation] as const];
    });
    this.counts.sent += requests.length;
    return Object.fromEntries(entries);
  }

  /** Keeps an answer that came in another way. */
  receive(question: Question, { choices, usage: told }: Answered, reservation: Reservation | undefined): Promise<void> {
    const usage = plausible(told, upperBound(question));
    return this.options.answers.receive(question, { choices, usage }, this.count(usage), reservation);
  }

  /** Gives back what was set aside for requests that will not be sent. */
  async forget(): Promise<void> {
    const left = [...this.reserved.values()];
    this.reserved.clear();
    await Promise.all(left.map((reservation) => this.options.answers.release(reservation)));
  }

  /**
   * Asks, again where that may help. Resolves as soon as the answer is here.
   * @throws OutOfBudget; RequestFailure of kind `row` for this question; StepFailure for all; the signal's reason
   */
  async ask(request: Request): Promise<Kept> {
    const { question } = request;
    const found = this.stored(question);
    if (found !== undefined) {
      this.counts.found++;
      return { reply: found, kept: undefined };
    }
    let slowDowns = 0;
    try {
      return await pRetry(() => this.once(request), {
        ...RETRY,
        retries: this.options.retries,
        signal: this.options.signal,
        shouldRetry: ({ error }) =>
          error instanceof RequestFailure && ['again', 'slow-down', 'key'].includes(error.kind),
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
      throw stepFailure(error, question, this.options.retries);
    }
  }

  private async once(request: Request): Promise<Kept> {
    const { answers, pace } = this.options;
    const { question, useless } = request;
    const bound = upperBound(question);
    const reservation = await this.takeReservation(request);
    const release = async (): Promise<void> => {
      if (reservation !== undefined) await answers.release(reservation);
    };
    const key = await pace.turn(bound.prompt / 4 + bound.completion).catch(async (error: unknown) => {
      await release();
      throw error;
    });
    this.unbooked++;
    try {
      this.counts.sent++;
      const found = await key.client.ask(question);
      const usage = plausible(found.usage, bound);
      const cost = this.count(usage);
      const problem = useless?.(found);
      if (problem !== undefined) {
        await answers.waste(cost, reservation);
        throw new RequestFailure('again', problem, { unknown: true });
      }
      pace.succeeded(key);
      const reply = { choices: found.choices, usage };
      const kept = answers.receive(question, reply, cost, reservation);
      this.unbooked++;
      void kept.catch(() => undefined).then(() => this.booked());
      return { reply, kept };
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error;
      if (error.kind === 'slow-down') pace.slowDown(key, error.afterMs);
      if (error.kind === 'key') pace.refuse(key, error.message);
      // What may have been answered may have to be paid: its reservation stays, or is booked already.
      if (!error.unknown) await release();
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

  private async takeReservation(request: Request): Promise<Reservation | undefined> {
    if (!this.options.bounded) return undefined;
    const name = keyOf(request.question);
    const prepared = this.reserved.get(name);
    this.reserved.delete(name);
    if (prepared !== undefined) return prepared;
    for (;;) {
      const settled = this.isSettled;
      const reservation = await this.options.answers.reserve(name, this.most(request));
      if (reservation !== undefined) return reservation;
      if (settled) throw new OutOfBudget();
      if (!this.isSettled) await this.nextBooking();
    }
  }

  private most({ question }: Request): Amount {
    return costOf(upperBound(question), this.options.price);
  }

  private count(usage: Usage): Amount {
    const cost = costOf(usage, this.options.price);
    this.counts.nanousd += cost.nanousd;
    this.counts.prompt += usage.prompt;
    this.counts.completion += usage.completion;
    return cost;
  }
}

/** What a request that failed for good means for the step; what concerns this one question only stays as it is. */
function stepFailure(error: unknown, { base_url, model }: Question, retries: number): unknown {
  if (!(error instanceof RequestFailure) || error.kind === 'row') return error;
  if (error.kind === 'fatal') {
    return new StepFailure(
      'teacher-unknown',
      `the server at ${base_url} does not know the model "${model}": ${error.message}`,
      'Check base_url (it mostly ends in /v1) and model.',
    );
  }
  if (error.refused) {
    return new StepFailure(
      'teacher-unreachable',
      `no server answers at ${base_url}: ${error.message}`,
      'Check base_url, and that the server runs.',
    );
  }
  const times = retries + 1;
  return new StepFailure(
    'teacher-fails',
    `the server at ${base_url} failed ${times === 1 ? 'once' : `${times} times`} in a row on one question: ${error.message}`,
    'What was answered is kept: go on later with "recipe resume".',
  );
}
