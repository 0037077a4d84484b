import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { isFile, isFolder } from './folders.js';
import { isZip, openBytes, type Unpacked, unpackedFrom } from './packed.js';
import { ZipArchive } from './zip.js';

/** A folder of files, on disk or in a ZIP archive. Names are paths below it; hidden files and folders are left out. */
export interface Tree {
  /** For messages: the folder's, or the archive's. */
  readonly path: string;
  isFolder(name: string): Promise<boolean>;
  isFile(name: string): Promise<boolean>;
  /** Names of what lies in one of its folders, sorted. */
  folders(name: string): Promise<string[]>;
  files(name: string): Promise<string[]>;
  /** Bytes of a file. */
  size(name: string): Promise<number>;
  /** A file's bytes as they are. */
  read(name: string): Promise<Buffer>;
  /** A file, unpacked if it is packed by itself; in an archive it is not. */
  open(name: string): Promise<Unpacked>;
  close(): void;
}

/** What is at a path: a folder that may not be there, or the inside of an archive. @throws StepFailure `bad-zip`, `zip-bomb` */
export async function openTree(path: string): Promise<Tree> {
  return (await isFile(path)) && (await isZip(path)) ? treeOf(await ZipArchive.open(path)) : diskTree(path);
}

function diskTree(path: string): Tree {
  const list = async (name: string, kind: 'isFile' | 'isDirectory'): Promise<string[]> =>
    (await readdir(join(path, name), { withFileTypes: true }))
      .filter((entry) => entry[kind]() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  return {
    path,
    isFolder: (name) => isFolder(join(path, name)),
    isFile: (name) => isFile(join(path, name)),
    folders: (name) => list(name, 'isDirectory'),
    files: (name) => list(name, 'isFile'),
    size: async (name) => (await stat(join(path, name))).size,
    read: (name) => readFile(join(path, name)),
    open: (name) => openBytes(join(path, name)),
    close() {},
  };
}

function treeOf(zip: ZipArchive): Tree {
  const folders = new Map<string, { readonly folders: Set<string>; readonly files: Set<string> }>();
  const folderAt = (name: string) => {
    const known = folders.get(name);
    if (known !== undefined) return known;
    const made = { folders: new Set<string>(), files: new Set<string>() };
    folders.set(name, made);
    if (name !== '.') folderAt(posix.dirname(name)).folders.add(posix.basename(name));
    return made;
  };
  folderAt('.');
  for (const name of zip.names) folderAt(posix.dirname(name)).files.add(posix.basename(name));
  // As the archive has names: `./a/` is `a`.
  const plain = (name: string): string => posix.join(name, '.').replace(/(?<=.)\/$/, '');
  const at = (name: string) => folders.get(plain(name));
  return {
    path: zip.path,
    isFolder: async (name) => at(name) !== undefined,
    isFile: async (name) => at(posix.dirname(plain(name)))?.files.has(posix.basename(plain(name))) === true,
    folders: async (name) => [...(at(name)?.folders ?? [])].sort(),
    files: async (name) => [...(at(name)?.files ?? [])].sort(),
    size: async (name) => zip.size(plain(name)),
    async read(name) {
      const chunks: Buffer[] = [];
      for await (const chunk of zip.read(plain(name))) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    open: async (name) => unpackedFrom(zip, plain(name)),
    close: () => zip.close(),
  };
}
