import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, recipe } from '../cli/recipe.js';
import { texts } from '../e2e/small.js';

const text = readFileSync(new URL('../../docs/objectives.md', import.meta.url), 'utf8');

test('the recipe of docs/objectives.md runs, every objective of it', async () => {
  const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];
  const names = [...text.matchAll(/^\| \[`([a-z-]+)`\]/gm)].map(([, name]) => name as string);
  for (const name of names) expect(yaml, name).toContain(name);
  const here = folder({ 'objectives.yaml': yaml });
  writeFileSync(join(here, 'rows.jsonl'), texts(120));
  const ran = await recipe(here, ['run', 'objectives.yaml']);
  expect(ran.code, ran.err).toBe(0);
  expect(existsSync(join(here, 'out/objectives/student/model.safetensors'))).toBe(true);
});
