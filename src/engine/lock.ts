import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn, readJson, writeSynced } from './files.js';
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js';

export type LockResult =
  | { readonly ok: true; readonly lock: Lock }
  | { readonly ok: false; readonly reason: 'locked'; readonly pid: number; readonly message: string };

export interface Lock {
  release(): Promise<void>;
}

interface Claim extends Partial<ProcessIdentity> {
  /** False once given back. */
  readonly held: boolean;
}

/**
 * Takes the right to run in a `.recipe` folder; never waits. A dead process's lock is taken over at once.
 *
 * Claims are numbered files, `lock/<n>.json`: the highest decides, the next one is made by `link`, which only one
 * process can win, and a number is deleted only when a higher one exists. So two processes that find the same dead
 * lock cannot both get it, which removing and making one file would allow.
 */
export async function takeLock(root: string): Promise<LockResult> {
  const folder = join(root, 'lock');
  await mkdir(folder, { recursive: true });
  const own: Claim = { held: true, ...ownIdentity() };
  const temporary = join(folder, `.${randomUUID()}`);
  await writeSynced(temporary, JSON.stringify(own));
  try {
    for (;;) {
      const numbers = await claims(folder);
      const top = numbers.at(-1) ?? 0;
      const holder = await holderOf(folder, top);
      if (holder !== undefined) {
        const message = `another run is under way in ${root} (process ${holder.pid})`;
        return { ok: false, reason: 'locked', pid: holder.pid, message };
      }
      const path = join(folder, `${top + 1}.json`);
      try {
        await link(temporary, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      if ((await claims(folder)).at(-1) !== top + 1) {
        await rm(path, { force: true });
        continue;
      }
      for (const number of numbers) await rm(join(folder, `${number}.json`), { force: true });
      return { ok: true, lock: { release: () => release(folder, top + 1) } };
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The process that runs in a `.recipe` folder now, if any. */
export async function lockHolder(root: string): Promise<number | undefined> {
  const folder = join(root, 'lock');
  return (await holderOf(folder, (await claims(folder)).at(-1) ?? 0))?.pid;
}

async function release(folder: string, number: number): Promise<void> {
  const temporary = join(folder, `.${randomUUID()}`);
  await writeSynced(temporary, JSON.stringify({ held: false } satisfies Claim));
  await rename(temporary, join(folder, `${number}.json`));
}

async function claims(folder: string): Promise<number[]> {
  return (await namesIn(folder))
    .filter((name) => /^\d+\.json$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}

async function holderOf(folder: string, number: number): Promise<ProcessIdentity | undefined> {
  const claim = (await readJson(join(folder, `${number}.json`))) as Claim | undefined;
  if (claim?.held !== true || claim.pid === undefined) return undefined;
  const identity = { pid: claim.pid, started: claim.started ?? '' };
  return isAlive(identity) ? identity : undefined;
}
