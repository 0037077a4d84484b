import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** What docs/adding-an-objective.md quotes, each with the file that was named last before it. */
function quotations(): { readonly path: string; readonly quoted: string }[] {
  let path = '';
  return [...read('docs/adding-an-objective.md').matchAll(/^`([^`]+)`[:,]|^```\w+\n(.*?)^```/gms)].flatMap(
    ([, named, quoted]) => {
      if (named !== undefined) path = named;
      return quoted === undefined ? [] : [{ path, quoted }];
    },
  );
}

test('docs/adding-an-objective.md quotes what is in the tree', () => {
  const found = quotations();
  expect(found.map(({ path }) => path)).toEqual([
    'src/methods/objectives/embeddings.ts',
    'schemas/objectives/embeddings.schema.json',
    'src/methods/index.ts',
    'schemas/steps/train.schema.json',
    'test/golden/objectives.py',
    'test/golden/objectives.py',
  ]);
  for (const [i, { path, quoted }] of found.entries()) {
    if (i < 2) expect(quoted, path).toBe(read(path));
    else expect(read(path), path).toContain(quoted);
  }
});
