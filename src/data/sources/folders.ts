import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { StepFailure } from '../../util/failure.js';

/** Where a source's folders are: in an installed npm package, or below a path. */
export interface Place {
  /** Absolute folder of an installed npm package; this or `path`. */
  readonly package?: string;
  /** Absolute folder; this or `package`. */
  readonly path?: string;
}

/** @throws StepFailure `bad-source` unless there is one of the two */
export function folderOf({ package: installed, path }: Place, type: string): string {
  const [folder, second] = [installed, path].filter((given) => given !== undefined);
  if (folder !== undefined && second === undefined) return folder;
  const given = folder === undefined ? 'neither' : 'both';
  throw new StepFailure('bad-source', `a ${type} source takes either "package" or "path"; it has ${given}`);
}

/**
 * A file or folder below another one. What lies outside is not part of the step's fingerprint.
 * @param reason of the failure
 */
export function within(root: string, name: string, reason: string, what = 'folder'): string {
  if (isAbsolute(name) || normalize(name).split(/[\\/]/).includes('..')) {
    throw new StepFailure(reason, `the ${what} "${name}" has to lie in ${root}`);
  }
  return join(root, name);
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Names of the files in a folder, sorted; hidden ones left out. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}

export function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'no folders' : names.map((name) => `"${name}"`).join(', ');
}
