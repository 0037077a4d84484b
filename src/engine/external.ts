import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hashFile } from '../util/hash-file.js';
import type { Json, JsonObject } from '../util/json.js';
import { canonicalJson, sha256 } from './canonical.js';
import { isMissing } from './files.js';
import { StepFailure } from './step.js';
import type { Store } from './store.js';

/** A file changed this recently may change again within the clock's step, unseen: its hash is not kept. */
const SETTLED_MS = 2000;

/**
 * Digests of files and folders outside the store. A file whose size, times and inode are as before is not read
 * again: what is known stands in the ref `files/<sha256 of the path>`.
 */
export class ExternalFiles {
  constructor(private readonly store: Store) {}

  /**
   * The digest of a file's bytes, or of a folder's paths and bytes. Links are followed.
   * @throws StepFailure if there is none or it cannot be read
   */
  async digest(path: string): Promise<string> {
    try {
      const files = await this.hashes(path);
      const only = files[''];
      return only === undefined ? sha256(canonicalJson(files)) : only;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (isMissing(error)) throw new StepFailure('missing-file', `there is no file or folder ${path}`);
      if (code !== undefined) throw new StepFailure('unreadable-file', `${path} cannot be read (${code})`);
      throw error;
    }
  }

  /** SHA-256 of every file below a folder by POSIX path; of a file, under the empty path. */
  async hashes(path: string): Promise<Record<string, string>> {
    const root = resolve(path);
    const ref = `files/${sha256(root)}`;
    const known = ((await this.store.readRef(ref)) ?? {}) as unknown as Record<string, readonly [string, string]>;
    const kept: Record<string, [string, string]> = {};
    const hashes: Record<string, string> = {};
    let read = 0;
    for (const file of await filesBelow(root)) {
      const found = await stat(join(root, file), { bigint: true });
      const state = `${found.size} ${found.mtimeNs} ${found.ctimeNs} ${found.ino}`;
      const before = known[file];
      let hash: string;
      if (before?.[0] === state) hash = before[1];
      else {
        hash = (await hashFile(join(root, file))).sha256;
        read++;
      }
      hashes[file] = hash;
      if (Date.now() - Number(found.ctimeNs / 1_000_000n) > SETTLED_MS) kept[file] = [state, hash];
    }
    const changed = read > 0 || Object.keys(known).length !== Object.keys(kept).length;
    if (changed && Object.keys(kept).length > 0) await this.store.writeRef(ref, kept satisfies JsonObject as Json);
    return hashes;
  }
}

/** Sorted POSIX paths; a folder that a link leads back into is not entered again. */
async function filesBelow(root: string): Promise<string[]> {
  const files: string[] = [];
  const visit = async (path: string, relative: string, above: readonly string[]): Promise<void> => {
    const found = await stat(path);
    if (found.isFile()) files.push(relative);
    if (!found.isDirectory()) return;
    const real = await realpath(path);
    if (above.includes(real)) return;
    for (const name of await readdir(path)) {
      await visit(join(path, name), relative === '' ? name : `${relative}/${name}`, [...above, real]);
    }
  };
  await visit(root, '', []);
  return files.sort();
}
