import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StepFailure } from '../util/failure.js';
import type { Requests } from './requests.js';

/** A file of a repository, and how its bytes are known to be right. */
export interface Wanted {
  readonly path: string;
  readonly url: string;
  readonly size: number;
  /** SHA-256 of a large file, git's own hash of a small one: hex. */
  readonly hash: string;
  readonly large: boolean;
}

/**
 * Downloads a file to a path. What an earlier attempt left in `<to>.incomplete` is not fetched again.
 *
 * @param onBytes is told how many bytes came, or are there already
 * @throws StepFailure if the bytes are not those that the repository names, or cannot be had or written
 */
export async function download(
  file: Wanted,
  to: string,
  requests: Requests,
  onBytes: (bytes: number) => void | Promise<void>,
): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const part = `${to}.incomplete`;
  let reported = 0;
  await requests.retry(async () => {
    let have = await sizeOf(part);
    if (have > file.size) {
      await rm(part);
      have = 0;
    }
    if (have > reported) {
      await onBytes(have - reported);
      reported = have;
    }
    if (have === file.size) return;
    const response = await requests.once(file.url, have > 0 ? { range: `bytes=${have}-` } : {});
    if (!response.ok || !response.body) {
      throw new StepFailure(
        'hub',
        `${file.path} cannot be downloaded: the server answers with status ${response.status}`,
      );
    }
    // A server that knows no ranges sends the file from its beginning.
    const handle = await open(part, have > 0 && response.status === 206 ? 'a' : 'w');
    try {
      let at = response.status === 206 ? have : 0;
      for await (const bytes of response.body) {
        await handle.write(bytes);
        at += bytes.length;
        if (at > reported) {
          await onBytes(at - reported);
          reported = at;
        }
      }
      if (at < file.size) throw new Error('the connection ended early');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
        throw new StepFailure('disk-full', `the disk is full: ${file.path} takes ${(file.size / 1e6).toFixed(0)} MB`);
      }
      throw error;
    } finally {
      await handle.close();
    }
  });
  const found = await hashOf(part, file);
  if (found !== file.hash) {
    await rm(part);
    throw new StepFailure(
      'hub',
      `${file.path} came damaged: its hash is ${found}, and the repository says ${file.hash}`,
      'Run the recipe again; if it happens again, something between here and the server changes what it sends.',
    );
  }
  await rename(part, to);
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    (found) => found.size,
    () => 0,
  );

async function hashOf(path: string, { size, large }: Wanted): Promise<string> {
  const hash: Hash = createHash(large ? 'sha256' : 'sha1');
  if (!large) hash.update(`blob ${size}\0`); // as git hashes a file
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return hash.digest('hex');
}
