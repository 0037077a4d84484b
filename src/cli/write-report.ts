import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../engine/journal.js';
import type { Registry } from '../engine/registry.js';
import { STATE } from './plan.js';

/** Where a run's report is written if nowhere else. */
const reportFile = (record: Pick<RunRecord, 'id'>): string => join(STATE, 'runs', record.id, 'report.html');

/** The report of a run as one HTML file. What draws charts is loaded only here. */
async function reportOf(record: RunRecord, registry: Registry): Promise<string> {
  const [{ gather }, { page }] = await Promise.all([import('../page/gather.js'), import('../page/page.js')]);
  return page(await gather({ root: STATE, record, registry, environment: process.env }));
}

/** Writes a run's report: whole, or not at all. @returns where */
export async function writeReport(record: RunRecord, registry: Registry, to = reportFile(record)): Promise<string> {
  const text = await reportOf(record, registry);
  const temporary = `${to}.${process.pid}.new`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
  return to;
}
