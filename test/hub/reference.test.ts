import { expect, test } from 'vitest';
import { isCommit, isHubReference, parseHubReference } from '../../src/hub/reference.js';

test.each([
  ['hf:google-bert/bert-base-uncased', 'google-bert/bert-base-uncased', 'main'],
  ['hf:org/name@v1.0', 'org/name', 'v1.0'],
  ['hf:org/na.me_1-x@refs/pr/3', 'org/na.me_1-x', 'refs/pr/3'],
  [`hf:gpt2@${'0a'.repeat(20)}`, 'gpt2', '0a'.repeat(20)],
  ['hf:gpt2', 'gpt2', 'main'],
  ['hf:org/name@größe+1', 'org/name', 'größe+1'],
])('%s', (text, repository, revision) => {
  expect(isHubReference(text)).toBe(true);
  expect(parseHubReference(text)).toEqual({ repository, revision });
});

test.each([
  ['hf:', '"" is no name of a repository'],
  ['hf:org/', '"org/" is no name of a repository'],
  ['hf:/name', '"/name" is no name of a repository'],
  ['hf:org/..', '"org/.." is no name of a repository'],
  ['hf:../name', '"../name" is no name of a repository'],
  ['hf:org/a..b', '"org/a..b" is no name of a repository'],
  ['hf:org/a--b', '"org/a--b" is no name of a repository'],
  ['hf:org/name.git', '"org/name.git" is no name of a repository'],
  ['hf:org/-name', '"org/-name" is no name of a repository'],
  ['hf:org /name', '"org /name" is no name of a repository'],
  ['hf:org/na?me', '"org/na?me" is no name of a repository'],
  [`hf:org/${'a'.repeat(97)}`, `"org/${'a'.repeat(97)}" is no name of a repository`],
  ['hf:datasets/org/name', 'it has more than an organisation and a name'],
  ...[
    '',
    ' ',
    'a b',
    'a..b',
    '../a',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    'a.',
    '-a',
    'a:b',
    'a\\b',
    'a~1',
    'a\0',
    'a@{1}',
  ].map((revision) => [`hf:org/name@${revision}`, `"${revision}" is no name of a branch, a tag or a commit`]),
  ['hf:org/name@a.lock', '"a.lock" is no name of a branch, a tag or a commit'],
  ['hf:org/name@a.lock/b', '"a.lock/b" is no name of a branch, a tag or a commit'],
  ['models/teacher', 'it does not start with hf:'],
])('%j is refused', (text, what) => {
  let failure: unknown;
  try {
    parseHubReference(text as string);
  } catch (error) {
    failure = error;
  }
  expect(failure).toMatchObject({
    reason: 'hub-reference',
    message: `"${text}" does not name a model on the Hugging Face Hub: ${what}`,
    hint: expect.stringContaining('hf:google-bert/bert-base-uncased@main'),
  });
});

test('other texts are no references', () => {
  expect(isHubReference('models/hf:x')).toBe(false);
  expect(isHubReference('HF:x')).toBe(false);
});

test('a commit is 40 hex digits', () => {
  expect(isCommit('0123456789abcdef0123456789abcdef01234567')).toBe(true);
  expect(isCommit('0123456789abcdef0123456789abcdef0123456')).toBe(false);
  expect(isCommit('main')).toBe(false);
});
