import { join, normalize } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import { folderOf, listOf, type Place, within } from './folders.js';
import { LONGEST_ROW } from './limits.js';
import { badItem, badRow, type Item, type Source } from './source.js';
import { asText, notUtf8 } from './text-file.js';
import { openTree, type Tree } from './tree.js';

export interface FolderSource extends Place {
  readonly type: 'folder';
  /** Folder in the package or path that holds the labelled folders. */
  readonly folder: string;
  /** The label of each folder's files; without it the folder's name. */
  readonly labels?: Readonly<Record<string, string | null>>;
  /** Ends of the names of the files that are read. */
  readonly extensions: readonly string[];
  readonly encoding?: string;
}

interface LabelledFile {
  /** In the tree. */
  readonly name: string;
  /** Relative to the source's folder. */
  readonly where: string;
  readonly label: string | null;
  /** The folder that it lies in. */
  readonly folder: string;
}

/** Folders of text files, or a ZIP archive of them: each file is a row, and its folder its label. It has the fields `file` and `folder`. */
export const folder: Source<FolderSource> = {
  type: 'folder',
  async *read(options, report, keys) {
    const strange = keys.find((key) => key !== 'file' && key !== 'folder');
    if (strange !== undefined) {
      const hint = 'It has "file" and "folder".';
      throw new StepFailure('no-field', `a file of a folder has no field "${strange}"`, hint, '/split');
    }
    const tree = await openTree(folderOf(options, 'folder'));
    try {
      const files = await listFiles(tree, options, report);
      for (const [done, file] of files.entries()) {
        const item = await readOne(tree, file, options.encoding);
        yield keys.length === 0 || 'unreadable' in item
          ? item
          : { ...item, keys: { file: file.where, folder: file.folder } };
        if (done % 64 === 63) {
          await report.progress({ done: done + 1, total: files.length, unit: 'files', phase: 'reading' });
        }
      }
    } finally {
      tree.close();
    }
  },
};

async function readOne(tree: Tree, { name, where, label }: LabelledFile, encoding: string | undefined): Promise<Item> {
  const path = join(tree.path, name);
  const bad = (failure: StepFailure): Item => ({ ...badItem(failure, path, where, 1), where, label });
  if ((await tree.size(name)) > LONGEST_ROW) {
    return bad(badRow(path, `the file is larger than ${LONGEST_ROW >> 20} MiB`));
  }
  const file = asText(await tree.open(name), encoding);
  const parts: Buffer[] = [];
  for await (const chunk of file.chunks) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), label };
  } catch {
    return bad(notUtf8(path, bytes));
  }
}

/** Every file, by folder and name: neither the file system's order nor the recipe's matters. */
async function listFiles(
  tree: Tree,
  options: FolderSource,
  report: { log(level: 'info', message: string): void },
): Promise<LabelledFile[]> {
  const root = within(tree.path, options.folder, 'no-folder');
  if (!(await tree.isFolder(options.folder))) throw new StepFailure('no-folder', `no folder ${root}`);
  const present = await tree.folders(options.folder);
  const labels: Readonly<Record<string, string | null>> = options.labels ?? {
    '.': null,
    ...Object.fromEntries(present.map((name) => [name, name])),
  };
  const files: LabelledFile[] = [];
  for (const [name, label] of Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = within(root, name, 'no-folder');
    const inside = join(options.folder, name);
    if (!(await tree.isFolder(inside))) {
      const hint = `It has ${listOf(present)}.`;
      throw new StepFailure('no-folder', `no folder "${name}" in ${root}`, hint, '/source/labels');
    }
    const names = (await tree.files(inside)).filter((file) => options.extensions.some((end) => file.endsWith(end)));
    if (names.length === 0 && name !== '.') {
      throw new StepFailure('empty-file', `no ${options.extensions.join(', ')} files in ${path}`, undefined, '/source');
    }
    for (const file of names) {
      files.push({ name: join(inside, file), where: normalize(join(name, file)), label, folder: name });
    }
  }
  if (files.length === 0) {
    throw new StepFailure('empty-file', `no ${options.extensions.join(', ')} files in ${root}`, undefined, '/source');
  }
  const used = new Set(Object.keys(labels).map((key) => normalize(key).split(/[\\/]/)[0]));
  const others = present.filter((name) => !used.has(name));
  if (others.length > 0) report.log('info', `folders without a label, left out: ${listOf(others)}`);
  return files;
}
