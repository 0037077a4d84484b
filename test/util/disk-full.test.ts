import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { failure } from '../../src/engine/worker-job.js';

describe('a full disk', () => {
  const signal = new AbortController().signal;

  it.runIf(existsSync('/dev/full'))('is an expected failure, not a bug', async () => {
    const error: unknown = await writeFile('/dev/full', 'x').catch((problem) => problem);
    expect(failure(error, signal)).toEqual({
      outcome: {
        status: 'failed',
        reason: 'disk-full',
        message: expect.stringContaining('the disk is full'),
        hint: 'Make room, then run "recipe resume": what was done is not lost.',
      },
    });
  });

  it('leaves other errors of the file system as they are', async () => {
    const error: unknown = await writeFile('/nowhere/file', 'x').catch((problem) => problem);
    expect(failure(error, signal).outcome).toMatchObject({ reason: 'bug' });
  });
});
