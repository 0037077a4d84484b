import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Json } from '../util/json.js';

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Makes a folder's entries survive a power cut. Platforms that cannot sync a folder (Windows) need not. */
export async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (process.platform === 'win32') return;
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    if (process.platform !== 'win32') throw error;
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, so that they too survive a power cut. */
export async function makeFolders(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await syncFolder(dirname(folder));
}

/** Writes a new file and syncs it. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The JSON in a file, or undefined if there is no file or no whole JSON in it. */
export async function readJson(path: string): Promise<Json | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Names in a folder, sorted by code unit; none if there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export interface Tree {
  /** POSIX paths relative to the root, sorted by code unit. */
  readonly files: readonly string[];
  /** Absolute, the root last. */
  readonly folders: readonly string[];
}

/** All below a folder. Throws on a symbolic link, device, socket or pipe: an artifact holds its own bytes. */
export async function listTree(root: string): Promise<Tree> {
  const files: string[] = [];
  const folders: string[] = [];
  const visit = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = prefix + entry.name;
      if (entry.isDirectory()) await visit(join(folder, entry.name), `${path}/`);
      else if (entry.isFile()) files.push(path);
      else throw new Error(`"${path}" is a link or a special file; an artifact may hold only files and folders`);
    }
    folders.push(folder);
  };
  await visit(root, '');
  return { files: files.sort(), folders };
}

const LONGEST = 120;

/**
 * A file name for an instance id or a recipe's name: what no file system minds stays readable, the rest is
 * percent-encoded, and what is too long is cut and given a hash.
 */
export function fileName(id: string): string {
  const encode = (c: string) =>
    [...Buffer.from(c)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  const name = id.replace(/[^A-Za-z0-9._=,@+[\]-]/gu, encode).replace(/^\./, '%2E');
  if (name.length <= LONGEST) return name;
  return `${name.slice(0, LONGEST - 20)}+${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}
