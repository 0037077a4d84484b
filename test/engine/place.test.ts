import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadRegistry } from '../../src/cli/registry.js';
import { placeOf } from '../../src/engine/place.js';
import type { StepInstance } from '../../src/engine/plan.js';
import { loadPlan } from '../../src/engine/plan-recipe.js';
import { folder } from './rig.js';

test('an option is found where the recipe writes it, and else what is around it', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'rows.jsonl'), '{}');
  writeFileSync(
    join(cwd, 'r.yaml'),
    `version: 1
name: places
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
`,
  );
  const result = await loadPlan(join(cwd, 'r.yaml'), { registry: loadRegistry(), set: {}, env: {} });
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  const [corpus] = result.value.instances as [StepInstance];
  const at = (pointer: string) => placeOf(result.value, corpus, pointer);
  expect(at('/deduplicate/near')).toEqual({ line: 8, column: 28, length: 4 });
  expect(at('/deduplicate/other')).toMatchObject({ line: 8, column: 20 });
  expect(at('/limit')).toMatchObject({ line: 6 });
  expect(placeOf({ ...result.value, places: {} }, corpus, '/source')).toEqual(corpus.place);
});
