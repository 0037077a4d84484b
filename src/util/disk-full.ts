import { StepFailure } from './failure.js';

/** What the system and SQLite call a disk, or a person's share of it, that has no room left. */
const CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'];

/** What a write that found the disk full becomes; another error stays as it is. */
export function namingFullDisk(error: unknown): unknown {
  if (!(error instanceof Error) || !CODES.includes((error as { code?: unknown }).code)) return error;
  const { path } = error as NodeJS.ErrnoException;
  return new StepFailure(
    'disk-full',
    `the disk is full${path === undefined ? '' : `: ${path} could not be written`}`,
    'Make room, then run "recipe resume": what was done is not lost.',
  );
}
