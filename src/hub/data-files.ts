import { homedir } from 'node:os';
import { join } from 'node:path';
import type { StepContext } from '../engine/step.js';
import { StepFailure } from '../util/failure.js';
import { parseHubReference } from './reference.js';
import { fetchSnapshot } from './snapshot.js';

/** Which files of a data set. */
export interface DataFiles {
  /** `hf:org/name@revision`. */
  readonly dataset: string;
  /** A folder that they are in. */
  readonly config?: string;
  /** A word of their paths. */
  readonly split: string;
}

type Context = Pick<StepContext<unknown>, 'variable' | 'signal' | 'progress' | 'log'>;

/**
 * Brings Parquet files of a data set into the Hub's cache.
 * @returns their paths, in the order of their names
 * @throws StepFailure as `fetchSnapshot` does
 */
export async function fetchDataFiles(ctx: Context, { dataset, config, split }: DataFiles): Promise<string[]> {
  const reference = parseHubReference(dataset, 'dataset');
  const found: string[] = [];
  const seen: string[] = [];
  const wanted = (path: string): boolean => {
    if (!path.endsWith('.parquet')) return false;
    if (!seen.includes(path)) seen.push(path);
    const fits = isOf(path, split) && (config === undefined || path.split('/').slice(0, -1).includes(config));
    if (fits && !found.includes(path)) found.push(path);
    return fits;
  };
  const home = ctx.variable('HF_HOME') ?? join(homedir(), '.cache', 'huggingface');
  const { repository, revision } = reference;
  try {
    const { commit, folder, offline } = await fetchSnapshot(reference, {
      cache: ctx.variable('HF_HUB_CACHE') ?? join(home, 'hub'),
      endpoint: ctx.variable('HF_ENDPOINT'),
      token: ctx.variable('HF_TOKEN'),
      wanted,
      signal: ctx.signal,
      onProgress: (done, total) => ctx.progress({ done, total, unit: 'bytes', phase: 'downloading' }),
    });
    if (offline) ctx.log('warning', `the Hub cannot be reached: ${revision} is taken as the cache knows it, ${commit}`);
    if (revision !== commit) ctx.log('info', `${revision} is commit ${commit}: hf:${repository}@${commit} pins it`);
    const configs = new Set(found.map((path) => path.split('/').slice(0, -1).join('/')));
    if (config === undefined && configs.size > 1) {
      const list = [...configs].map((each) => `"${each}"`).join(', ');
      const message = `${dataset} has files of the split "${split}" in several folders: ${list}`;
      throw new StepFailure('hub-no-file', message, 'Name one in the option "config".', '/source/dataset');
    }
    return found.sort().map((path) => join(folder, path));
  } catch (error) {
    if (!(error instanceof StepFailure) || error.pointer !== undefined) throw error;
    if (error.reason !== 'hub-no-file')
      throw new StepFailure(error.reason, error.message, error.hint, '/source/dataset');
    throw noFile(dataset, config, split, seen);
  }
}

function noFile(dataset: string, config: string | undefined, split: string, seen: readonly string[]): StepFailure {
  const of = config === undefined ? '' : ` in a folder "${config}"`;
  const message = `${dataset} has no Parquet file of the split "${split}"${of}`;
  const hint =
    seen.length > 0
      ? `It has ${seen.slice(0, 10).join(', ')}${seen.length > 10 ? ` and ${seen.length - 10} more` : ''}.`
      : 'It has none at all: of a data set in another format the Hub keeps them at the revision refs/convert/parquet.';
  return new StepFailure('hub-no-file', message, hint, '/source/split');
}

/** Whether a path has the word, as the Hub itself finds the files of a split: `data/train-00000-of-00002.parquet`. */
const isOf = (path: string, split: string): boolean =>
  path.split(/[^\p{L}\p{N}]+/u).includes(split) || path.split('/').includes(split);
