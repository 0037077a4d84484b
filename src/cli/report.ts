import { latestRun, readRun } from '../engine/journal.js';
import { namingFullDisk } from '../util/disk-full.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { STATE } from './plan.js';
import { loadRegistry } from './registry.js';
import { writeReport } from './write-report.js';

export interface ReportOptions {
  readonly to?: string;
}

/** `recipe report [run]` */
export async function report(id: string | undefined, { to }: ReportOptions): Promise<ExitCode> {
  const record = id === undefined ? await latestRun(STATE) : await readRun(STATE, id);
  if (record === undefined) {
    throw new UsageError(
      id === undefined
        ? `no run in this folder yet (${STATE}/ is empty or missing). Start one: recipe run <file>`
        : `there is no run "${id}" under ${STATE}/runs`,
    );
  }
  const written = await writeReport(record, loadRegistry(), to).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || namingFullDisk(error) !== error) throw error;
    throw new UsageError(`the report cannot be written: ${message}`);
  });
  process.stdout.write(`${written}\n`);
  return EXIT.ok;
}
