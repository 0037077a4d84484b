import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StepContext } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import { teacherOf } from './providers.js';

const CLI = fileURLToPath(new URL('../../cli.js', import.meta.url));
/** What `recipe serve` prints when it can be asked. */
const READY = /^serving .+ at (http:\S+)$/;

/** A model of this workplace behind an API, for as long as a step asks it. */
export interface Served {
  readonly baseUrl: string;
  stop(): Promise<void>;
}

/** Starts the server of the input "serve", if that is the teacher. */
export async function serveTeacher(
  ctx: Pick<StepContext<unknown>, 'input' | 'threads' | 'signal'>,
  teacher: QueryTeacherOptions['teacher'],
): Promise<Served | undefined> {
  const { baseUrl, model } = teacherOf(teacher);
  return baseUrl === undefined ? serveModel(ctx.input('serve').path, model, ctx.threads, ctx.signal) : undefined;
}

/**
 * Starts `recipe serve` on a free port of this machine. What it says of a text is the same, to the bit, in every run.
 * @param folder a model artifact; @param name what it is called there
 * @throws StepFailure with what the server said, if it does not start
 */
export async function serveModel(folder: string, name: string, threads: number, signal: AbortSignal): Promise<Served> {
  const child = spawn(
    process.execPath,
    [CLI, 'serve', folder, '--name', name, '--port', '0', '--threads', String(threads), '--reproducible'],
    {
      // It ends when the channel does: with this process, however that ends.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  let said = '';
  child.stderr?.on('data', (data: Buffer) => {
    said = `${said}${data}`.slice(-2000);
  });
  const stop = (): Promise<void> => end(child);
  try {
    const baseUrl = await ready(child, signal);
    if (baseUrl === undefined)
      throw new StepFailure('serve', `the teacher could not be served: ${said.trim() || 'it ended'}`);
    return { baseUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address that it prints, or undefined if it ends without. */
async function ready(child: ChildProcess, signal: AbortSignal): Promise<string | undefined> {
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const found = READY.exec(line);
      if (found !== null) return found[1];
    }
    signal.throwIfAborted();
    return undefined;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
