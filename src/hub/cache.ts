import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { getRepoFolderName } from '@huggingface/hub';
import { type RepositoryFile, repositoryFile } from './listing.js';
import { type HubReference, isCommit } from './reference.js';

/**
 * One model's, or data set's, folder in a cache that Python's `huggingface_hub` reads and writes too:
 *
 *     models--org--name/blobs/<hash>               bytes
 *     models--org--name/snapshots/<commit>/<path>  links to them
 *     models--org--name/refs/<branch or tag>       a commit
 *     models--org--name/.listings/<commit>.json    ours: which files the commit has, so that we know when all are there
 */
export class ModelCache {
  private readonly folder: string;

  constructor(cache: string, { type = 'model', repository }: HubReference) {
    this.folder = join(cache, getRepoFolderName({ type, name: repository }));
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  blob({ blob }: RepositoryFile): string {
    return join(this.folder, 'blobs', blob);
  }

  hasBlob(file: RepositoryFile): Promise<boolean> {
    return isWhole(this.blob(file), file.size);
  }

  /** Those of the files that are not in the commit's folder. */
  async missing(commit: string, files: readonly RepositoryFile[]): Promise<RepositoryFile[]> {
    const missing: RepositoryFile[] = [];
    for (const file of files) {
      if (!(await isWhole(join(this.snapshot(commit), file.path), file.size))) missing.push(file);
    }
    return missing;
  }

  /** Puts a file whose blob is there into the commit's folder. */
  async add(commit: string, file: RepositoryFile): Promise<void> {
    const blob = this.blob(file);
    const path = join(this.snapshot(commit), file.path);
    await this.place(path, async (temporary) => {
      try {
        await symlink(relative(dirname(path), blob), temporary);
      } catch {
        // Windows lets few users make links.
        await copyFile(blob, temporary);
      }
    });
  }

  /** All files that a commit has, if that is known. */
  async listing(commit: string): Promise<RepositoryFile[] | undefined> {
    try {
      const files = JSON.parse(await readFile(this.listingFile(commit), 'utf8')) as RepositoryFile[];
      return files.map(({ path, size, blob }) => repositoryFile(path, size, blob));
    } catch {
      return undefined;
    }
  }

  async setListing(commit: string, files: readonly RepositoryFile[]): Promise<void> {
    await this.note(this.listingFile(commit), JSON.stringify(files));
  }

  /** The commit that a branch or tag stood for when it was last fetched. */
  async ref(revision: string): Promise<string | undefined> {
    const commit = (await readFile(this.refFile(revision), 'utf8').catch(() => '')).trim();
    return isCommit(commit) ? commit : undefined;
  }

  async setRef(revision: string, commit: string): Promise<void> {
    if ((await this.ref(revision)) !== commit) await this.note(this.refFile(revision), commit);
  }

  private listingFile(commit: string): string {
    return join(this.folder, '.listings', `${commit}.json`);
  }

  private refFile(revision: string): string {
    return join(this.folder, 'refs', revision);
  }

  /** A note spares later runs a request. A cache that others filled and we may only read works without. */
  private async note(path: string, text: string): Promise<void> {
    try {
      await this.place(path, (temporary) => writeFile(temporary, text));
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  /** Makes a file appear whole or not at all. */
  private async place(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    // Not in Python's folders: it takes every file in them for its own.
    const temporary = join(this.folder, `.${randomUUID()}`);
    try {
      await make(temporary);
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

/** Whether a file is there and has as many bytes as it should; links are followed. */
export async function isWhole(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && found.size === size;
}
