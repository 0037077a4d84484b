import type { RunControl } from '../engine/control.js';
import { EXIT } from './exit.js';

/**
 * A second signal this soon is the first one again: the terminal signals every process in the foreground, and a
 * wrapper (a package manager, a shell script) may pass its own on to us as well. Milliseconds.
 */
const SAME_PRESS = 400;

/**
 * Ctrl-C once stops a run after a checkpoint, twice at once, and a third time ends this process whatever it does.
 * SIGTERM, a closed terminal and a reader of stdout that is gone count as one Ctrl-C. Returns a function that takes
 * the handlers away.
 *
 * @param signals that count; another does what it does by itself
 */
export function handleSignals(
  control: Pick<RunControl, 'requestStop' | 'requestKill'>,
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): () => void {
  let presses = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  const onSignal = (): void => {
    const now = performance.now();
    if (now - lastAt < SAME_PRESS) return;
    lastAt = now;
    presses += 1;
    if (presses === 1) control.requestStop();
    else if (presses === 2) control.requestKill();
    else process.exit(EXIT.interrupted);
  };
  const onOutputGone = (): void => control.requestStop();
  for (const signal of signals) process.on(signal, onSignal);
  process.stdout.on('error', onOutputGone);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
    process.stdout.off('error', onOutputGone);
  };
}
