import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ask, Said } from './protocol.js';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));

/** Lets transformers.js, in a process of its own, load a folder and answer rows. Ends the process when it is aborted. */
export function askTransformers(ask: Ask, signal: AbortSignal): Promise<Said> {
  return new Promise((resolve, reject) => {
    // Its warnings are for those who develop with it.
    const child = fork(CHILD, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    let said: Said | undefined;
    let printed = '';
    child.stderr?.on('data', (data: Buffer) => {
      printed = `${printed}${data}`.slice(-2000);
    });
    const stop = (): void => {
      child.kill('SIGKILL');
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.once('message', (message: Said) => {
      said = message;
    });
    child.once('error', reject);
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', stop);
      const how = by ?? `code ${code}`;
      resolve(said ?? { state: 'failed', message: `its process ended with ${how}: ${printed.trim()}` });
    });
    child.send(ask);
  });
}
