import { copyFile, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { StepFailure } from '../util/failure.js';
import { download, type Wanted } from './download.js';
import type { HubReference } from './reference.js';
import { Requests, Unreachable } from './requests.js';

export interface Snapshot {
  /** 40 hex digits. */
  readonly commit: string;
  /** Holds the files that were wanted. */
  readonly folder: string;
  /** The Hub could not be reached, and the branch is taken as the cache knows it. */
  readonly offline: boolean;
}

export interface SnapshotOptions {
  /** Folder of Hugging Face's cache, which its Python tools share. */
  readonly cache: string;
  /** Undefined: huggingface.co. */
  readonly endpoint: string | undefined;
  readonly token: string | undefined;
  /** Which files of the repository. */
  readonly wanted: (path: string) => boolean;
  readonly signal: AbortSignal;
  /** Bytes. */
  readonly onProgress?: (done: number, total: number) => void | Promise<void>;
}

const COMMIT = /^[0-9a-f]{40}$/;
const HASH = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const exists = (path: string): Promise<boolean> => stat(path).then(Boolean, () => false);

/**
 * Files of a model's repository at one commit, from the cache or the Hub. A branch or tag becomes a commit first, and
 * all is fetched by that, so that no two versions are mixed. A commit that is in the cache needs no request.
 *
 * @throws StepFailure if there is no such model or revision, it may not be read, or the Hub cannot be reached
 */
export async function fetchSnapshot(reference: HubReference, options: SnapshotOptions): Promise<Snapshot> {
  const { repository, revision } = reference;
  const { cache, token, signal } = options;
  const requests = new Requests(options.endpoint ?? 'https://huggingface.co', token, signal);
  const root = join(cache, `models--${repository.replaceAll('/', '--')}`);
  const ref = join(root, 'refs', revision);
  const folderOf = (commit: string): string => join(root, 'snapshots', commit);
  // Which files of a commit there are, written when all have come: the cache itself does not say so.
  const listOf = (commit: string): string => join(root, '.recipe', `${commit}.json`);
  const isComplete = async (commit: string): Promise<boolean> => {
    const paths = await readFile(listOf(commit), 'utf8').then(
      (text) => JSON.parse(text) as string[],
      () => undefined,
    );
    if (!paths) return false;
    const found = await Promise.all(paths.filter(options.wanted).map((path) => exists(join(folderOf(commit), path))));
    return found.every(Boolean);
  };

  if (COMMIT.test(revision) && (await isComplete(revision))) {
    return { commit: revision, folder: folderOf(revision), offline: false };
  }
  try {
    const hub = { hubUrl: requests.endpoint, fetch: requests.fetch as typeof fetch };
    const { sha } = await modelInfo({ ...hub, name: repository, revision, additionalFields: ['sha'] });
    const commit = String(sha);
    // It names folders and files here.
    if (!COMMIT.test(commit))
      throw new StepFailure('hub', `the server names no commit of hf:${repository}@${revision}`);
    if (revision !== commit) {
      await mkdir(dirname(ref), { recursive: true });
      await writeFile(ref, commit);
    }
    if (await isComplete(commit)) return { commit, folder: folderOf(commit), offline: false };
    const files: Wanted[] = [];
    const all: string[] = [];
    for await (const { type, path, size, oid, lfs } of listFiles({ ...hub, repo: repository, revision: commit })) {
      if (type !== 'file') continue;
      all.push(path);
      if (!options.wanted(path)) continue;
      const url = `${requests.endpoint}/${repository}/resolve/${commit}/${path}`;
      const hash = lfs?.oid ?? oid ?? '';
      if (!HASH.test(hash)) throw new StepFailure('hub', `the server gives no hash of ${path}`);
      files.push({ path, url, size: lfs?.size ?? size, hash, large: lfs !== undefined });
    }
    if (files.length === 0) {
      throw new StepFailure(
        'hub',
        `hf:${repository}@${revision} has none of the files that are needed; it has ${all.join(', ') || 'none at all'}`,
        'A model needs config.json, a tokenizer and *.safetensors.',
      );
    }
    await fetchFiles(files, root, folderOf(commit), requests, options);
    await mkdir(dirname(listOf(commit)), { recursive: true });
    await writeFile(listOf(commit), JSON.stringify(files.map(({ path }) => path)));
    return { commit, folder: folderOf(commit), offline: false };
  } catch (error) {
    if (error instanceof HubApiError) throw refused(error.statusCode, reference, token !== undefined);
    if (!(error instanceof Unreachable)) throw error;
    const known = await readFile(ref, 'utf8').catch(() => undefined);
    if (known !== undefined && (await isComplete(known))) {
      return { commit: known, folder: folderOf(known), offline: true };
    }
    throw new StepFailure(
      'hub-unreachable',
      `hf:${repository}@${revision} cannot be fetched from ${requests.endpoint}: ${error.message}`,
      'Run the recipe again when there is a network: what has come is kept. HF_ENDPOINT names another server; model: ./folder takes a folder.',
    );
  }
}

async function fetchFiles(
  files: readonly Wanted[],
  root: string,
  folder: string,
  requests: Requests,
  { onProgress }: SnapshotOptions,
): Promise<void> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const onBytes = async (bytes: number): Promise<void> => {
    done += bytes;
    await onProgress?.(done, total);
  };
  for (const file of files) {
    const blob = join(root, 'blobs', file.hash);
    if (await exists(blob)) await onBytes(file.size);
    else await download(file, blob, requests, onBytes);
    const pointer = join(folder, file.path);
    if (await exists(pointer)) continue;
    await mkdir(dirname(pointer), { recursive: true });
    // Where links are not allowed, as on some Windows systems, a copy does.
    await symlink(relative(dirname(pointer), blob), pointer).catch(() => copyFile(blob, pointer));
  }
}

function refused(status: number, { repository, revision }: HubReference, hasToken: boolean): StepFailure {
  const name = `hf:${repository}@${revision}`;
  if (status === 401 || status === 403) {
    const hint = hasToken
      ? 'Ask for access on its page, or set HF_TOKEN to a token that has it.'
      : 'Set HF_TOKEN to a token that may read it. The Hub says the same of a model that is not there.';
    return new StepFailure(
      'hub-refused',
      `${name} may not be read ${hasToken ? 'with this token' : 'without a token'}`,
      hint,
    );
  }
  if (status === 404) {
    return new StepFailure('hub-not-found', `there is no ${name}`, 'Look the name and the revision up on the Hub.');
  }
  return new StepFailure('hub', `the Hub answers to ${name} with status ${status}`);
}
