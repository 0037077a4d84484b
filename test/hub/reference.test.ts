import { expect, it } from 'vitest';
import { isHubReference, parseHubReference } from '../../src/hub/reference.js';

it('reads a repository and a revision', () => {
  expect(parseHubReference('hf:org/some.model-1@v1.0')).toEqual({ repository: 'org/some.model-1', revision: 'v1.0' });
  expect(parseHubReference('hf:org/name')).toEqual({ repository: 'org/name', revision: 'main' });
  expect(parseHubReference('hf:gpt2@refs/pr/3')).toEqual({ repository: 'gpt2', revision: 'refs/pr/3' });
  expect(isHubReference('hf:a')).toBe(true);
  expect(isHubReference('./hf')).toBe(false);
});

it.each([
  'hf:',
  'hf:/a',
  'hf:a/',
  'hf:a/b/c',
  'hf:../a',
  'hf:a/..',
  'hf:a/b@',
  'hf:a/b@c@d',
  'hf:a/b@../../c',
  'hf:a b/c',
  'hf:a/b@c d',
  'hf:-a/b',
])('refuses %s', (text) => {
  expect(() => parseHubReference(text)).toThrow(`"${text}" names no model on the Hub`);
});
