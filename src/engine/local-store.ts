import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { canonicalJson, sha256 } from '../util/canonical.js';
import { hashFile } from '../util/hash-file.js';
import type { Json } from '../util/json.js';
import { fileName, isMissing, listTree, makeFolders, namesIn, readJson, syncFolder, writeSynced } from './files.js';
import { isAlive, ownIdentity } from './process-identity.js';
import type { Manifest, Store } from './store.js';

const MANIFEST = 'manifest.json';
const WORD = /^[A-Za-z0-9._=,@+%[\]-]+$/;

/**
 * A store in a folder of this machine:
 *
 *     artifacts/<2 hex>/<digest>/   files and manifest.json
 *     refs/<name>.json              small mutable facts
 *     shared/<name>/                what steps keep for each other, found by its content
 *     scratch/<owner>~<random>      what is being made; removed at the next start if its owner is gone
 *
 * Everything is made in `scratch`, synced and renamed into place, so nothing half-made is ever seen.
 */
export class LocalStore implements Store {
  readonly root: string;
  private readonly owner: string;

  constructor(root: string) {
    this.root = resolve(root);
    const { pid, started } = ownIdentity();
    this.owner = `${fileName(hostname())}~${pid}~${started}`;
  }

  /** Removes what dead processes of this machine left in `scratch`. Called when an engine starts. */
  async sweep(): Promise<void> {
    const host = fileName(hostname());
    for (const name of await namesIn(join(this.root, 'scratch'))) {
      const [owner, pid, started] = name.split('~');
      if (owner !== host || isAlive({ pid: Number(pid), started: started ?? '' })) continue;
      await rm(join(this.root, 'scratch', name), { recursive: true, force: true });
    }
  }

  async scratch(): Promise<string> {
    const folder = await this.scratchPath();
    await mkdir(folder);
    return folder;
  }

  async shared(name: string): Promise<string> {
    if (!WORD.test(name) || name === '.' || name === '..') throw new Error(`"${name}" is not the name of a folder`);
    const folder = join(this.root, 'shared', name);
    await makeFolders(folder);
    return folder;
  }

  async put(folder: string, kind: string, announce?: (digest: string) => Promise<void>): Promise<string> {
    const tree = await listTree(folder);
    if (tree.files.includes(MANIFEST)) throw new Error(`an artifact may not have a file of its own named ${MANIFEST}`);
    const files: Manifest['files'][number][] = [];
    for (const path of tree.files) files.push({ path, ...(await hashFile(join(folder, path), true)) });
    const manifest = { kind, version: 1, files } satisfies Manifest;
    const text = canonicalJson(manifest);
    const digest = sha256(text);
    await announce?.(digest);
    if (await this.check(digest)) {
      await rm(folder, { recursive: true, force: true });
      return digest;
    }
    await writeSynced(join(folder, MANIFEST), text);
    for (const path of tree.folders) await syncFolder(path);

    const place = this.place(digest);
    await makeFolders(dirname(place));
    // What is there and is not whole was damaged from outside: it gives way.
    await this.remove(digest);
    try {
      await rename(folder, place);
    } catch (error) {
      // Another process made the same artifact in the meantime.
      if (!(await this.verify(digest))) throw error;
      await rm(folder, { recursive: true, force: true });
    }
    await syncFolder(dirname(place));
    return digest;
  }

  async get(digest: string): Promise<string | undefined> {
    const place = this.place(digest);
    try {
      await stat(join(place, MANIFEST));
      return place;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async verify(digest: string): Promise<boolean> {
    const place = this.place(digest);
    const manifest = (await readJson(join(place, MANIFEST))) as Manifest | undefined;
    if (manifest === undefined || sha256(canonicalJson(manifest as unknown as Json)) !== digest) return false;
    for (const file of manifest.files) {
      try {
        const found = await stat(join(place, file.path));
        if (!found.isFile() || found.size !== file.bytes) return false;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    }
    return true;
  }

  async check(digest: string): Promise<boolean> {
    if (!(await this.verify(digest))) return false;
    for (const file of (await this.manifest(digest))?.files ?? []) {
      if ((await hashFile(join(this.place(digest), file.path))).sha256 !== file.sha256) return false;
    }
    return true;
  }

  /** The manifest of an artifact that is there. */
  async manifest(digest: string): Promise<Manifest | undefined> {
    return (await readJson(join(this.place(digest), MANIFEST))) as Manifest | undefined;
  }

  async remove(digest: string): Promise<void> {
    const gone = await this.scratchPath();
    try {
      await rename(this.place(digest), gone);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await rm(gone, { recursive: true, force: true });
  }

  async readRef(name: string): Promise<Json | undefined> {
    return readJson(this.refPath(name));
  }

  async writeRef(name: string, value: Json): Promise<void> {
    const path = this.refPath(name);
    const temporary = await this.scratchPath();
    await writeSynced(temporary, canonicalJson(value));
    await makeFolders(dirname(path));
    await rename(temporary, path);
    await syncFolder(dirname(path));
  }

  async removeRef(name: string): Promise<void> {
    await rm(this.refPath(name), { force: true });
  }

  async listRefs(prefix: string): Promise<readonly string[]> {
    const folder = this.refPath(prefix).slice(0, -'.json'.length);
    let tree: Awaited<ReturnType<typeof listTree>>;
    try {
      tree = await listTree(folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    return tree.files
      .filter((path) => path.endsWith('.json'))
      .map((path) => `${prefix}/${path.slice(0, -'.json'.length)}`);
  }

  private async scratchPath(): Promise<string> {
    const folder = join(this.root, 'scratch');
    await mkdir(folder, { recursive: true });
    return join(folder, `${this.owner}~${randomBytes(8).toString('hex')}`);
  }

  private place(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new Error(`"${digest}" is not a digest`);
    return join(this.root, 'artifacts', digest.slice(0, 2), digest);
  }

  private refPath(name: string): string {
    const words = name.split('/');
    for (const word of words) {
      if (!WORD.test(word) || word === '.' || word === '..') throw new Error(`"${name}" is not the name of a ref`);
    }
    return `${join(this.root, 'refs', ...words)}.json`;
  }
}
