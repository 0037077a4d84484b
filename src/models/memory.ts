import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';

const PROBE = fileURLToPath(new URL('./memory-probe.js', import.meta.url));

/** Texts, and what they are compared with where the model compares two. */
export interface Asked {
  readonly texts: readonly string[];
  readonly pairs: readonly string[] | undefined;
}

/**
 * Bytes that a process takes, at the most, which loads a model and answers some texts at once: one of its own, since in
 * another one memory of what went before is used again.
 *
 * @throws StepFailure if it cannot load it; the signal's reason if that is aborted
 */
export async function memoryOf(
  folder: string,
  asked: Asked,
  { backend, threads, signal }: { readonly backend: Backend; readonly threads: number; readonly signal: AbortSignal },
): Promise<number> {
  signal.throwIfAborted();
  const child = fork(PROBE, [folder, backend, String(threads)], { stdio: ['ignore', 'ignore', 2, 'ipc'] });
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('message', (bytes: number) => resolve(bytes));
      child.once('error', reject);
      child.once('exit', (code, by) => {
        const how = by === null ? `ended with exit code ${code}` : `was killed by ${by}`;
        reject(signal.aborted ? signal.reason : new StepFailure('memory', `the process that loads the model ${how}`));
      });
      child.send(asked);
    });
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill('SIGKILL');
  }
}
