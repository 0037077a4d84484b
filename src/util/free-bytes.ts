import { statfs } from 'node:fs/promises';

/** Bytes that a folder's disk has left. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
