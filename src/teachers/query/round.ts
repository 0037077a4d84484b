import type { Row } from '../../data/dataset.js';
import { chunks } from '../../util/chunks.js';
import { type Asker, OutOfBudget } from './asker.js';
import type { Inquiry } from './inquiry.js';
import { InvalidRows } from './invalid.js';
import type { Pace } from './pace.js';

export interface RoundOptions {
  readonly inquiry: Inquiry;
  readonly asker: Asker;
  readonly pace: Pace;
  readonly total: number;
  /** Share of rows that may stay without a valid answer. */
  readonly maxInvalid: number;
  readonly signal: AbortSignal;
  /** After each row. */
  readonly progress: (done: number) => Promise<void>;
}

/** Rows whose requests are paid for ahead, in one write. */
const CHUNK = 64;

/** What the server would not answer at all: nothing of it is stored, so a later pass has to be told. */
export type Unanswered = ReadonlyMap<string, string>;

/**
 * Asks about every row; afterwards every answer is on disk. Rows whose answers are stored cost a look-up.
 *
 * @returns rows that the server refused to answer, and why
 * @throws OutOfBudget once nothing more can be sent and all that was is in; StepFailure for too many invalid answers or a
 *   server that fails; the signal's reason
 */
export async function askAll(rows: AsyncIterable<Row>, options: RoundOptions): Promise<Unanswered> {
  const round = new Round(options);
  try {
    await round.run(rows);
  } finally {
    await round.end();
  }
  round.throwFailure();
  return round.unanswered;
}

class Round {
  readonly unanswered = new Map<string, string>();
  private readonly invalid: InvalidRows;
  /** Answers on their way to the disk, and rows on theirs. */
  private readonly kept = new Set<Promise<void>>();
  private done = 0;
  private failure: unknown;

  constructor(private readonly options: RoundOptions) {
    this.invalid = new InvalidRows(options.maxInvalid, options.total);
  }

  async run(rows: AsyncIterable<Row>): Promise<void> {
    const { inquiry, asker } = this.options;
    const open: Row[] = [];
    for await (const chunk of chunks(rows, CHUNK)) {
      asker.lookAhead(chunk.flatMap((row) => inquiry.requests(row).map(({ question }) => question)));
      for (const row of chunk) {
        if (this.isAnswered(row)) {
          await this.ask(row);
          await this.report();
        } else {
          open.push(row);
          if (open.length === CHUNK) await this.send(open.splice(0));
        }
        if (this.failure !== undefined) return;
      }
    }
    await this.send(open);
  }

  /** Waits until all that was sent is in and on disk, and gives back what was set aside for the rest. */
  async end(): Promise<void> {
    const { pace, asker } = this.options;
    await pace.idle();
    await Promise.all(this.kept);
    await asker.forget();
  }

  throwFailure(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** Whether the first answers to a row are stored: then it is settled at once, out of turn. */
  private isAnswered(row: Row): boolean {
    const { inquiry, asker } = this.options;
    return inquiry.requests(row).every(({ question }) => asker.stored(question) !== undefined);
  }

  private async send(rows: readonly Row[]): Promise<void> {
    const { inquiry, asker, pace, signal } = this.options;
    for (let start = 0; start < rows.length && this.failure === undefined; ) {
      signal.throwIfAborted();
      const left = rows.slice(start);
      const settled = pace.isIdle && asker.isSettled;
      const requests = left.map((row) => inquiry.requests(row));
      const room = await asker.prepare(requests.flat());
      const ready = left.slice(
        0,
        covered(
          requests.map(({ length }) => length),
          room,
        ),
      );
      if (ready.length === 0) {
        if (settled) {
          this.failure ??= new OutOfBudget();
          return;
        }
        // What is under way costs less than was set aside for it.
        if (!asker.isSettled) await asker.nextBooking();
        else if (!pace.isIdle) await pace.next();
        continue;
      }
      // A report waits for the event loop to turn, and nobody's turn is to wait for a report.
      for (const row of ready) this.keep(pace.add(() => this.ask(row)).then(() => this.report()));
      start += ready.length;
      await pace.roomFor(CHUNK);
    }
  }

  private async ask(row: Row): Promise<void> {
    if (this.failure !== undefined) return;
    const { inquiry, asker } = this.options;
    let paid = false;
    try {
      const outcome = await inquiry.find(row, async (request) => {
        if (this.failure !== undefined) throw this.failure;
        const { reply, kept } = await asker.ask(request);
        if (kept !== undefined) {
          paid = true;
          this.keep(kept);
        }
        return reply;
      });
      if (paid) asker.counts.rows++;
      this.done++;
      if ('invalid' in outcome) this.note(row, outcome.invalid, outcome.said);
    } catch (error) {
      this.failure ??= error;
    }
  }

  private async report(): Promise<void> {
    try {
      if (this.failure === undefined) await this.options.progress(this.done);
    } catch (error) {
      this.failure ??= error;
    }
  }

  private keep(kept: Promise<void>): void {
    const noted = kept.catch((error: unknown) => {
      this.failure ??= error;
    });
    this.kept.add(noted);
    void noted.then(() => this.kept.delete(noted));
  }

  private note(row: Row, why: string, said: string): void {
    if (said === '') this.unanswered.set(row.id, why);
    this.failure ??= this.invalid.add(row.id, why, this.done);
  }
}

/** How many rows, from the first, so many requests are enough for. */
function covered(requests: readonly number[], room: number): number {
  let left = room;
  for (const [row, count] of requests.entries()) {
    left -= count;
    if (left < 0) return row;
  }
  return requests.length;
}
