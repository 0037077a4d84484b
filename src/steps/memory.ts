import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Row } from '../data/dataset.js';
import { type StepContext, StepFailure } from '../engine/step.js';
import type { EvaluateOptions } from '../options/evaluate.js';

const PROBE = fileURLToPath(new URL('./memory-probe.js', import.meta.url));

/**
 * Bytes that a process takes, at the most, which loads a model and answers some rows at once: one of its own, since in
 * another one memory of what went before is used again.
 *
 * @throws StepFailure if that process ends before it has answered; the signal's reason if that is aborted
 */
export async function memoryOf(
  { options, threads, signal }: Pick<StepContext<EvaluateOptions>, 'options' | 'threads' | 'signal'>,
  folder: string,
  rows: readonly Row[],
): Promise<number> {
  signal.throwIfAborted();
  const child = fork(PROBE, [folder, options.backend, String(threads), options.task], {
    stdio: ['ignore', 'ignore', 2, 'ipc'],
  });
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
      child.send(rows);
    });
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill('SIGKILL');
  }
}
