import { formatBytes } from '../util/bytes.js';
import { StepFailure } from '../util/failure.js';

/** @throws StepFailure `too-large` if a cache would take more bytes than a recipe allows */
export function checkSize(texts: number, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new StepFailure(
    'too-large',
    `the cache of ${texts} texts would take ${formatBytes(bytes)}, more than max_bytes allows (${formatBytes(limit)})`,
    'Keep fewer layers (attention costs most: heads · tokens² a layer) or fewer tokens, shorten max_length, or raise max_bytes.',
  );
}

/**
 * @param free bytes that the disk has left
 * @throws StepFailure `disk-full` if that is not enough
 */
export function checkRoom(free: number, texts: number, bytes: number): void {
  if (bytes <= free) return;
  throw new StepFailure(
    'disk-full',
    `the cache of ${texts} texts takes ${formatBytes(bytes)}, and the disk has ${formatBytes(free)} left`,
    'Make room on the disk, or keep less: fewer layers, a smaller k, float16.',
  );
}
