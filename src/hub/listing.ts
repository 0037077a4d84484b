/** One file of a model at one commit. */
export interface RepositoryFile {
  /** With `/`, relative to the repository's root. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** What its bytes hash to: SHA-256 of files in large file storage, git's SHA-1 of others. Also its name in the cache. */
  readonly blob: string;
}

/**
 * A file as someone else describes it.
 * @throws Error if it is not one, or may not be written where its path says
 */
export function repositoryFile(path: unknown, size: unknown, blob: unknown): RepositoryFile {
  if (typeof path !== 'string' || !isSafe(path)) throw new Error(`it lists a file named ${JSON.stringify(path)}`);
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw new Error(`${path} is of size ${size}`);
  if (typeof blob !== 'string' || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob)) throw new Error(`${path} has no hash`);
  return { path, size: size as number, blob };
}

/** Stays below the folder it is put in, on Windows too. */
function isSafe(path: string): boolean {
  return !/[\\:\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
