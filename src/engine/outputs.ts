import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../util/canonical.js';
import type { ExternalFiles } from './external.js';
import { fileName, isMissing } from './files.js';
import { type FinishedById, outputOf } from './fingerprint.js';
import type { Plan } from './plan.js';
import type { Manifest, Store } from './store.js';

/** A file to be in an output's folder: its hash, and where it comes from or what it holds. */
interface Wanted {
  readonly sha256: string;
  readonly source: { readonly path: string } | { readonly text: string };
}

/**
 * Copies the recipe's `outputs` from the store to `<out>/<recipe name>/<key>/`, of a matrix to `<key>/<instance>/`.
 * A folder that holds just that already is left alone; another one is replaced as a whole. A measurement becomes
 * `value.json`. Outputs of disabled steps are left out.
 * @returns the folders, by key
 */
export async function copyOutputs(
  plan: Plan,
  finished: FinishedById,
  store: Store & { manifest(digest: string): Promise<Manifest | undefined> },
  files: ExternalFiles,
  out: string,
): Promise<Record<string, string>> {
  const folders: Record<string, string> = {};
  const parent = join(out, fileName(plan.name));
  for (const [key, bindings] of Object.entries(plan.outputs)) {
    const wanted = new Map<string, Wanted>();
    let present = false;
    for (const { from, output, folder: own } of bindings) {
      const producer = finished.get(from);
      if (producer === undefined) continue;
      present = true;
      const prefix = own === undefined ? '' : `${fileName(own)}/`;
      const ref = outputOf(producer, from, output);
      if ('value' in ref) {
        const text = `${canonicalJson(ref.value)}\n`;
        wanted.set(`${prefix}value.json`, { sha256: sha256(text), source: { text } });
        continue;
      }
      const [folder, manifest] = [await store.get(ref.digest), await store.manifest(ref.digest)];
      if (folder === undefined || manifest === undefined) throw new Error(`artifact ${ref.digest} vanished`);
      for (const file of manifest.files) {
        wanted.set(prefix + file.path, { sha256: file.sha256, source: { path: join(folder, file.path) } });
      }
    }
    if (!present) continue;
    folders[key] = join(parent, fileName(key));
    if (!(await holds(folders[key], wanted, files))) await replace(parent, fileName(key), wanted);
  }
  return folders;
}

async function holds(folder: string, wanted: ReadonlyMap<string, Wanted>, files: ExternalFiles): Promise<boolean> {
  try {
    const hashes = await files.hashes(folder);
    if (Object.keys(hashes).length !== wanted.size) return false;
    return [...wanted].every(([path, file]) => hashes[path] === file.sha256);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function replace(parent: string, name: string, wanted: ReadonlyMap<string, Wanted>): Promise<void> {
  const [fresh, old] = [join(parent, `.${name}.new`), join(parent, `.${name}.old`)];
  for (const left of [fresh, old]) await rm(left, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const [path, { source }] of wanted) {
    const target = join(fresh, path);
    await mkdir(join(target, '..'), { recursive: true });
    if ('path' in source) await cp(source.path, target);
    else await writeFile(target, source.text);
  }
  try {
    await rename(join(parent, name), old);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  await rename(fresh, join(parent, name));
  await rm(old, { recursive: true, force: true });
}
