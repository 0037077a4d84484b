import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/engine/step.js';
import type { QueryTeacherOptions } from '../../../src/options/query-teacher.js';
import { PERMISSION, TERMS } from '../../../src/teachers/claims.js';
import { claimsOf, outputsOf, problemsOf, refusalsOf, variablesOf } from '../../../src/teachers/query/policy.js';
import type { JsonObject } from '../../../src/util/json.js';
import { withDefaults } from '../../steps/context.js';

const local = { base_url: 'http://127.0.0.1:8000/v1', model: 'm' };
const optionsOf = (given: JsonObject): QueryTeacherOptions =>
  withDefaults('query-teacher', {
    teacher: local,
    task: { mode: 'classify' },
    ...given,
  }) as unknown as QueryTeacherOptions;
const problems = (given: JsonObject, secret?: string[]) =>
  problemsOf(optionsOf(given), secret).map(({ pointer, message }) => `${pointer} ${message}`);

describe('problems', () => {
  it.each<[JsonObject, string]>([
    [{ teacher: { model: 'm' } }, '/teacher the teacher has no address'],
    [{ teacher: { ...local, base_url: 'http://[' } }, '/teacher/base_url this is no address'],
    [{ budget: { usd: 1 } }, '/budget/usd a budget in dollars needs the price of a token'],
    [
      { task: { mode: 'score', criterion: 'c', minimum: 3, maximum: 3 } },
      '/task/maximum the highest score has to be more than the least, 3',
    ],
    [
      { teacher: { model: 'anthropic:m' }, task: { mode: 'classify', soft_labels: 'logprobs' } },
      '/task/soft_labels anthropic tells no log-probabilities',
    ],
    [{ teacher: { model: 'gemini:m' }, batch: true }, '/batch gemini has no Batch API that is known here'],
    [{ redact: [{ pattern: '(' }] }, '/redact/0/pattern this is not a regular expression of JavaScript'],
    ...['model', 'messages', 'stream', 'max_tokens', 'max_completion_tokens', 'logprobs', 'top_logprobs'].map(
      (name): [JsonObject, string] => [
        { teacher: { ...local, parameters: { [name]: null } } },
        `/teacher/parameters/${name} "${name}" is no further parameter`,
      ],
    ),
    [
      { teacher: { ...local, parameters: { n: '5' } } },
      '/teacher/parameters/n how many answers there are has to be a number from 1',
    ],
  ])('%j', (given, problem) => expect(problems(given)).toEqual([problem]));

  it('are none of what a recipe may say', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ teacher: { model: 'openai:gpt-4.1-mini' }, batch: true })).toEqual([]);
    expect(problems({ teacher: { ...local, parameters: { n: 3, reasoning_effort: 'low', temperature: 1 } } })).toEqual(
      [],
    );
  });

  it('nothing but keys comes from the environment: the rest is kept', () => {
    const secret = [
      '/teacher/api_key',
      '/teacher/api_key/1',
      '/teacher/base_url',
      '/teacher/parameters/user',
      '/system',
    ];
    expect(problems({}, secret).map((problem) => problem.split(' ')[0])).toEqual(secret.slice(2));
  });
});

describe('outputs and variables', () => {
  it('there are log-probabilities of labels only, where they are asked for', () => {
    const outputs = (task: JsonObject) => outputsOf(optionsOf({ task }));
    expect(outputs({ mode: 'classify' })).toEqual(['data', 'logits', 'quarantine', 'usage']);
    expect(outputs({ mode: 'match', soft_labels: 'none' })).toEqual(['data', 'quarantine', 'usage']);
    expect(outputs({ mode: 'generate' })).toEqual(['data', 'quarantine', 'usage']);
  });

  it("a provider's own variable is needed, unless the recipe has a key or an address", () => {
    const variables = (teacher: JsonObject) => variablesOf(optionsOf({ teacher }));
    expect(variables({ model: 'openai:m' })).toEqual(['OPENAI_API_KEY']);
    expect(variables({ model: 'openai:m', api_key: 'k' })).toEqual([]);
    expect(variables({ provider: 'openai', model: 'm', base_url: 'http://127.0.0.1/v1' })).toEqual([]);
    expect(variables({ provider: 'ollama', model: 'm' })).toEqual([]);
  });
});

describe('claims', () => {
  const permission = (value: string): Claim => ({
    topic: PERMISSION,
    value: { permission: value },
    pointer: '/source',
  });
  const refused = (given: JsonObject, ...claims: Claim[]) =>
    refusalsOf(optionsOf(given), claims).map(({ pointer, claim }) => [pointer, claim]);

  it('are the terms of the teacher', () => {
    expect(claimsOf(optionsOf({}))).toEqual([]);
    const terms = { allows: 'none', link: 'https://example.com' };
    expect(claimsOf(optionsOf({ teacher: { ...local, terms } }))).toEqual([
      { topic: TERMS, value: terms, pointer: '/teacher/terms/allows' },
    ]);
  });

  it('keep data on this machine that may not leave it', () => {
    const [any, masked, internal] = ['any', 'redacted', 'internal'].map(permission) as [Claim, Claim, Claim];
    const far = { teacher: { model: 'openai:m' } };
    expect(refused({}, any, masked, internal)).toEqual([]);
    expect(refused({ teacher: { provider: 'recipe', model: 'm' } }, internal)).toEqual([]);
    expect(refused(far, any)).toEqual([]);
    expect(refused(far, masked, internal)).toEqual([
      ['/teacher/model', masked],
      ['/teacher/model', internal],
    ]);
    expect(refused({ ...far, redact: ['email'] }, masked, internal)).toEqual([['/teacher/model', internal]]);
    expect(refused(far, { topic: TERMS, value: { allows: 'none' }, pointer: '' })).toEqual([]);
  });

  it.each([
    [{ base_url: 'http://127.evil.example/v1', model: 'm' }, '/teacher/base_url'],
    [{ base_url: 'http://192.168.1.2/v1', model: 'm' }, '/teacher/base_url'],
    // These are asked on this machine, and answered on Ollama's.
    [{ provider: 'ollama', model: 'gpt-oss:120b-cloud' }, '/teacher/model'],
    [{ provider: 'ollama', model: 'qwen3:cloud' }, '/teacher/model'],
  ])('%j is another machine', (teacher, pointer) => {
    const internal = permission('internal');
    expect(refused({ teacher }, internal)).toEqual([[pointer, internal]]);
    expect(refused({ teacher: { provider: 'ollama', model: 'my-cloud-model:latest' } }, internal)).toEqual([]);
  });
});
