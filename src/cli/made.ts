import { join } from 'node:path';
import { latestRun, readRun, runIds } from '../engine/journal.js';
import { LocalStore } from '../engine/local-store.js';
import { type MadeBy, outputsOfRun } from '../engine/run-outputs.js';
import { didYouMean } from '../engine/suggest.js';
import { UsageError } from './exit.js';
import { STATE } from './plan.js';

/** A run of this working folder, and what its steps have made. */
export interface RunMade {
  readonly id: string;
  readonly made: ReadonlyMap<string, MadeBy>;
}

/**
 * @param id of a run; undefined: the last one
 * @throws UsageError if there is none
 */
export async function readMade(id: string | undefined): Promise<RunMade> {
  const record = id === undefined ? await latestRun(STATE) : await readRun(STATE, id);
  if (record) return { id: record.id, made: await outputsOfRun(STATE, record.id) };
  if (id === undefined) throw new UsageError(`there is no run in this folder yet (${STATE}/ is empty or missing)`);
  const known = await runIds(STATE);
  const last = known.at(-1);
  const hint = didYouMean(id, known) ?? (last === undefined ? 'There are none.' : `The last one is ${last}.`);
  throw new UsageError(`there is no run "${id}" under ${STATE}/runs. ${hint}`);
}

/** The folder of an artifact. @throws UsageError if it is no longer in the store */
export async function artifactFolder(digest: string, what: string): Promise<string> {
  const folder = await new LocalStore(join(STATE, 'store')).get(digest);
  if (folder === undefined) {
    throw new UsageError(`${what} is no longer in ${STATE}/store. Run the recipe again: it is made anew.`);
  }
  return folder;
}
