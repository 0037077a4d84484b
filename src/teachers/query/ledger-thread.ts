import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type Database from 'libsql';
import { openAnswers } from './answers-file.js';
import { type Budget, type Call, type Entry, Ledger, type Made } from './ledger.js';

/**
 * The thread that a step's writes are made in: a commit waits for the disk and for other processes, and the step does not
 * wait with it.
 */

/** Whose ledger a thread writes. */
export interface LedgerOf {
  readonly file: string;
  readonly account: string;
  readonly budget: Budget;
}

/** Calls that share a transaction; `undefined`: there will be no more. */
export type ToLedger = { readonly calls: readonly Call[]; readonly now: number } | undefined;

/** What the calls made; or why none was done, as an error's own fields do not get from thread to thread. */
export type FromLedger =
  | { readonly made: readonly Made<Entry>[] }
  | { readonly failed: { readonly message: string; readonly code: unknown; readonly stack: string | undefined } };

const port = parentPort as MessagePort;
let opened: { readonly db: Database.Database; readonly ledger: Ledger } | undefined;

port.on('message', (message: ToLedger) => {
  if (message === undefined) {
    opened?.db.close();
    port.close();
  } else port.postMessage(answer(message));
});

function answer({ calls, now }: NonNullable<ToLedger>): FromLedger {
  try {
    opened ??= open(workerData as LedgerOf);
    return { made: opened.ledger.write(calls, now) };
  } catch (error) {
    const { message, code, stack } = error as NodeJS.ErrnoException;
    return { failed: { message, code, stack } };
  }
}

function open({ file, account, budget }: LedgerOf) {
  const db = openAnswers(file);
  return { db, ledger: new Ledger(db, account, budget) };
}
