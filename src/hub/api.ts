import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { StepFailure } from '../util/failure.js';
import type { HubClient } from './client.js';
import { answerFailure } from './failures.js';
import { type RepositoryFile, repositoryFile } from './listing.js';
import { isCommit, pathOf } from './reference.js';

/**
 * The commit that the reference's revision stands for now.
 * @throws StepFailure
 */
export async function commitOf(hub: HubClient): Promise<string> {
  const { type = 'model', repository, revision } = hub.reference;
  return ask(hub, async () => {
    const asked = {
      name: repository,
      revision,
      additionalFields: ['sha' as const],
      hubUrl: hub.base,
      fetch: hub.fetch,
    };
    const { sha } = type === 'model' ? await modelInfo(asked) : await datasetInfo(asked);
    if (!isCommit(sha)) throw new Error('it names no commit');
    return sha;
  });
}

/**
 * All files of the repository at a commit.
 * @throws StepFailure
 */
export async function filesOf(hub: HubClient, commit: string): Promise<RepositoryFile[]> {
  return ask(hub, async () => {
    const files: RepositoryFile[] = [];
    const entries = listFiles({
      repo: { type: hub.reference.type ?? 'model', name: hub.reference.repository },
      revision: commit,
      recursive: true,
      hubUrl: hub.base,
      fetch: hub.fetch,
    });
    for await (const { type, path, size, oid, lfs } of entries) {
      if (type === 'file') files.push(repositoryFile(path, lfs?.size ?? size, lfs?.oid ?? oid));
    }
    return files;
  });
}

/** The address of a file's bytes. */
export function addressOf(hub: HubClient, commit: string, path: string): string {
  return `${hub.base}/${pathOf(hub.reference)}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

async function ask<T>(hub: HubClient, question: () => Promise<T>): Promise<T> {
  try {
    return await hub.retry(question);
  } catch (error) {
    if (error instanceof StepFailure || hub.signal.aborted) throw error;
    // The library, or the function above, did not understand the answer: a login page of some network, for one.
    throw answerFailure(hub.endpoint, error instanceof Error ? error.message : String(error));
  }
}
