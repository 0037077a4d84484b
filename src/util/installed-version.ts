import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version of a package in the `node_modules` that our own code is loaded with, or `none`. */
export function installedVersion(name: string): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    try {
      const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8');
      return String((JSON.parse(text) as { version: unknown }).version);
    } catch {
      if (dirname(folder) === folder) return 'none';
    }
  }
}
