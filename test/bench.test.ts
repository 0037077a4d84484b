import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const bench = fileURLToPath(new URL('../bench', import.meta.url));
const scripts = readdirSync(bench, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.js') && !name.includes('.venv') && !name.includes('node_modules'),
);

// Nothing else runs them, so that what they take from us could go unseen.
test('what the benchmarks import is there', async () => {
  expect(scripts.length).toBeGreaterThan(20);
  for (const name of scripts) {
    const file = join(bench, name);
    for (const [, names = '', from = ''] of readFileSync(file, 'utf8').matchAll(/import \{([^}]*)\} from '(\..*?)'/g)) {
      // Of others only what is compiled: the scripts themselves run when they are imported.
      if (!from.includes('/dist/')) continue;
      const known = (await import(pathToFileURL(resolve(dirname(file), from)).href)) as object;
      for (const each of names.split(',').map((part) => part.trim().split(' as ')[0] as string)) {
        if (each !== '') expect(Object.keys(known), `${name}: ${from}`).toContain(each);
      }
    }
  }
});
