import { readFileSync } from 'node:fs';

/** A process, told apart from a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the kernel's ticks (Linux); empty where it is not known. */
  readonly started: string;
}

/** State letter and start time from `/proc/<pid>/stat` (proc(5)); the name in brackets may hold anything. */
function stat(pid: number): { state: string; started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', started: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: stat(process.pid)?.started ?? '' };
}

/** Whether exactly that process still runs on this machine. A zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = stat(identity.pid);
  if (now === undefined) return process.platform !== 'linux';
  if (now.state === 'Z' || now.state === 'X') return false;
  return identity.started === '' || identity.started === now.started;
}
