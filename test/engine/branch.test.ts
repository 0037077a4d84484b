import { describe, expect, test } from 'vitest';
import { chooseBranch } from '../../src/engine/branch.js';
import { type SchemaNode, SchemaSet } from '../../src/engine/schema-set.js';
import type { JsonObject } from '../../src/util/json.js';

const branch = (title: string, properties: JsonObject): SchemaNode => ({
  schema: { title, type: 'object', properties },
  base: '',
});
const branches = [
  branch('words', { type: { const: 'logistic' }, features: { const: 'words', default: 'words' }, n: {} }),
  branch('vectors', { type: { const: 'logistic' }, features: { const: 'vectors' }, l2: {} }),
  branch('bert', { type: { const: 'bert' } }),
];
const choose = (value: JsonObject) => {
  const choice = chooseBranch(new SchemaSet([]), branches, value);
  return 'branch' in choice ? choice.branch.schema.title : choice;
};

describe('a union of mappings', () => {
  test('goes by its tag, and among branches of one tag by a second', () => {
    expect(choose({ type: 'bert' })).toBe('bert');
    expect(choose({ type: 'logistic', features: 'vectors', n: 1 })).toBe('vectors');
    expect(choose({ type: 'logistic', features: 'words', l2: 1 })).toBe('words');
  });

  test('takes the second tag’s default where it has none', () => {
    expect(choose({ type: 'logistic', l2: 1 })).toBe('words');
  });

  test('says what a tag may be', () => {
    expect(choose({ type: 'gru' })).toEqual({ tag: 'type', values: ['logistic', 'bert'] });
    expect(choose({ features: 'vectors' })).toEqual({ tag: 'type', values: ['logistic', 'bert'] });
    expect(choose({ type: 'logistic', features: 'pixels' })).toEqual({ tag: 'features', values: ['words', 'vectors'] });
  });
});
