import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('generated files', () => {
  test('are those of npm run generate', () => {
    expect(execFileSync(process.execPath, ['scripts/generate.js', '--check'], { cwd: root, encoding: 'utf8' })).toBe(
      '',
    );
  });

  test('the editor schema takes the recipes we ship and refuses a misspelt option', () => {
    const schema = JSON.parse(readFileSync(`${root}schemas/editor.schema.json`, 'utf8')) as object;
    const validate = new Ajv({ strict: false }).compile(schema);
    const recipe = parse(readFileSync(`${root}recipes/tinybert.yaml`, 'utf8')) as {
      steps: { corpus: { with: object } };
    };
    expect(validate(recipe), JSON.stringify(validate.errors)).toBe(true);
    recipe.steps.corpus.with = { ...recipe.steps.corpus.with, splt: {} };
    expect(validate(recipe)).toBe(false);
  });
});
