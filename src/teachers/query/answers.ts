import type Database from 'libsql';
import { openAnswers } from './answers-file.js';
import { keyOf } from './key.js';
import type { Amount, Budget, Reservation } from './ledger.js';
import type { Question, Reply } from './reply.js';
import { WriteGroup } from './write-group.js';

/** Longest time that a write waits for others to share its sync. */
export const GROUP_MS = 20;
/** So many keys that are not there are known, at most: those of rows that are on their way. */
const MOST_MISSING = 10_000;

export interface Account {
  readonly spent: Amount;
  readonly reserved: Amount;
}

/** A batch as it was noted when it was begun. */
export interface NotedBatch {
  readonly id: string;
  /** Reservation of each question by its key. */
  readonly requests: Readonly<Record<string, Reservation>>;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/**
 * What teachers answered, to be looked up here and written by a thread: writes are gathered into one transaction that is
 * synced, at most `GROUP_MS` after they were asked for; a promise of one resolves when it is on disk. An answer counts as
 * received only then.
 */
export class Answers {
  private readonly group: WriteGroup;
  /** Keys of which there is no answer, unless another process has written since. */
  private readonly missing = new Set<string>();
  /** Answers after this one may be of keys that were missing; when they were looked for. */
  private last: { readonly row: number; readonly at: number };
  private readonly find: Database.Statement;
  private readonly findMany: Database.Statement;
  private readonly findNew: Database.Statement;
  private readonly held: Database.Statement;

  private constructor(
    private readonly db: Database.Database,
    file: string,
    private readonly account: string,
    budget: Budget,
    private readonly now: () => number,
  ) {
    this.group = new WriteGroup({ file, account, budget }, GROUP_MS, now);
    this.find = db.prepare('SELECT reply FROM answers WHERE key = ?');
    this.findMany = db.prepare('SELECT key FROM answers WHERE key IN (SELECT value FROM json_each(?))');
    this.findNew = db.prepare('SELECT rowid AS row, key FROM answers WHERE rowid > ? ORDER BY rowid LIMIT ?');
    this.held = db.prepare('SELECT id FROM reservations WHERE id = ?');
    this.last = { row: this.lastRow(), at: Number.NEGATIVE_INFINITY };
  }

  /**
   * @param file made if it is not there, with its folder
   * @param account whose spending is counted and bounded
   * @param now milliseconds since 1970
   */
  static open(file: string, account: string, budget: Budget, now: () => number): Answers {
    const db = openAnswers(file);
    db.prepare('INSERT OR IGNORE INTO accounts (account) VALUES (?)').run(account);
    return new Answers(db, file, account, budget, now);
  }

  /** The answer to a question, if it was ever given. */
  get(key: string): Reply | undefined {
    this.heedNew();
    if (this.missing.has(key)) return undefined;
    const row = this.find.get(key) as { reply: string } | undefined;
    if (row !== undefined) return JSON.parse(row.reply) as Reply;
    this.miss(key);
    return undefined;
  }

  /** Finds out which of many keys have no answer, in one query. */
  lookAhead(keys: readonly string[]): void {
    this.heedNew();
    const found = this.findMany.all(JSON.stringify(keys)) as { key: string }[];
    const there = new Set(found.map(({ key }) => key));
    for (const key of keys) if (!there.has(key)) this.miss(key);
  }

  private miss(key: string): void {
    if (this.missing.size >= MOST_MISSING) this.missing.clear();
    this.missing.add(key);
  }

  /** What came since the last look is missing no more, whoever wrote it; asked as seldom as this process writes. */
  private heedNew(): void {
    const at = this.now();
    if (at - this.last.at < GROUP_MS) return;
    const found = this.findNew.all(this.last.row, MOST_MISSING) as { row: number; key: string }[];
    for (const { key } of found) this.missing.delete(key);
    if (found.length < MOST_MISSING) this.last = { row: found.at(-1)?.row ?? this.last.row, at };
    else {
      this.missing.clear();
      this.last = { row: this.lastRow(), at };
    }
  }

  private lastRow(): number {
    return (this.db.prepare('SELECT coalesce(max(rowid), 0) AS row FROM answers').get() as { row: number }).row;
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

  /** Whether an answer has waited for the disk for so long that nothing more should be asked. */
  get isBehind(): boolean {
    return this.group.isBehind;
  }

  /** Resolves when it is behind no more. */
  caughtUp(): Promise<void> {
    return this.group.caughtUp();
  }

  /**
   * Sets the most that a request can cost aside, before it is sent.
   * @returns undefined if the budget has no room for it
   */
  reserve(key: string, most: Amount): Promise<Reservation | undefined> {
    return this.group.add('reserve', key, most);
  }

  /**
   * Notes a batch, and sets aside the most that its requests can cost, before it is sent: both or neither, whenever the
   * process dies. Without room for any of them nothing is noted.
   * @param most of each request by its key
   * @returns the reservations of those, from the first, that there is room for
   */
  reserveBatch(
    id: string,
    baseUrl: string,
    most: readonly (readonly [key: string, most: Amount])[],
  ): Promise<Readonly<Record<string, Reservation>>> {
    return this.group.add('reserveBatch', id, baseUrl, most);
  }

  /** A request that certainly cost nothing: it was not sent, or was refused. Nothing happens if it is settled already. */
  release(reservation: Reservation): Promise<void> {
    return this.group.add('release', reservation);
  }

  /** Whether what was set aside is not booked and not given back yet. */
  isHeld(reservation: Reservation): boolean {
    return this.held.get(reservation) !== undefined;
  }

  /** Keeps an answer and books what it cost in place of what was reserved for it. */
  async receive(question: Question, reply: Reply, cost: Amount, reservation: Reservation | undefined): Promise<void> {
    const key = keyOf(question);
    const row = {
      key,
      baseUrl: question.base_url,
      model: question.model,
      messages: JSON.stringify(question.messages),
      parameters: JSON.stringify(question.parameters),
      sample: question.sample ?? null,
      answer: reply.choices[0]?.text ?? '',
      reply: JSON.stringify(reply),
      promptTokens: reply.usage.prompt,
      completionTokens: reply.usage.completion,
    };
    await this.group.add('receive', row, cost, reservation);
    this.missing.delete(key);
  }

  /** Books what an answer cost that is of no use: cut off, or not what was asked for. */
  waste(cost: Amount, reservation: Reservation | undefined): Promise<void> {
    return this.group.add('waste', cost, reservation);
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
  beginBatch(id: string, baseUrl: string, requests: Readonly<Record<string, Reservation>>): Promise<void> {
    return this.group.add('beginBatch', id, baseUrl, requests);
  }

  /** The server's name of a batch that was noted under another one before it was sent. */
  nameBatch(before: string, id: string): Promise<void> {
    return this.group.add('nameBatch', before, id);
  }

  endBatch(id: string): Promise<void> {
    return this.group.add('endBatch', id);
  }

  /** Writes what waits, and closes the file. */
  async close(): Promise<void> {
    await this.group.close();
    this.db.close();
  }
}
