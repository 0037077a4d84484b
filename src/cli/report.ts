import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { lastEvent, latestRun, type RunRecord, readRun } from '../engine/journal.js';
import { lockHolder } from '../engine/lock.js';
import { namingFullDisk } from '../util/disk-full.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { STATE } from './plan.js';
import { loadRegistry } from './registry.js';
import { handleSignals } from './signals.js';
import { writeReport } from './write-report.js';

export interface ReportOptions {
  readonly to?: string;
  readonly live?: true;
  readonly port?: number;
}

/** `recipe report [run]` */
export async function report(id: string | undefined, { to, live, port }: ReportOptions): Promise<ExitCode> {
  if (live && to !== undefined) throw new UsageError('--live writes no file: leave out --to');
  if (!live && port !== undefined) throw new UsageError('--port is for --live');
  const record = id === undefined ? await latestRun(STATE) : await readRun(STATE, id);
  if (record === undefined) {
    throw new UsageError(
      id === undefined
        ? `no run in this folder yet (${STATE}/ is empty or missing). Start one: recipe run <file>`
        : `there is no run "${id}" under ${STATE}/runs`,
    );
  }
  if (live) return follow(record, port ?? 0);
  const written = await writeReport(record, loadRegistry(), to).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || namingFullDisk(error) !== error) throw error;
    throw new UsageError(`the report cannot be written: ${message}`);
  });
  process.stdout.write(`${written}\n`);
  return EXIT.ok;
}

/** Serves the report of a run that is under way until it ends, or a signal comes. */
async function follow(record: RunRecord, port: number): Promise<ExitCode> {
  // A run that was killed says nothing of its end, but holds no lock any more.
  const ended = async (): Promise<boolean> =>
    (await lockHolder(STATE)) === undefined || (await latestRun(STATE))?.id !== record.id || (await finished(record));
  if (await ended()) {
    throw new UsageError(`run ${record.id} has ended; write its report: recipe report ${record.id}`);
  }
  const registry = loadRegistry();
  const [{ gather }, { startLive }] = await Promise.all([import('../page/gather.js'), import('../page/live.js')]);
  const live = await startLive({
    port,
    read: () => gather({ root: STATE, record, registry, environment: process.env }),
    version: async () => String((await stat(join(STATE, 'runs', record.id, 'events.jsonl'))).size),
    ended,
  }).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    throw new UsageError(`port ${port} cannot be taken: ${message}`);
  });
  const stopped = new Promise<void>((requestStop) => {
    const requestKill = (): void => process.exit(EXIT.interrupted);
    handleSignals({ requestStop, requestKill }, ['SIGINT', 'SIGTERM']);
  });
  process.stdout.write(`following run ${record.id} at ${live.url}\n`);
  await Promise.race([live.over, stopped]);
  await live.stop();
  return EXIT.ok;
}

const finished = async ({ id }: RunRecord): Promise<boolean> => (await lastEvent(STATE, id))?.type === 'run-finished';
