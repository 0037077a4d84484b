import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { keyOf } from './key.js';
import type { Question, Reply } from './reply.js';
import { WriteGroup } from './write-group.js';

/**
 * Every answer that a teacher ever gave, in one SQLite file that other tools can read:
 *
 *     answers       one row an answer: what was asked, what came back, what it cost
 *     accounts      what each step has spent and reserved
 *     reservations  money of requests whose end is not known: under way, or cut off by a kill
 *     batches       jobs of the Batch API that were begun
 *
 * Writes are gathered into one transaction that is synced, at most `GROUP_MS` later; a promise of `commit` resolves when
 * its write is on disk. An answer counts as received only then. Several processes may use the file at once.
 *
 * Answers are in the order in which they came, with an index of their keys beside them: were they in the order of their
 * keys, which are random, each would be written into another page of a file that may have gigabytes.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    base_url TEXT NOT NULL,
    model TEXT NOT NULL,
    messages TEXT NOT NULL,
    parameters TEXT NOT NULL,
    sample INTEGER,
    answer TEXT NOT NULL,
    reply TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    account TEXT NOT NULL,
    received TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS accounts (
    account TEXT PRIMARY KEY,
    spent_nanousd INTEGER NOT NULL DEFAULT 0,
    spent_tokens INTEGER NOT NULL DEFAULT 0,
    reserved_nanousd INTEGER NOT NULL DEFAULT 0,
    reserved_tokens INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservations (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    nanousd INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    at TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    base_url TEXT NOT NULL,
    requests TEXT NOT NULL,
    created TEXT NOT NULL
  ) WITHOUT ROWID;
`;

/** In the shared folder of this name, this file holds every answer that any step of the workplace got. */
export const ANSWERS = { folder: 'answers', file: 'answers.sqlite' } as const;

/** Longest time that a write waits for others to share its sync. */
export const GROUP_MS = 20;
/** So many keys that are not there are known, at most: those of rows that are on their way. */
const MOST_MISSING = 10_000;
/** Another process may be writing. */
const BUSY_MS = 30_000;

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

export interface Account {
  readonly spent: Amount;
  readonly reserved: Amount;
}

/** A reservation's id. */
export type Reservation = number;

/** A batch as it was noted when it was begun. */
export interface NotedBatch {
  readonly id: string;
  /** Reservation of each question by its key. */
  readonly requests: Readonly<Record<string, Reservation>>;
  /** Milliseconds since 1970. */
  readonly created: number;
}

const NOTHING = { nanousd: 0, tokens: 0 };
const NOTHING_BOOKED: { readonly held: Amount; readonly cost: Amount } = { held: NOTHING, cost: NOTHING };
const plus = (a: Amount, b: Amount): Amount => ({ nanousd: a.nanousd + b.nanousd, tokens: a.tokens + b.tokens });

export class Answers {
  private readonly group: WriteGroup;
  /** Keys of which there is no answer, unless another process has written since. */
  private readonly missing = new Set<string>();
  /** What SQLite says of others' writes, and when it was asked. */
  private others = { version: 0, at: Number.NEGATIVE_INFINITY };
  private booked = NOTHING_BOOKED;
  private readonly version: Database.Statement;
  private readonly find: Database.Statement;
  private readonly findMany: Database.Statement;
  private readonly insert: Database.Statement;
  private readonly hold: Database.Statement;
  private readonly note: Database.Statement;
  private readonly held: Database.Statement;
  private readonly drop: Database.Statement;
  private readonly settle: Database.Statement;

