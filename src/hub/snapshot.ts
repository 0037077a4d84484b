import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { addressOf, commitOf, filesOf } from './api.js';
import { ModelCache } from './cache.js';
import { HubClient, type HubOptions } from './client.js';
import { download } from './download.js';
import { diskFailure, UNAVAILABLE, UNREACHABLE } from './failures.js';
import type { RepositoryFile } from './listing.js';
import { type HubReference, isCommit } from './reference.js';

/** Files of a model, all of one commit. */
export interface Snapshot {
  /** 40 hex digits. */
  readonly commit: string;
  /** Absolute if the cache is. The files in it are links into the cache, and read-only. */
  readonly folder: string;
  /** The Hub could not be asked what the branch or tag stands for; this is what it stood for when last fetched. */
  readonly offline: boolean;
}

export interface SnapshotOptions extends HubOptions {
  /** A folder that outlives runs; `~/.cache/huggingface/hub` shares Python's. */
  readonly cache: string;
  /** Which files of the model, by path. */
  readonly wanted: (path: string) => boolean;
  /** Bytes of all wanted files; those in the cache count as done. */
  readonly onProgress?: (done: number, total: number) => void | Promise<void>;
}

/** How many names of files a hint shows. */
const SHOWN = 10;

/**
 * Brings the wanted files of a model into the cache. Everything is of the commit that the revision stands for at the
 * start. Files that are there are not downloaded again, and a commit whose files are all there needs no network.
 *
 * @throws StepFailure `hub-not-found`, `hub-access`, `hub-unreachable` (no network), `hub-unavailable` (the server
 * fails, or has enough of us), `hub-answer`, `hub-damaged`, `hub-no-file`, `hub-endpoint`, `hub-token`, `hub-cache`,
 * `disk-full`; the signal's reason
 */
export async function fetchSnapshot(reference: HubReference, options: SnapshotOptions): Promise<Snapshot> {
  try {
    const hub = new HubClient(reference, options);
    const cache = new ModelCache(options.cache, reference);
    const { commit, offline } = await resolve(hub, cache, options.wanted);
    await complete(hub, cache, commit, options);
    // Not before everything is there: offline, the commit it stood for until now is better than half of a new one.
    if (commit !== reference.revision && !offline) await cache.setRef(reference.revision, commit);
    return { commit, folder: cache.snapshot(commit), offline };
  } catch (error) {
    throw diskFailure(error, options.cache);
  }
}

async function resolve(
  hub: HubClient,
  cache: ModelCache,
  wanted: SnapshotOptions['wanted'],
): Promise<{ commit: string; offline: boolean }> {
  const { revision } = hub.reference;
  if (isCommit(revision)) return { commit: revision, offline: false };
  try {
    return { commit: await commitOf(hub), offline: false };
  } catch (error) {
    if (!(error instanceof StepFailure) || ![UNREACHABLE, UNAVAILABLE].includes(error.reason)) throw error;
    const commit = await cache.ref(revision);
    if (commit === undefined) throw error;
    const files = (await cache.listing(commit))?.filter(({ path }) => wanted(path));
    if (files === undefined || (await cache.missing(commit, files)).length > 0) throw error;
    return { commit, offline: true };
  }
}

/** Downloads what is missing of a commit. */
async function complete(hub: HubClient, cache: ModelCache, commit: string, options: SnapshotOptions): Promise<void> {
  let all = await cache.listing(commit);
  if (all === undefined) {
    all = await filesOf(hub, commit);
    await cache.setListing(commit, all);
  }
  const files = all.filter(({ path }) => options.wanted(path));
  if (files.length === 0) throw noFile(hub.reference, all);
  const missing = await cache.missing(commit, files);
  const total = bytesOf(files);
  let done = total - bytesOf(missing);
  const report = async (bytes: number) => options.onProgress?.(done + bytes, total);
  await report(0);
  for (const file of missing) {
    const blob = cache.blob(file);
    if (!(await cache.hasBlob(file))) {
      await mkdir(dirname(blob), { recursive: true });
      await download(hub, addressOf(hub, commit, file.path), file, blob, report);
    }
    await cache.add(commit, file);
    done += file.size;
    await report(0);
  }
}

const bytesOf = (files: readonly RepositoryFile[]): number => files.reduce((sum, { size }) => sum + size, 0);

function noFile({ repository, revision }: HubReference, all: readonly RepositoryFile[]): StepFailure {
  const names = all.slice(0, SHOWN).map(({ path }) => path);
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
  return new StepFailure(
    'hub-no-file',
    `hf:${repository}@${revision} has none of the files that are needed`,
    all.length === 0 ? 'It is empty.' : `It has ${names.join(', ')}${more}.`,
  );
}
