import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchSnapshot, type Snapshot, type SnapshotOptions } from '../../src/hub/snapshot.js';
import { temporaryFolder } from '../steps/context.js';
import { blobOf, CdnServer, type HubFile, HubServer } from './server.js';

export const FIRST = '1'.repeat(39).concat('a');
export const SECOND = '2'.repeat(39).concat('b');
export const TOKEN = 'hf_secretOfTheTest';

/** Bytes that look random and are the same each time. */
export function noise(length: number, seed: string): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 64 < length; i++) parts.push(createHash('sha512').update(`${seed} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

export const config: HubFile = { bytes: Buffer.from('{"hidden_size":8}') };
export const tokenizer: HubFile = { bytes: noise(100_000, 'tokenizer') };
export const weights: HubFile = { bytes: noise(1_000_000, 'weights'), lfs: true };
export const newWeights: HubFile = { bytes: noise(1_000_000, 'new weights'), lfs: true };
const readme: HubFile = { bytes: Buffer.from('# A model') };

export const FILES = { 'config.json': config, 'model.safetensors': weights, 'sub/tokenizer.json': tokenizer };
/** Of the files that `wanted` says. */
export const BYTES = Object.values(FILES).reduce((sum, { bytes }) => sum + bytes.length, 0);

/** A Hub with one model of two commits, `main` being the first. */
export async function hub(): Promise<HubServer> {
  const first = { 'README.md': readme, ...FILES };
  const commits = { [FIRST]: first, [SECOND]: { ...first, 'model.safetensors': newWeights } };
  const refs = { main: FIRST, v2: SECOND };
  return new HubServer({ 'org/name': { refs, commits } }).start();
}

/** The same, with another server for large files. */
export async function hubAndCdn(): Promise<{ server: HubServer; cdn: CdnServer }> {
  const server = await hub();
  server.cdn = await new CdnServer().start();
  return { server, cdn: server.cdn };
}

export const wanted = (path: string): boolean => path !== 'README.md';

/** Everything but the README of `org/name`, from a server, into a cache; a fresh one if none is given. */
export async function get(
  server: HubServer,
  given: Partial<SnapshotOptions> & { revision?: string; repository?: string } = {},
): Promise<Snapshot> {
  const { revision = 'main', repository = 'org/name', ...options } = given;
  return fetchSnapshot(
    { repository, revision },
    {
      cache: options.cache ?? (await temporaryFolder()),
      endpoint: server.url,
      token: undefined,
      wanted,
      signal: new AbortController().signal,
      ...options,
    },
  );
}

/** Every file below a folder by path; of links, where they lead. */
export async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const whole = join(folder, path);
    const stat = await lstat(whole);
    if (stat.isSymbolicLink()) found[path] = `→ ${await readlink(whole)}`;
    else if (stat.isFile()) found[path] = `${stat.size} bytes`;
  }
  return found;
}

/** The model's folder in a cache. */
export const modelFolder = (cache: string): string => join(cache, 'models--org--name');

export const incompleteOf = (cache: string, file: HubFile): string =>
  join(modelFolder(cache), 'blobs', `${blobOf(file)}.incomplete`);

/** SHA-256 of each file that a snapshot holds, by path. */
export async function contents(snapshot: Snapshot): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of Object.keys(await tree(snapshot.folder))) {
    found[path] = sha256(await readFile(join(snapshot.folder, path)));
  }
  return found;
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What a snapshot of the first commit should hold. */
export const EXPECTED = Object.fromEntries(Object.entries(FILES).map(([path, { bytes }]) => [path, sha256(bytes)]));

/** Waits until something is so. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