  private constructor(
    private readonly db: Database.Database,
    private readonly account: string,
    private readonly budget: Budget,
    private readonly now: () => number,
  ) {
    this.group = new WriteGroup(db, GROUP_MS, {
      beforeCommit: () => this.settleBooked(),
      afterRollback: () => {
        this.booked = NOTHING_BOOKED;
      },
    });
    this.version = db.prepare('PRAGMA data_version');
    this.find = db.prepare('SELECT reply FROM answers WHERE key = ?');
    this.findMany = db.prepare('SELECT key FROM answers WHERE key IN (SELECT value FROM json_each(?))');
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
   * @param file made if it is not there, with its folder
   * @param account whose spending is counted and bounded
   * @param now milliseconds since 1970
   */
  static open(file: string, account: string, budget: Budget, now: () => number): Answers {
    mkdirSync(dirname(file), { recursive: true });
    const db = new Database(file, { timeout: BUSY_MS });
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    db.exec(SCHEMA);
    db.prepare('INSERT OR IGNORE INTO accounts (account) VALUES (?)').run(account);
    return new Answers(db, account, budget, now);
  }

  /** The answer to a question, if it was ever given. */
  get(key: string): Reply | undefined {
    this.heedOthers();
    if (this.missing.has(key)) return undefined;
    const row = this.find.get(key) as { reply: string } | undefined;
    if (row !== undefined) return JSON.parse(row.reply) as Reply;
    this.miss(key);
    return undefined;
  }

  /** Finds out which of many keys have no answer, in one query. */
  lookAhead(keys: readonly string[]): void {
    this.heedOthers();
    const found = this.findMany.all(JSON.stringify(keys)) as { key: string }[];
    const there = new Set(found.map(({ key }) => key));
    for (const key of keys) if (!there.has(key)) this.miss(key);
  }

  private miss(key: string): void {
    if (this.missing.size >= MOST_MISSING) this.missing.clear();
    this.missing.add(key);
  }

  /** Forgets what is missing if another process has written; asked as seldom as this one writes. */
  private heedOthers(): void {
    const at = this.now();
    if (at - this.others.at < GROUP_MS) return;
    const { data_version: version } = this.version.get() as { data_version: number };
    if (version !== this.others.version) this.missing.clear();
    this.others = { version, at };
  }

  /** What answers of a model have used on average, if there are any; bytes are those of the messages' texts. */
  averages(
    model: string,
  ): { readonly answers: number; readonly promptTokensPerByte: number; readonly completionTokens: number } | undefined {
    const row = this.db
      .prepare(
        `SELECT count(*) AS answers, sum(prompt_tokens) AS prompt, avg(completion_tokens) AS completion,
         sum((SELECT sum(length(CAST(json_extract(value, '$.content') AS BLOB))) FROM json_each(messages))) AS bytes
         FROM (SELECT * FROM answers WHERE model = ? LIMIT 1000)`,
      )
      .get(model) as { answers: number; prompt: number; completion: number; bytes: number };
    if (row.answers === 0 || row.bytes === 0) return undefined;
    return {
      answers: row.answers,
      promptTokensPerByte: row.prompt / row.bytes,
      completionTokens: row.completion,
    };
  }

  /** Spent and reserved so far, also by earlier runs and other processes. */
  balance(): Account {
    const row = this.db.prepare('SELECT * FROM accounts WHERE account = ?').get(this.account) as Record<string, number>;
    return {
      spent: { nanousd: row.spent_nanousd as number, tokens: row.spent_tokens as number },
      reserved: { nanousd: row.reserved_nanousd as number, tokens: row.reserved_tokens as number },
    };
  }

  /**
   * Sets the most that a request can cost aside, before it is sent.
   * @returns undefined if the budget has no room for it
   */
  async reserve(key: string, most: Amount): Promise<Reservation | undefined> {
    let reservation: Reservation | undefined;
    await this.group.add(() => {
      reservation = this.setAside(key, most);
    });
    return reservation;
  }

  /**
   * Notes a batch, and sets aside the most that its requests can cost, before it is sent: both or neither, whenever the
   * process dies. Without room for any of them nothing is noted.
   * @param most of each request by its key
   * @returns the reservations of those, from the first, that there is room for
   */
  async reserveBatch(
    id: string,
    baseUrl: string,
    most: readonly (readonly [key: string, most: Amount])[],
  ): Promise<Readonly<Record<string, Reservation>>> {
    const made: Record<string, Reservation> = {};
    await this.group.add(() => {
      for (const [key, amount] of most) {
        const reservation = this.setAside(key, amount);
        if (reservation === undefined) break;
        made[key] = reservation;
      }
      if (Object.keys(made).length > 0) this.noteBatch(id, baseUrl, made);
    });
    return made;
  }

  private setAside(key: string, { nanousd, tokens: n }: Amount): Reservation | undefined {
    // What earlier writes of the group have cost counts.
    this.settleBooked();
    const { usd = Infinity, tokens = Infinity } = this.budget;
    const [money, count] = [Math.min(usd * 1e9, Number.MAX_SAFE_INTEGER), Math.min(tokens, Number.MAX_SAFE_INTEGER)];
    if (this.hold.run(nanousd, n, this.account, nanousd, Math.floor(money), n, count).changes === 0) return undefined;
    return Number(this.note.run(this.account, key, nanousd, n, this.time()).lastInsertRowid);
  }

  /** A request that certainly cost nothing: it was not sent, or was refused. Nothing happens if it is settled already. */
  async release(reservation: Reservation): Promise<void> {
    await this.group.add(() => {
      if (this.isHeld(reservation)) this.book(reservation, { nanousd: 0, tokens: 0 });
    });
  }

  /** Whether what was set aside is not booked and not given back yet. */
  isHeld(reservation: Reservation): boolean {
    return this.held.get(reservation) !== undefined;
  }

  /** Keeps an answer and books what it cost in place of what was reserved for it. */
  async receive(question: Question, reply: Reply, cost: Amount, reservation: Reservation | undefined): Promise<void> {
    const { base_url, model, messages, parameters, sample } = question;
    const key = keyOf(question);
    await this.group.add(() => {
      this.missing.delete(key);
      this.insert.run(
        key,
        base_url,
        model,
        JSON.stringify(messages),
        JSON.stringify(parameters),
        sample ?? null,
        reply.choices[0]?.text ?? '',
        JSON.stringify(reply),
        reply.usage.prompt,
        reply.usage.completion,
        cost.nanousd / 1e9,
        this.account,
        this.time(),
      );
      this.book(reservation, cost);
    });
  }

  /** Books what an answer cost that is of no use: cut off, or not what was asked for. */
  async waste(cost: Amount, reservation: Reservation | undefined): Promise<void> {
    await this.group.add(() => this.book(reservation, cost));
  }

  /** Batches of this account that were begun on a server and whose answers are not in yet. */
  batches(baseUrl: string): NotedBatch[] {
    const rows = this.db
      .prepare('SELECT id, requests, created FROM batches WHERE account = ? AND base_url = ? ORDER BY created, id')
      .all(this.account, baseUrl) as { id: string; requests: string; created: string }[];
    return rows.map(({ id, requests, created }) => ({
      id,
      requests: JSON.parse(requests) as Record<string, Reservation>,
      created: Date.parse(created),
    }));
  }

  /** @param requests reservation of each question by its key */
  async beginBatch(id: string, baseUrl: string, requests: Readonly<Record<string, Reservation>>): Promise<void> {
    await this.group.add(() => this.noteBatch(id, baseUrl, requests));
  }

  private noteBatch(id: string, baseUrl: string, requests: Readonly<Record<string, Reservation>>): void {
    this.db
      .prepare('INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?)')
      .run(id, this.account, baseUrl, JSON.stringify(requests), this.time());
  }

  /** The server's name of a batch that was noted under another one before it was sent. */
  async nameBatch(before: string, id: string): Promise<void> {
    await this.group.add(() => {
      this.db.prepare('UPDATE batches SET id = ? WHERE id = ?').run(id, before);
    });
  }

  async endBatch(id: string): Promise<void> {
    await this.group.add(() => {
      this.db.prepare('DELETE FROM batches WHERE id = ?').run(id);
    });
  }

  /** Writes what waits, and closes the file. */
  close(): void {
    this.group.flush();
    this.db.close();
  }

  /** Within a group: its costs are added to the account together. */
  private book(reservation: Reservation | undefined, cost: Amount): void {
    const held = this.take(reservation);
    this.booked = {
      held: plus(this.booked.held, held),
      cost: plus(this.booked.cost, cost),
    };
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

  private time(): string {
    return new Date(this.now()).toISOString();
  }
}
