import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { StepFailure } from '../util/failure.js';
import { isWhole } from './cache.js';
import type { HubClient } from './client.js';
import { Interrupted, UNAVAILABLE } from './failures.js';
import type { RepositoryFile } from './listing.js';

const DAMAGED = 'hub-damaged';

/** Bytes of the file that are on disk now; goes back if the server starts over. */
export type OnBytes = (bytes: number) => void | Promise<void>;

/**
 * Downloads one file to `target`, which is there only when it is whole and its hash is right. Until then its bytes are
 * in `<target>.incomplete`, and the next attempt, of this process or another, goes on from there.
 *
 * Two processes may do this at once: both write the same bytes to the same places, so the file is right up to where
 * either of them is.
 *
 * @throws StepFailure `hub-damaged` if the bytes are not those that were promised: they are removed
 */
export async function download(
  hub: HubClient,
  address: string,
  file: RepositoryFile,
  target: string,
  onBytes: OnBytes,
): Promise<void> {
  const partial = `${target}.incomplete`;
  const handle = await open(partial, constants.O_RDWR | constants.O_CREAT);
  try {
    const found = (await handle.stat()).size;
    let at = found <= file.size ? found : 0;
    const moved: OnBytes = (bytes) => {
      at = bytes;
      return onBytes(bytes);
    };
    if (at < file.size) {
      await hub.retry(
        () => receive(hub, address, file, handle, at, moved),
        () => at,
      );
    }
    await handle.truncate(file.size);
    if ((await hashOf(handle, file)) !== file.blob) throw damaged(file, 'its hash is not the one that the Hub lists');
    await handle.sync();
  } catch (error) {
    if (error instanceof StepFailure && error.reason === DAMAGED) await rm(partial, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  try {
    await rename(partial, target);
  } catch (error) {
    // Another process was faster.
    if (!(await isWhole(target, file.size))) throw error;
  }
}

/** Writes what one request brings, from byte `from` on. */
async function receive(
  hub: HubClient,
  address: string,
  file: RepositoryFile,
  handle: FileHandle,
  from: number,
  onBytes: OnBytes,
): Promise<void> {
  const response = await hub.fetch(address, {
    // Bytes as they are: a range of compressed ones would be another one.
    headers: { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
  });
  const { start, total = file.size } = extentOf(response);
  if (total !== file.size || start > from) {
    await response.body?.cancel();
    const other = `it has ${total} bytes where the Hub lists ${file.size}`;
    throw damaged(file, total === file.size ? `the server does not send it from byte ${from} on` : other);
  }
  let at = start;
  for await (const chunk of response.body ?? []) {
    if (at + chunk.length > file.size)
      throw damaged(file, `it has more than the ${file.size} bytes that the Hub lists`);
    for (let written = 0; written < chunk.length; ) {
      written += (await handle.write(chunk, written, chunk.length - written, at + written)).bytesWritten;
    }
    at += chunk.length;
    await onBytes(at);
  }
  if (at < file.size) throw new Interrupted(new StepFailure(UNAVAILABLE, `${file.path} ends early again and again`));
}

/** Which byte an answer begins with, and how many the file has, if the server says so. */
function extentOf({ status, headers }: Response): { start: number; total: number | undefined } {
  const number = (text: string | null | undefined) => (/^\d+$/.test(text ?? '') ? Number(text) : undefined);
  if (status === 200) return { start: 0, total: number(headers.get('content-length')) };
  const [, start, total] = /^bytes (?:(\d+)-\d+|\*)\/(.+)$/.exec(headers.get('content-range') ?? '') ?? [];
  return { start: number(start) ?? Number.POSITIVE_INFINITY, total: number(total) };
}

/** The hash that `RepositoryFile.blob` is one of. */
async function hashOf(handle: FileHandle, { blob, size }: RepositoryFile): Promise<string> {
  const git = blob.length === 40;
  const hash = createHash(git ? 'sha1' : 'sha256');
  if (git) hash.update(`blob ${size}\0`);
  for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) hash.update(chunk);
  return hash.digest('hex');
}

function damaged(file: RepositoryFile, what: string): StepFailure {
  return new StepFailure(
    DAMAGED,
    `${file.path} did not arrive as it should: ${what}`,
    'What came of it is removed: run again. If that does not help, the server, or a proxy before it, gives other bytes.',
  );
}
