import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = join(import.meta.dirname, 'src') + sep;

/** Threads run compiled code, as processes do: `test/global-setup.ts` makes it. */
const compiledThreads = {
  name: 'compiled-threads',
  transform: (code: string, id: string) =>
    id.startsWith(src)
      ? code.replaceAll(/new URL\((['"])\.\/[\w-]+-thread\.js\1, import\.meta\.url\)/g, (found) =>
          found.replace('import.meta.url', JSON.stringify(pathToFileURL(id.replace(src, join(src, '../dist/'))))),
        )
      : undefined,
};

export default defineConfig({
  plugins: [compiledThreads],
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/soak/**'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
