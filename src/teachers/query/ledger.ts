import type Database from 'libsql';

/** Money in billionths of a dollar, so that sums are exact. */
export interface Amount {
  readonly nanousd: number;
  readonly tokens: number;
}

/** What a step may spend in all, over all its runs; without a bound where absent. */
export interface Budget {
  readonly usd?: number;
  readonly tokens?: number;
}

/** A reservation's id. */
export type Reservation = number;

/** An answer as a row of its table, without the account and the time, which the ledger knows. */
export interface AnswerRow {
  readonly key: string;
  readonly baseUrl: string;
  readonly model: string;
  /** JSON, as `parameters` and `reply`. */
  readonly messages: string;
  readonly parameters: string;
  readonly sample: number | null;
  readonly answer: string;
  readonly reply: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** What can be written, each with plain data: whoever asks for it may be in another thread. */
export type Entry =
  | 'reserve'
  | 'reserveBatch'
  | 'release'
  | 'receive'
  | 'waste'
  | 'beginBatch'
  | 'nameBatch'
  | 'endBatch';
export type Given<E extends Entry> = Parameters<Ledger[E]>;
export type Made<E extends Entry> = ReturnType<Ledger[E]>;
export type Call = { readonly [E in Entry]: readonly [entry: E, ...given: Given<E>] }[Entry];

const NOTHING: Amount = { nanousd: 0, tokens: 0 };
const NOTHING_BOOKED: { readonly held: Amount; readonly cost: Amount } = { held: NOTHING, cost: NOTHING };
const plus = (a: Amount, b: Amount): Amount => ({ nanousd: a.nanousd + b.nanousd, tokens: a.tokens + b.tokens });

/** Writes answers and what they cost: one account's side of the file. */
export class Ledger {
  /** What was booked in this transaction and is not in the account yet. */
  private booked = NOTHING_BOOKED;
  /** When the transaction began, ISO 8601. */
  private time = '';
  private readonly insert: Database.Statement;
  private readonly hold: Database.Statement;
  private readonly note: Database.Statement;
  private readonly held: Database.Statement;
  private readonly drop: Database.Statement;
  private readonly settle: Database.Statement;

  constructor(
    private readonly db: Database.Database,
    private readonly account: string,
    private readonly budget: Budget,
  ) {
    this.insert = db.prepare('INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.hold = db.prepare(
      `UPDATE accounts SET reserved_nanousd = reserved_nanousd + ?, reserved_tokens = reserved_tokens + ?
       WHERE account = ? AND spent_nanousd + reserved_nanousd + ? <= ? AND spent_tokens + reserved_tokens + ? <= ?`,
    );
    this.note = db.prepare('INSERT INTO reservations (account, key, nanousd, tokens, at) VALUES (?, ?, ?, ?, ?)');
    this.held = db.prepare('SELECT nanousd, tokens FROM reservations WHERE id = ?');
    this.drop = db.prepare('DELETE FROM reservations WHERE id = ?');
    this.settle = db.prepare(
      `UPDATE accounts SET reserved_nanousd = reserved_nanousd - ?, reserved_tokens = reserved_tokens - ?,
       spent_nanousd = spent_nanousd + ?, spent_tokens = spent_tokens + ? WHERE account = ?`,
    );
  }

  /**
   * All or none of it, on disk when it returns.
   * @param now milliseconds since 1970
   * @returns what each call made
   * @throws SQLite's error; then nothing was written
   */
  write(calls: readonly Call[], now: number): Made<Entry>[] {
    this.time = new Date(now).toISOString();
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const made = calls.map((call) => this.make(call));
      this.settleBooked();
      this.db.exec('COMMIT');
      return made;
    } catch (error) {
      this.booked = NOTHING_BOOKED;
      // A full disk has ended it already.
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /**
   * Sets the most that a request can cost aside, before it is sent.
   * @returns undefined if the budget has no room for it
   */
  reserve(key: string, { nanousd, tokens: n }: Amount): Reservation | undefined {
    // What earlier writes of the transaction have cost counts.
    this.settleBooked();
    const { usd = Infinity, tokens = Infinity } = this.budget;
    const [money, count] = [Math.min(usd * 1e9, Number.MAX_SAFE_INTEGER), Math.min(tokens, Number.MAX_SAFE_INTEGER)];
    if (this.hold.run(nanousd, n, this.account, nanousd, Math.floor(money), n, count).changes === 0) return undefined;
    return Number(this.note.run(this.account, key, nanousd, n, this.time).lastInsertRowid);
  }

  /** @returns the reservations of those, from the first, that there is room for; if there are any, the batch is noted */
  reserveBatch(
    id: string,
    baseUrl: string,
    most: readonly (readonly [key: string, most: Amount])[],
  ): Record<string, Reservation> {
    const made: Record<string, Reservation> = {};
    for (const [key, amount] of most) {
      const reservation = this.reserve(key, amount);
      if (reservation === undefined) break;
      made[key] = reservation;
    }
    if (Object.keys(made).length > 0) this.beginBatch(id, baseUrl, made);
    return made;
  }

  release(reservation: Reservation): void {
    if (this.held.get(reservation) !== undefined) this.waste(NOTHING, reservation);
  }

  receive(row: AnswerRow, cost: Amount, reservation: Reservation | undefined): void {
    this.insert.run(
      row.key,
      row.baseUrl,
      row.model,
      row.messages,
      row.parameters,
      row.sample,
      row.answer,
      row.reply,
      row.promptTokens,
      row.completionTokens,
      cost.nanousd / 1e9,
      this.account,
      this.time,
    );
    this.waste(cost, reservation);
  }

  /** Books a cost in place of what was reserved for it. Those of a transaction are added to the account together. */
  waste(cost: Amount, reservation: Reservation | undefined): void {
    const held = this.take(reservation);
    this.booked = { held: plus(this.booked.held, held), cost: plus(this.booked.cost, cost) };
  }

  beginBatch(id: string, baseUrl: string, requests: Readonly<Record<string, Reservation>>): void {
    this.db
      .prepare('INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?)')
      .run(id, this.account, baseUrl, JSON.stringify(requests), this.time);
  }

  nameBatch(before: string, id: string): void {
    this.db.prepare('UPDATE batches SET id = ? WHERE id = ?').run(id, before);
  }

  endBatch(id: string): void {
    this.db.prepare('DELETE FROM batches WHERE id = ?').run(id);
  }

  private make([entry, ...given]: Call): Made<Entry> {
    // Each entry is there with what its method is given.
    return (this[entry] as (...given: readonly unknown[]) => Made<Entry>)(...given);
  }

  private settleBooked(): void {
    if (this.booked === NOTHING_BOOKED) return;
    const { held, cost } = this.booked;
    this.booked = NOTHING_BOOKED;
    this.settle.run(held.nanousd, held.tokens, cost.nanousd, cost.tokens, this.account);
  }

  private take(reservation: Reservation | undefined): Amount {
    if (reservation === undefined) return NOTHING;
    const held = this.held.get(reservation) as Amount | undefined;
    if (held === undefined) throw new Error(`there is no reservation ${reservation}`);
    this.drop.run(reservation);
    return held;
  }
}
