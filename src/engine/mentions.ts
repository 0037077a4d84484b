import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mention } from './check.js';
import type { Issue } from './issue.js';
import type { ExternalFile, ExternalPackage } from './plan.js';
import { quote } from './words.js';

/** Finds a file or folder that an option names, from the recipe's folder. */
export async function findFile(mention: Mention, folder: string): Promise<ExternalFile | Issue> {
  const { pointer, text } = mention;
  const path = resolve(folder, text);
  const found = text !== '' && (await stat(path).catch(() => undefined));
  if (found) return { pointer, path };
  const hint = 'Paths start from the folder of the recipe';
  return { code: 'missing-file', message: `there is no file or folder ${quote(text)}`, hint, pointer, at: 'value' };
}

/** As npm allows them; nothing that could leave `node_modules`. */
const PACKAGE_NAME = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;

/** Finds an installed npm package as Node does: in the `node_modules` above the recipe, then above this file. */
export async function findPackage(mention: Mention, folder: string): Promise<ExternalPackage | Issue> {
  const { pointer, text: name } = mention;
  if (!PACKAGE_NAME.test(name)) {
    return { code: 'bad-value', message: `${quote(name)} is not the name of an npm package`, pointer, at: 'value' };
  }
  for (const start of [folder, dirname(fileURLToPath(import.meta.url))]) {
    for (let at = start; ; at = dirname(at)) {
      const path = join(at, 'node_modules', name);
      const version = await versionOf(path);
      if (version !== undefined) return { pointer, name, version, path };
      if (dirname(at) === at) break;
    }
  }
  const message = `the npm package ${quote(name)} is not installed`;
  return { code: 'missing-package', message, hint: `Run: npm install ${name}`, pointer, at: 'value' };
}

async function versionOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : String((JSON.parse(text) as { version?: string }).version ?? '0.0.0');
}
