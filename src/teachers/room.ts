import { statfs } from 'node:fs/promises';
import { StepFailure } from '../util/failure.js';

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

/** @throws StepFailure `too-large` if a cache would take more bytes than a recipe allows */
export function checkSize(texts: number, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new StepFailure(
    'too-large',
    `the cache of ${texts} texts would take ${gigabytes(bytes)}, more than max_bytes allows (${gigabytes(limit)})`,
    'Keep fewer layers (attention costs most: heads · tokens² a layer) or fewer tokens, shorten max_length, or raise max_bytes.',
  );
}

/** @throws StepFailure `disk-full` if a folder's disk has not that much room */
export async function checkRoom(folder: string, texts: number, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new StepFailure(
    'disk-full',
    `the cache of ${texts} texts takes ${gigabytes(bytes)}, and the disk has ${gigabytes(free)} left`,
    'Make room on the disk, or keep less: fewer layers, a smaller k, float16.',
  );
}
