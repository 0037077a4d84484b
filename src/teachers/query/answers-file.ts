import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';

/**
 * Every answer that a teacher ever gave, in one SQLite file that other tools can read:
 *
 *     answers       one row an answer: what was asked, what came back, what it cost
 *     accounts      what each step has spent and reserved
 *     reservations  money of requests whose end is not known: under way, or cut off by a kill
 *     batches       jobs of the Batch API that were begun
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

/** Another process may be writing. */
const BUSY_MS = 30_000;

/**
 * A connection to the file, whose commits are on disk when they return. Several, of several processes, may use it at once.
 * @param file made if it is not there, with its folder
 */
export function openAnswers(file: string): Database.Database {
  mkdirSync(dirname(file), { recursive: true });
  const db = new Database(file, { timeout: BUSY_MS });
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL');
  db.exec(SCHEMA);
  return db;
}
