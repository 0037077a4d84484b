import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, recipe } from '../cli/recipe.js';
import { texts } from '../e2e/small.js';

const text = readFileSync(new URL('../../docs/self-and-online.md', import.meta.url), 'utf8');

test('the recipe of docs/self-and-online.md runs', async () => {
  const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];
  const here = folder({ 'page.yaml': yaml });
  writeFileSync(join(here, 'rows.jsonl'), texts(120));
  const ran = await recipe(here, ['run', 'page.yaml']);
  expect(ran.code, ran.err).toBe(0);
  expect(existsSync(join(here, 'out/self-and-online/student/model.safetensors'))).toBe(true);
});

test.each([
  ['after: [1, 2]', 'after: [1, 3]', 'the model has 3 layers, and its own head is after the last: no exit after 3'],
  ['outputs.peer-2', 'outputs.peer-3', 'peer-3'],
])('an exit or a peer that is not there is told with its line: %s → %s', async (from, to, message) => {
  const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];
  const here = folder({ 'page.yaml': yaml.replace(from, to) });
  writeFileSync(join(here, 'rows.jsonl'), texts(20));
  const ran = await recipe(here, ['validate', 'page.yaml']);
  expect(ran.code).not.toBe(0);
  expect(ran.err).toMatch(/^page\.yaml:\d+:\d+ error: /);
  expect(ran.err).toContain(message);
});
